#pragma once

#include <cstdint>

#include "base/dtype.h"
#include "kernels/epilogue.h"

namespace plait::kernels {

// c[b] = op(x[b]) op(y[b]) + bias for b in [0, batch); matrices are row-major without gaps.
// op(x) is m x k, op(y) is k x n; a transposed operand is stored the other way round.
struct Gemm {
  bool transpose_x = false, transpose_y = false;
  int64_t batch = 1, m = 0, n = 0, k = 0;
};

// All operands have type `dtype`; bias (n elements) may be null. float16 and bfloat16 are computed
// in float32, integers with wrap-around. Only float32 results may be finished by an epilogue, and
// then no size is 0.
void gemm(const Gemm& g, DType dtype, const void* x, const void* y, const void* bias, void* c,
          int threads, const Finish& finish = {});

// The same for many x and one y, which is brought into the kernel's layout once. `y` must stay.
class GemmWith {
 public:
  GemmWith(const Gemm& g, DType dtype, const void* y, int threads);
  GemmWith(const GemmWith&) = delete;
  ~GemmWith();
  void run(const void* x, const void* bias, void* c) const;

 private:
  Gemm gemm_;
  DType dtype_;
  const void* y_;
  int threads_;
  void* packed_ = nullptr;  // float32 only
  int64_t bytes_ = 0;
};

// Products of float32 with a y that stays: in the layout that the kernel likes best, which a caller
// may keep. It is that for the sizes `usual`; others may differ from these in m.
int64_t gemm_packed_size(const Gemm& usual);  // numbers
void gemm_pack(const Gemm& usual, const float* y, float* to, int threads);
void gemm_packed(const Gemm& g, const Gemm& usual, const float* x, const float* packed,
                 const float* bias, float* c, int threads, const Finish& finish = {});

}  // namespace plait::kernels
