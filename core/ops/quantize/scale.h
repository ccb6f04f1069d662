#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

#include "op/op.h"

// Whole numbers that stand for real ones, as in MXNet's files: an array of int8, uint8 or int32
// with a range [low, high] holds real numbers divided by max(|low|, |high|) / levels. Half a level
// is added to the largest number of int8 and uint8, so that rounding uses the whole range.
namespace plait::ops {

inline double levels_of(DType d) {
  return d == DType::kInt8 ? 127.5 : d == DType::kUint8 ? 255.5 : 2147483647.0;
}

inline double largest(double low, double high) { return std::max(std::fabs(low), std::fabs(high)); }

// The only element of a range's end.
inline double range_end(const View& v) { return static_cast<double>(v.ptr<float>()[0]); }

// Real number for each step of an array of type `d` with this range.
inline double scale_of(DType d, const View& low, const View& high) {
  return largest(range_end(low), range_end(high)) / levels_of(d);
}

// `in[i]` is an end of a range: one float32.
inline void check_range_end(const Specs& in, size_t i, const char* name) {
  check(num_elements(in[i].shape) == 1 && in[i].dtype == DType::kFloat32, ErrorKind::kShape, name,
        " has shape ", in[i].shape, " and dtype ", in[i].dtype, ", must be one float32");
}

inline void check_low(const Spec& s, const char* name) {
  check(s.dtype == DType::kInt8 || s.dtype == DType::kUint8, ErrorKind::kType, name, " has dtype ",
        s.dtype, ", must be int8 or uint8");
}

inline const Spec kRangeEnd{Dims{1}, DType::kFloat32};

// The nearest whole number within T, the even one of two; -128 is not used.
template <class T>
T quantized(double steps) {
  constexpr double kLow = std::is_same_v<T, int8_t> ? -127.0 : std::numeric_limits<T>::min();
  constexpr double kHigh = std::numeric_limits<T>::max();
  return static_cast<T>(std::clamp(std::nearbyint(steps), kLow, kHigh));
}

}  // namespace plait::ops
