#pragma once

#include <cstdint>
#include <ostream>
#include <span>
#include <string>

#include "base/error.h"
#include "base/small_vec.h"

namespace plait {

inline constexpr int kMaxNdim = 32;

// Sizes, strides or axes: one int64 for each axis.
using Dims = SmallVec<int64_t, 6>;

// None among the integers of a tuple, as in the bounds of a slice.
inline constexpr int64_t kNone = INT64_MIN;

// Number of elements of an array of this shape; 1 for no axes.
inline int64_t num_elements(std::span<const int64_t> shape) {
  int64_t n = 1;
  for (int64_t d : shape) n *= d;
  return n;
}
inline int64_t num_elements(const Dims& shape) {
  return num_elements(std::span<const int64_t>(shape.data(), shape.size()));
}

// Bytes of an array with `item` bytes an element. Throws ErrorKind::kShape if a size is negative,
// or if the bytes or the strides do not fit in 64 bits; of empty arrays the sizes that are not 0
// count.
int64_t check_size(const Dims& shape, int64_t item);

// Row-major strides in elements.
inline Dims contiguous_strides(const Dims& shape) {
  Dims strides(shape.size());
  int64_t step = 1;
  for (size_t i = shape.size(); i-- > 0;) {
    strides[i] = step;
    step *= shape[i];
  }
  return strides;
}

// True if elements lie in row-major order without gaps (axes of size 1 may have any stride).
inline bool is_contiguous(const Dims& shape, const Dims& strides) {
  if (num_elements(shape) == 0) return true;
  int64_t step = 1;
  for (size_t i = shape.size(); i-- > 0;) {
    if (shape[i] != 1 && strides[i] != step) return false;
    step *= shape[i];
  }
  return true;
}

// "(2, 3)", "(2,)" and "()" as Python prints tuples.
std::string to_string(const Dims& dims);
inline std::ostream& operator<<(std::ostream& out, const Dims& dims) {
  return out << to_string(dims);
}

// Axis counted from the front; `name` is the argument's name in the message.
inline int64_t normalize_axis(int64_t axis, int64_t ndim, const char* name = "axis") {
  if (axis < -ndim || axis >= ndim) {
    fail(ErrorKind::kIndex, name, " is ", axis, ", must be in [", -ndim, ", ", ndim - 1,
         "] for an array of ", ndim, " dimensions");
  }
  return axis < 0 ? axis + ndim : axis;
}

// NumPy's broadcasting rule; throws ErrorKind::kShape when the shapes do not fit.
Dims broadcast_shapes(const Dims& a, const Dims& b);

}  // namespace plait
