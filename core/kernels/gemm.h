#pragma once

#include <cstdint>

#include "base/dtype.h"

namespace plait::kernels {

// c[b] = op(x[b]) op(y[b]) + bias for b in [0, batch); matrices are row-major without gaps.
// op(x) is m x k, op(y) is k x n; a transposed operand is stored the other way round.
struct Gemm {
  bool transpose_x = false, transpose_y = false;
  int64_t batch = 1, m = 0, n = 0, k = 0;
};

// All operands have type `dtype`; bias (n elements) may be null. float16 and bfloat16 are computed
// in float32, integers with wrap-around.
void gemm(const Gemm& g, DType dtype, const void* x, const void* y, const void* bias, void* c,
          int threads);

}  // namespace plait::kernels
