#pragma once

#include <cstdint>

namespace plait::cuda {

// One product of a BLAS, whose matrices are column-major: c[b] = op(x[b]) op(y[b]), m x k by k x n;
// batch b starts `stride_*` elements behind batch 0.
template <class T>
struct Product {
  bool transpose_x, transpose_y;
  int64_t m, n, k, batch;
  const T* x;
  int64_t lead_x, stride_x;
  const T* y;
  int64_t lead_y, stride_y;
  T* c;
  int64_t lead_c, stride_c;
  bool add;  // to what is in c
};

// By the device's BLAS (cuBLAS, loaded when it is first asked for; PLAIT_CUBLAS_LIBRARY names the
// file). False: there is none, or a size is beyond it.
bool multiply(const Product<float>& p);
bool multiply(const Product<double>& p);

}  // namespace plait::cuda
