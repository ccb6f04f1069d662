#include "kernels/lapack.h"

#include <algorithm>
#include <vector>

#include <lapacke.h>

#define PLAIT_PASTE2(a, b) a##b
#define PLAIT_PASTE(a, b) PLAIT_PASTE2(a, b)
#ifdef PLAIT_BLAS_PREFIX
#define PLAIT_LAPACKE(name) PLAIT_PASTE(PLAIT_BLAS_PREFIX, LAPACKE_##name)
#else
#define PLAIT_LAPACKE(name) LAPACKE_##name
#endif

namespace plait::kernels::lapack {
namespace {

constexpr int kRows = LAPACK_ROW_MAJOR;
int narrow(int64_t n) { return static_cast<int>(n); }

// The upper part of the first `rows` rows of a factored matrix.
template <class T>
void copy_upper(int64_t rows, int64_t n, const T* a, T* r) {
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < n; ++j) r[i * n + j] = j < i ? T(0) : a[i * n + j];
  }
}

}  // namespace

#define PLAIT_LAPACK_FUNCTIONS(T, letter)                                                        \
  int64_t cholesky(int64_t n, T* a) {                                                            \
    return PLAIT_LAPACKE(letter##potrf)(kRows, 'L', narrow(n), a, narrow(n));                    \
  }                                                                                              \
  int64_t lu(int64_t n, T* a, int32_t* pivot) {                                                  \
    return PLAIT_LAPACKE(letter##getrf)(kRows, narrow(n), narrow(n), a, narrow(n), pivot);       \
  }                                                                                              \
  int64_t inverse(int64_t n, T* a) {                                                             \
    std::vector<int32_t> pivot(static_cast<size_t>(n));                                          \
    const int64_t info = lu(n, a, pivot.data());                                                 \
    if (info) return info;                                                                       \
    return PLAIT_LAPACKE(letter##getri)(kRows, narrow(n), a, narrow(n), pivot.data());           \
  }                                                                                              \
  int64_t solve(int64_t n, int64_t columns, T* a, T* b) {                                        \
    std::vector<int32_t> pivot(static_cast<size_t>(n));                                          \
    return PLAIT_LAPACKE(letter##gesv)(kRows, narrow(n), narrow(columns), a, narrow(n),          \
                                       pivot.data(), b, narrow(columns));                        \
  }                                                                                              \
  int64_t qr(int64_t m, int64_t n, T* a, T* r) {                                                 \
    const int64_t k = std::min(m, n);                                                            \
    std::vector<T> tau(static_cast<size_t>(k));                                                  \
    int64_t info =                                                                               \
        PLAIT_LAPACKE(letter##geqrf)(kRows, narrow(m), narrow(n), a, narrow(n), tau.data());     \
    if (info) return info;                                                                       \
    copy_upper(k, n, a, r);                                                                      \
    return PLAIT_LAPACKE(letter##orgqr)(kRows, narrow(m), narrow(k), narrow(k), a, narrow(n),    \
                                        tau.data());                                             \
  }                                                                                              \
  int64_t qr_complete(int64_t m, int64_t n, T* a, T* q, T* r) {                                  \
    const int64_t k = std::min(m, n);                                                            \
    std::vector<T> tau(static_cast<size_t>(k));                                                  \
    int64_t info =                                                                               \
        PLAIT_LAPACKE(letter##geqrf)(kRows, narrow(m), narrow(n), a, narrow(n), tau.data());     \
    if (info) return info;                                                                       \
    copy_upper(m, n, a, r);                                                                      \
    for (int64_t i = 0; i < m; ++i) {                                                            \
      for (int64_t j = 0; j < m; ++j) q[i * m + j] = j < n ? a[i * n + j] : T(0);                \
    }                                                                                            \
    return PLAIT_LAPACKE(letter##orgqr)(kRows, narrow(m), narrow(m), narrow(k), q, narrow(m),    \
                                        tau.data());                                             \
  }                                                                                              \
  int64_t svd(int64_t m, int64_t n, bool full, T* a, T* s, T* u, T* vt) {                        \
    const int64_t columns = full ? m : std::min(m, n);                                           \
    return PLAIT_LAPACKE(letter##gesdd)(kRows, full ? 'A' : 'S', narrow(m), narrow(n), a,        \
                                        narrow(n), s, u, narrow(columns), vt, narrow(n));        \
  }                                                                                              \
  int64_t symmetric_eigen(int64_t n, bool upper, T* a, T* w) {                                   \
    return PLAIT_LAPACKE(letter##syevd)(kRows, 'V', upper ? 'U' : 'L', narrow(n), a, narrow(n),  \
                                        w);                                                      \
  }                                                                                              \
  int64_t eigen(int64_t n, T* a, T* real, T* imaginary, T* v) {                                  \
    return PLAIT_LAPACKE(letter##geev)(kRows, 'N', v ? 'V' : 'N', narrow(n), a, narrow(n), real, \
                                       imaginary, nullptr, narrow(n), v, narrow(n));             \
  }

PLAIT_LAPACK_FUNCTIONS(float, s)
PLAIT_LAPACK_FUNCTIONS(double, d)

}  // namespace plait::kernels::lapack
