#include "kernels/elementwise.h"

namespace plait::kernels {

RowLoop loop_for(const Loops& loops, DType& type) {
  if (is_complex(type)) {
    const RowLoop loop = type == DType::kComplex64 ? loops.c64 : loops.c128;
    check(loop != nullptr, ErrorKind::kType, "dtype is ", type, ", must be real");
    return loop;
  }
  if (type == DType::kInt32) {
    if (loops.i32) return loops.i32;
    type = DType::kInt64;
  }
  if (type == DType::kInt64) {
    if (loops.i64) return loops.i64;
    type = DType::kFloat64;
  }
  if (type == DType::kFloat32 && loops.f32) return loops.f32;
  type = DType::kFloat64;
  return loops.f64;
}

const Dims Scalar::kNone{};

Scalar::Scalar(double value, DType type) : type_(type) {
  switch (type) {
    case DType::kFloat64: *reinterpret_cast<double*>(bytes_) = value; break;
    case DType::kFloat32: *reinterpret_cast<float*>(bytes_) = static_cast<float>(value); break;
    case DType::kInt64: *reinterpret_cast<int64_t*>(bytes_) = static_cast<int64_t>(value); break;
    case DType::kComplex64:
      *reinterpret_cast<Complex64*>(bytes_) = static_cast<float>(value);
      break;
    case DType::kComplex128: *reinterpret_cast<Complex128*>(bytes_) = value; break;
    default:
      type_ = DType::kInt32;
      *reinterpret_cast<int32_t*>(bytes_) = static_cast<int32_t>(static_cast<int64_t>(value));
  }
}

}  // namespace plait::kernels
