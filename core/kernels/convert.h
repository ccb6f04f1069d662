#pragma once

#include <cstdint>

#include "base/dtype.h"

namespace plait::kernels {

// Elements that are converted at a time, between which data stay in the first-level cache.
inline constexpr int64_t kBlock = 512;
inline constexpr int64_t kWidest = 16;  // bytes of the largest element

// dst[i] = src[i * step] for i in [0, n). Real numbers lose their fraction on the way to integers
// and wrap around; anything but 0 becomes true; of complex numbers real types get the real part.
// Ranges must not overlap unless they are equal and the types have one size.
void convert(const void* src, DType from, int64_t step, void* dst, DType to, int64_t n);

// dst[i * step] = src[i].
void convert_scatter(const void* src, DType from, void* dst, DType to, int64_t step, int64_t n);

// The type in which arithmetic on `d` is done: float32, float64, int32, int64 or a complex type.
inline DType compute_type(DType d) {
  switch (d) {
    case DType::kFloat64:
    case DType::kComplex64:
    case DType::kComplex128: return d;
    case DType::kFloat32:
    case DType::kFloat16:
    case DType::kBfloat16: return DType::kFloat32;
    case DType::kInt64:
    case DType::kUint32:
    case DType::kUint64: return DType::kInt64;
    default: return DType::kInt32;
  }
}

}  // namespace plait::kernels
