#pragma once

#include <bit>
#include <complex>
#include <cstdint>
#include <cstring>
#include <ostream>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/target.h"

namespace plait {

// Numbers are those of MXNet's array files; it has no complex numbers.
enum class DType : int32_t {
  kFloat32 = 0,
  kFloat64 = 1,
  kFloat16 = 2,
  kUint8 = 3,
  kInt32 = 4,
  kInt8 = 5,
  kInt64 = 6,
  kBool = 7,
  kInt16 = 8,
  kUint16 = 9,
  kUint32 = 10,
  kUint64 = 11,
  kBfloat16 = 12,
  kComplex64 = 13,
  kComplex128 = 14,
};
inline constexpr int kNumDTypes = 15;

using Complex64 = std::complex<float>;
using Complex128 = std::complex<double>;

// IEEE 754 binary16. Storage only: arithmetic is done in float.
struct Half {
  uint16_t bits = 0;
  Half() = default;
  PLAIT_FN Half(float value);
  PLAIT_FN operator float() const;
};

// The upper half of a binary32. Storage only: arithmetic is done in float.
struct Bfloat {
  uint16_t bits = 0;
  Bfloat() = default;
  PLAIT_FN Bfloat(float value) {
    uint32_t u = std::bit_cast<uint32_t>(value);
    const bool nan = (u & 0x7fffffffu) > 0x7f800000u;
    u += 0x7fffu + ((u >> 16) & 1);  // round to nearest, ties to even
    bits = nan ? uint16_t{0x7fc0} : static_cast<uint16_t>(u >> 16);
  }
  PLAIT_FN operator float() const {
    return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16);
  }
};

PLAIT_FN inline Half::Half(float value) {
  const uint32_t u = std::bit_cast<uint32_t>(value);
  const uint32_t sign = (u >> 16) & 0x8000u;
  const uint32_t magnitude = u & 0x7fffffffu;
  uint32_t out;
  if (magnitude >= 0x47800000u) {  // overflow, infinity, NaN
    out = magnitude > 0x7f800000u ? 0x7e00u : 0x7c00u;
  } else if (magnitude < 0x38800000u) {  // subnormal: let the adder round
    const float shifted = std::bit_cast<float>(magnitude) + 0.5f;
    out = std::bit_cast<uint32_t>(shifted) - 0x3f000000u;
  } else {
    out = (magnitude - 0x38000000u + 0xfffu + ((magnitude >> 13) & 1)) >> 13;
  }
  bits = static_cast<uint16_t>(sign | out);
}

PLAIT_FN inline Half::operator float() const {
  const uint32_t sign = static_cast<uint32_t>(bits & 0x8000u) << 16;
  const uint32_t magnitude = bits & 0x7fffu;
  uint32_t out;
  if (magnitude >= 0x7c00u) {
    out = 0x7f800000u | ((magnitude & 0x3ffu) << 13);
  } else if (magnitude < 0x400u) {
    out = std::bit_cast<uint32_t>(static_cast<float>(magnitude) * 0x1p-24f);
  } else {
    out = (magnitude << 13) + 0x38000000u;
  }
  return std::bit_cast<float>(sign | out);
}

// Bytes of one element.
inline int64_t dtype_size(DType dtype) {
  constexpr int8_t kSizes[kNumDTypes] = {4, 8, 2, 1, 4, 1, 8, 1, 2, 2, 4, 8, 2, 8, 16};
  return kSizes[static_cast<size_t>(dtype)];
}
const char* dtype_name(DType dtype);      // "float32"
DType dtype_from_name(std::string_view);  // throws ErrorKind::kType
DType dtype_from_number(int64_t);         // throws ErrorKind::kType

inline bool is_floating(DType d) {
  return d == DType::kFloat32 || d == DType::kFloat64 || d == DType::kFloat16 ||
         d == DType::kBfloat16;
}
inline bool is_complex(DType d) { return d == DType::kComplex64 || d == DType::kComplex128; }
// Real or complex numbers with fractions: gradients flow through them.
inline bool is_inexact(DType d) { return is_floating(d) || is_complex(d); }
inline bool is_integer(DType d) { return !is_inexact(d) && d != DType::kBool; }
// The type of the parts of a complex number; a real type itself.
inline DType real_of(DType d) {
  if (!is_complex(d)) return d;
  return d == DType::kComplex64 ? DType::kFloat32 : DType::kFloat64;
}
// The complex type whose parts hold numbers of type `d`.
inline DType complex_of(DType d) {
  const bool wide = d == DType::kFloat64 || d == DType::kComplex128;
  return wide ? DType::kComplex128 : DType::kComplex64;
}

inline std::ostream& operator<<(std::ostream& out, DType d) { return out << dtype_name(d); }

// The type both are converted to in NumPy's world (float16 with bfloat16 gives float32;
// an integer with a float gives the float; with a complex type the parts are promoted).
DType promote(DType a, DType b);

template <class T>
constexpr DType dtype_of();
#define PLAIT_DTYPE_OF(type, value)  \
  template <>                        \
  constexpr DType dtype_of<type>() { \
    return DType::value;             \
  }
PLAIT_DTYPE_OF(float, kFloat32)
PLAIT_DTYPE_OF(double, kFloat64)
PLAIT_DTYPE_OF(Half, kFloat16)
PLAIT_DTYPE_OF(Bfloat, kBfloat16)
PLAIT_DTYPE_OF(uint8_t, kUint8)
PLAIT_DTYPE_OF(int8_t, kInt8)
PLAIT_DTYPE_OF(int16_t, kInt16)
PLAIT_DTYPE_OF(int32_t, kInt32)
PLAIT_DTYPE_OF(int64_t, kInt64)
PLAIT_DTYPE_OF(bool, kBool)
PLAIT_DTYPE_OF(uint16_t, kUint16)
PLAIT_DTYPE_OF(uint32_t, kUint32)
PLAIT_DTYPE_OF(uint64_t, kUint64)
PLAIT_DTYPE_OF(Complex64, kComplex64)
PLAIT_DTYPE_OF(Complex128, kComplex128)
#undef PLAIT_DTYPE_OF

// Calls f(T{}) with the C++ type of `dtype`, which must be real.
template <class F>
decltype(auto) dispatch_all(DType dtype, F&& f) {
  switch (dtype) {
    case DType::kFloat32: return f(float{});
    case DType::kFloat64: return f(double{});
    case DType::kFloat16: return f(Half{});
    case DType::kBfloat16: return f(Bfloat{});
    case DType::kUint8: return f(uint8_t{});
    case DType::kInt8: return f(int8_t{});
    case DType::kInt16: return f(int16_t{});
    case DType::kInt32: return f(int32_t{});
    case DType::kInt64: return f(int64_t{});
    case DType::kBool: return f(bool{});
    case DType::kUint16: return f(uint16_t{});
    case DType::kUint32: return f(uint32_t{});
    case DType::kUint64: return f(uint64_t{});
    default: fail(ErrorKind::kType, "dtype is ", dtype, ", must be real");
  }
}

// The same for real and complex types.
template <class F>
decltype(auto) dispatch_any(DType dtype, F&& f) {
  if (dtype == DType::kComplex64) return f(Complex64{});
  if (dtype == DType::kComplex128) return f(Complex128{});
  return dispatch_all(dtype, f);
}

// The same for the floating types; others throw ErrorKind::kType.
template <class F>
decltype(auto) dispatch_floating(DType dtype, F&& f) {
  switch (dtype) {
    case DType::kFloat32: return f(float{});
    case DType::kFloat64: return f(double{});
    case DType::kFloat16: return f(Half{});
    case DType::kBfloat16: return f(Bfloat{});
    default: fail(ErrorKind::kType, "dtype is ", dtype, ", must be floating");
  }
}

// The same for floating and complex types.
template <class F>
decltype(auto) dispatch_inexact(DType dtype, F&& f) {
  if (dtype == DType::kComplex64) return f(Complex64{});
  if (dtype == DType::kComplex128) return f(Complex128{});
  return dispatch_floating(dtype, f);
}

// The type in which sums of T are accumulated.
template <class T>
struct AccType {
  using type = T;
};
template <>
struct AccType<Half> {
  using type = float;
};
template <>
struct AccType<Bfloat> {
  using type = float;
};
template <class T>
using acc_t = typename AccType<T>::type;

}  // namespace plait
