#include "base/dtype.h"

#include <array>

namespace plait {
namespace {

// Indexed by the number of the dtype.
constexpr std::array<const char*, kNumDTypes> kNames = {
    "float32", "float64", "float16", "uint8",  "int32",    "int8",      "int64",     "bool",
    "int16",   "uint16",  "uint32",  "uint64", "bfloat16", "complex64", "complex128"};

bool is_unsigned(DType d) {
  return d == DType::kUint8 || d == DType::kUint16 || d == DType::kUint32 || d == DType::kUint64;
}

DType signed_of_size(int64_t bytes) {
  switch (bytes) {
    case 1: return DType::kInt8;
    case 2: return DType::kInt16;
    case 4: return DType::kInt32;
    default: return DType::kInt64;
  }
}

}  // namespace

const char* dtype_name(DType dtype) { return kNames[static_cast<size_t>(dtype)]; }

DType dtype_from_name(std::string_view name) {
  for (size_t i = 0; i < kNames.size(); ++i) {
    if (name == kNames[i]) return static_cast<DType>(i);
  }
  fail(ErrorKind::kType, "dtype is '", name, "', must be one of float16, bfloat16, float32, ",
       "float64, complex64, complex128, int8, uint8, int16, uint16, int32, uint32, int64, "
       "uint64, bool");
}

DType dtype_from_number(int64_t number) {
  check(number >= 0 && number < kNumDTypes, ErrorKind::kType, "dtype number is ", number,
        ", must be in [0, ", kNumDTypes - 1, "]");
  return static_cast<DType>(number);
}

DType promote(DType a, DType b) {
  if (a == b) return a;
  if (is_complex(a) || is_complex(b)) {
    const DType x = is_complex(a) ? a : b, y = is_complex(a) ? b : a;
    return is_inexact(y) ? complex_of(promote(real_of(x), real_of(y))) : x;
  }
  if (a == DType::kBool) return b;
  if (b == DType::kBool) return a;
  if (is_floating(a) && is_floating(b)) {
    if (dtype_size(a) == dtype_size(b)) return DType::kFloat32;  // float16 with bfloat16
    return dtype_size(a) > dtype_size(b) ? a : b;
  }
  if (is_floating(a)) return a;
  if (is_floating(b)) return b;
  if (is_unsigned(a) == is_unsigned(b)) return dtype_size(a) > dtype_size(b) ? a : b;
  const DType u = is_unsigned(a) ? a : b, s = is_unsigned(a) ? b : a;
  return dtype_size(s) > dtype_size(u) ? s : signed_of_size(dtype_size(u) * 2);
}

}  // namespace plait
