#include "kernels/lapack.h"

#include <algorithm>
#include <vector>

#define LAPACK_COMPLEX_CUSTOM  // else C's complex types, which C++ lacks
#define lapack_complex_float std::complex<float>
#define lapack_complex_double std::complex<double>
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

#define PLAIT_LAPACK_FUNCTIONS(T, R, letter, unitary, hermitian)                              \
  int64_t cholesky(int64_t n, T* a) {                                                         \
    return PLAIT_LAPACKE(letter##potrf)(kRows, 'L', narrow(n), a, narrow(n));                 \
  }                                                                                           \
  int64_t lu(int64_t n, T* a, int32_t* pivot) {                                               \
    return PLAIT_LAPACKE(letter##getrf)(kRows, narrow(n), narrow(n), a, narrow(n), pivot);    \
  }                                                                                           \
  int64_t inverse(int64_t n, T* a) {                                                          \
    std::vector<int32_t> pivot(static_cast<size_t>(n));                                       \
    const int64_t info = lu(n, a, pivot.data());                                              \
    if (info) return info;                                                                    \
    return PLAIT_LAPACKE(letter##getri)(kRows, narrow(n), a, narrow(n), pivot.data());        \
  }                                                                                           \
  int64_t solve(int64_t n, int64_t columns, T* a, T* b) {                                     \
    std::vector<int32_t> pivot(static_cast<size_t>(n));                                       \
    return PLAIT_LAPACKE(letter##gesv)(kRows, narrow(n), narrow(columns), a, narrow(n),       \
                                       pivot.data(), b, narrow(columns));                     \
  }                                                                                           \
  int64_t qr(int64_t m, int64_t n, T* a, T* r) {                                              \
    const int64_t k = std::min(m, n);                                                         \
    std::vector<T> tau(static_cast<size_t>(k));                                               \
    int64_t info =                                                                            \
        PLAIT_LAPACKE(letter##geqrf)(kRows, narrow(m), narrow(n), a, narrow(n), tau.data());  \
    if (info) return info;                                                                    \
    copy_upper(k, n, a, r);                                                                   \
    return PLAIT_LAPACKE(letter##unitary##gqr)(kRows, narrow(m), narrow(k), narrow(k), a,     \
                                               narrow(n), tau.data());                        \
  }                                                                                           \
  int64_t qr_complete(int64_t m, int64_t n, T* a, T* q, T* r) {                               \
    const int64_t k = std::min(m, n);                                                         \
    std::vector<T> tau(static_cast<size_t>(k));                                               \
    int64_t info =                                                                            \
        PLAIT_LAPACKE(letter##geqrf)(kRows, narrow(m), narrow(n), a, narrow(n), tau.data());  \
    if (info) return info;                                                                    \
    copy_upper(m, n, a, r);                                                                   \
    for (int64_t i = 0; i < m; ++i) {                                                         \
      for (int64_t j = 0; j < m; ++j) q[i * m + j] = j < n ? a[i * n + j] : T(0);             \
    }                                                                                         \
    return PLAIT_LAPACKE(letter##unitary##gqr)(kRows, narrow(m), narrow(m), narrow(k), q,     \
                                               narrow(m), tau.data());                        \
  }                                                                                           \
  int64_t svd(int64_t m, int64_t n, bool full, T* a, R* s, T* u, T* vt) {                     \
    const int64_t columns = full ? m : std::min(m, n);                                        \
    return PLAIT_LAPACKE(letter##gesdd)(kRows, full ? 'A' : 'S', narrow(m), narrow(n), a,     \
                                        narrow(n), s, u, narrow(columns), vt, narrow(n));     \
  }                                                                                           \
  int64_t hermitian_eigen(int64_t n, bool upper, T* a, R* w) {                                \
    return PLAIT_LAPACKE(letter##hermitian##evd)(kRows, 'V', upper ? 'U' : 'L', narrow(n), a, \
                                                 narrow(n), w);                               \
  }

PLAIT_LAPACK_FUNCTIONS(float, float, s, or, sy)
PLAIT_LAPACK_FUNCTIONS(double, double, d, or, sy)
PLAIT_LAPACK_FUNCTIONS(Complex64, float, c, un, he)
PLAIT_LAPACK_FUNCTIONS(Complex128, double, z, un, he)

#define PLAIT_LAPACK_REAL_EIGEN(T, letter)                                                         \
  int64_t eigen(int64_t n, T* a, T* w, T* v) {                                                     \
    std::vector<T> imaginary(static_cast<size_t>(n));                                              \
    const int64_t info =                                                                           \
        PLAIT_LAPACKE(letter##geev)(kRows, 'N', 'V', narrow(n), a, narrow(n), w, imaginary.data(), \
                                    nullptr, narrow(n), v, narrow(n));                             \
    const bool all_real =                                                                          \
        std::all_of(imaginary.begin(), imaginary.end(), [](T i) { return i == 0; });               \
    return info != 0 || all_real ? info : n + 1;                                                   \
  }
#define PLAIT_LAPACK_COMPLEX_EIGEN(T, letter)                                                \
  int64_t eigen(int64_t n, T* a, T* w, T* v) {                                               \
    return PLAIT_LAPACKE(letter##geev)(kRows, 'N', 'V', narrow(n), a, narrow(n), w, nullptr, \
                                       narrow(n), v, narrow(n));                             \
  }

PLAIT_LAPACK_REAL_EIGEN(float, s)
PLAIT_LAPACK_REAL_EIGEN(double, d)
PLAIT_LAPACK_COMPLEX_EIGEN(Complex64, c)
PLAIT_LAPACK_COMPLEX_EIGEN(Complex128, z)

}  // namespace plait::kernels::lapack
