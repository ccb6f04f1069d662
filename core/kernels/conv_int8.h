#pragma once

#include <cstdint>

#include "kernels/convolution.h"

namespace plait::kernels {

// A convolution of whole numbers over two spatial axes, with channels last. Products are summed
// exactly; a result is
//
//   scale[channel] * sum + bias[channel] + sum_scale * operand
//
// cut off at 0 with `relu`, and rounded to the nearest number of `out` unless that is float32.
struct Int8Conv {
  Conv shape;
  DType data = DType::kUint8;  // or int8; weights are int8
  DType out = DType::kInt8;    // int8, uint8 or float32
  bool has_bias = false, relu = false;
  double sum_scale = 0;             // 0: there is no operand
  DType operand = DType::kFloat32;  // with `out` float32 the same, else int8 or uint8
};

struct Int8Operands {
  const void *data, *weight;  // (out_channels, in_channels / groups, kernel)
  const float *scale, *bias;  // (out_channels,)
  const void* operand;        // as the result
};

void conv(const Int8Conv& c, const Int8Operands& in, void* out, int threads);

// Weights in the layout that the kernel reads, if `shape.packed` says that they are: this many
// bytes.
int64_t packed_size(const Int8Conv& c);
void pack(const Int8Conv& c, const void* weight, void* to, int threads);

}  // namespace plait::kernels
