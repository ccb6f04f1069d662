#pragma once

#include "base/dims.h"
#include "base/target.h"

namespace plait::cuda {

// Offsets of the elements of a strided array, counted in row-major order: part of a kernel.
struct Places {
  int32_t ndim = 0;
  int64_t size = 1;
  int64_t shape[kMaxNdim], stride[kMaxNdim];

  Places() = default;
  // Axes of size 1 are dropped, and neighbours that lie without gaps are merged.
  Places(const Dims& sizes, const Dims& strides) {
    for (size_t i = 0; i < sizes.size(); ++i) add(sizes[i], strides[i]);
  }
  void add(int64_t n, int64_t step) {
    size *= n;
    if (n == 1) return;
    if (ndim > 0 && stride[ndim - 1] == step * n) {
      shape[ndim - 1] *= n;
      stride[ndim - 1] = step;
    } else {
      shape[ndim] = n;
      stride[ndim++] = step;
    }
  }
  PLAIT_FN int64_t at(int64_t i) const {
    if (ndim == 1) return i * stride[0];
    int64_t offset = 0;
    for (int32_t d = ndim; d-- > 0;) {
      offset += i % shape[d] * stride[d];
      i /= shape[d];
    }
    return offset;
  }
};

}  // namespace plait::cuda
