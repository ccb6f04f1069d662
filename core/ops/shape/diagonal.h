#pragma once

#include <algorithm>

#include "op/op.h"

namespace plait::ops {

// A diagonal of an array as a view of it: axes but axis1 and axis2, then the diagonal, which is
// above the main one for k > 0 and below it for k < 0. It has no elements where there is none.
struct Diagonal {
  Dims shape, strides;
  int64_t offset = 0;  // in elements

  Diagonal(int64_t k, int64_t axis1, int64_t axis2, const Dims& data, const Dims& steps) {
    const auto ndim = static_cast<int64_t>(data.size());
    const int64_t row = normalize_axis(axis1, ndim, "axis1"),
                  column = normalize_axis(axis2, ndim, "axis2");
    check(row != column, ErrorKind::kInvalidArgument, "axis1 and axis2 are ", axis1, " and ", axis2,
          ", must differ");
    for (int64_t i = 0; i < ndim; ++i) {
      if (i == row || i == column) continue;
      shape.push_back(data[i]);
      strides.push_back(steps[i]);
    }
    const int64_t down = k < 0 ? -std::max(k, -data[row]) : 0,
                  right = std::clamp<int64_t>(k, 0, data[column]);
    shape.push_back(std::min(data[row] - down, data[column] - right));
    strides.push_back(shape.back() > 1 ? steps[row] + steps[column] : 1);
    if (num_elements(shape) > 0) offset = down * steps[row] + right * steps[column];
  }
  View of(const View& v) const {
    return {v.ptr<char>() + offset * dtype_size(v.dtype), &shape, &strides, v.dtype,
            is_contiguous(shape, strides)};
  }
};

}  // namespace plait::ops
