#pragma once

#include <cstdint>

#include "base/dtype.h"

// LAPACK for float and double (T and R) and for complex numbers of them. Matrices are row-major
// without gaps. Each function returns LAPACK's info: 0, or > 0 where the matrix does not allow it
// (singular, not definite, no convergence).
namespace plait::kernels::lapack {

#define PLAIT_LAPACK_FUNCTIONS(T, R)                                                               \
  /* a (n x n, Hermitian, lower triangle read) becomes L with L L^H = a; above L stays as it is */ \
  int64_t cholesky(int64_t n, T* a);                                                               \
  /* a becomes its LU factors; pivot has n numbers, row i was exchanged with row pivot[i] - 1 */   \
  int64_t lu(int64_t n, T* a, int32_t* pivot);                                                     \
  /* a becomes its inverse */                                                                      \
  int64_t inverse(int64_t n, T* a);                                                                \
  /* b (n x columns) becomes x with a x = b; a is overwritten */                                   \
  int64_t solve(int64_t n, int64_t columns, T* a, T* b);                                           \
  /* a (m x n) = q r, k = min(m, n): a becomes q in its first k columns, r is k x n */             \
  int64_t qr(int64_t m, int64_t n, T* a, T* r);                                                    \
  /* The whole q, m x m, and r, m x n, from a (m x n), which is overwritten */                     \
  int64_t qr_complete(int64_t m, int64_t n, T* a, T* q, T* r);                                     \
  /* a (m x n) = u diag(s) vt; `full`: u m x m and vt n x n, else m x k and k x n */               \
  int64_t svd(int64_t m, int64_t n, bool full, T* a, R* s, T* u, T* vt);                           \
  /* a (Hermitian) becomes its eigenvectors in columns, w their values, ascending */               \
  int64_t hermitian_eigen(int64_t n, bool upper, T* a, R* w);                                      \
  /* Eigenvalues w and unit right eigenvectors v in columns; a is overwritten. Real matrices whose \
     eigenvalues are not real give n + 1. */                                                       \
  int64_t eigen(int64_t n, T* a, T* w, T* v);

PLAIT_LAPACK_FUNCTIONS(float, float)
PLAIT_LAPACK_FUNCTIONS(double, double)
PLAIT_LAPACK_FUNCTIONS(Complex64, float)
PLAIT_LAPACK_FUNCTIONS(Complex128, double)
#undef PLAIT_LAPACK_FUNCTIONS

}  // namespace plait::kernels::lapack
