#pragma once

#include "op/op.h"

// Limits of attributes that sizes are computed from: anybody may give any 64-bit number.
namespace plait::ops {

// Windows, steps and borders lie below 2^31, so that the product of two of them fits in 64 bits.
inline void check_extent(int64_t value, int64_t least, const char* name) {
  check(value >= least && value < int64_t{1} << 31, ErrorKind::kInvalidArgument, name, " is ",
        value, ", must be in [", least, ", 2^31)");
}
inline void check_extents(const Dims& values, int64_t least, const char* name) {
  for (int64_t v : values) {
    check(v >= least && v < int64_t{1} << 31, ErrorKind::kInvalidArgument, name, " is ", values,
          ", must be in [", least, ", 2^31)");
  }
}
// Of an operator with as many outputs.
inline void check_pieces(int64_t value, const char* name) {
  check(value >= 1 && value <= 1 << 20, ErrorKind::kInvalidArgument, name, " is ", value,
        ", must be in [1, 2^20]");
}
// Of a window that moves over images: one size for each spatial axis.
inline void check_window(const Dims& kernel, const Dims& stride, const Dims& dilate,
                         const Dims& pad) {
  check_extents(kernel, 1, "kernel");
  check_extents(stride, 1, "stride");
  check_extents(dilate, 1, "dilate");
  check_extents(pad, 0, "pad");
}
// The diagonal of a matrix: 0 the main one.
inline void check_diagonal(int64_t value, const char* name) {
  constexpr int64_t kLimit = int64_t{1} << 31;
  check(value > -kLimit && value < kLimit, ErrorKind::kInvalidArgument, name, " is ", value,
        ", must be in (-2^31, 2^31)");
}

// The attribute `value` times a size.
inline int64_t times(int64_t value, int64_t size, const char* name) {
  int64_t product = 0;
  check(!__builtin_mul_overflow(value, size, &product), ErrorKind::kInvalidArgument, name, " is ",
        value, ", must fit in 64 bits times ", size);
  return product;
}
inline int64_t product(const Dims& sizes, const char* name) {
  int64_t n = 1;
  for (int64_t size : sizes) n = times(size, n, name);
  return n;
}

}  // namespace plait::ops
