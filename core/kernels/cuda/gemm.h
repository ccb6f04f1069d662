#pragma once

#include "kernels/gemm.h"

namespace plait::cuda {

// c[b] = op(x[b]) op(y[b]), plus c[b] itself with `add`; row-major, batch b starts `stride_*`
// elements behind batch 0. By the device's BLAS where there is one for the type, else by a kernel
// of ours.
template <class T>
struct Strided {
  kernels::Gemm g;
  const T* x;
  int64_t stride_x;
  const T* y;
  int64_t stride_y;
  T* c;
  int64_t stride_c;
  bool add = false;
};

void multiply_rows(const Strided<float>& s);
void multiply_rows(const Strided<double>& s);

}  // namespace plait::cuda
