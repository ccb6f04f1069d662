#include <cmath>

#include "kernels/copy.h"
#include "kernels/simd.h"
#include "op/op.h"

// Arrays made from nothing, or from the shape of another array.
namespace plait::ops {
namespace {

struct FullAttrs {
  Dims shape;
  double value;
  DType dtype;
  std::string ctx;
};

template <int kValue>
void fill_kernel(const FullAttrs& a, const op::KernelArgs& k) {
  kernels::fill(k.out[0], kValue < 0 ? a.value : kValue, k.threads);
}
Spec infer_full(const FullAttrs& a, const Specs&) {
  for (int64_t d : a.shape) {
    check(d >= 0, ErrorKind::kShape, "shape is ", a.shape, ", sizes must be >= 0");
  }
  return {a.shape, a.dtype};
}

#define PLAIT_CONSTANT(name, text, number)                                       \
  PLAIT_OP(name, FullAttrs)                                                      \
      .doc(text)                                                                 \
      .output("out", "array of the given shape and type")                        \
      .attr("shape", &FullAttrs::shape, Dims{}, "sizes of the axes, each >= 0")  \
      .attr("ctx", &FullAttrs::ctx, "", "device; set by the caller's context")   \
      .attr("dtype", &FullAttrs::dtype, DType::kFloat32, "type of the elements") \
      .infer(infer_full)                                                         \
      .cpu(fill_kernel<number>)                                                  \
      .portable()                                                                \
      .takes_complex()                                                           \
      .strided()

PLAIT_CONSTANT(full, "Every element has the given value.", -1)
    .attr("value", &FullAttrs::value, 0.0, "value of every element")
    .on("nd sym", "_full");
PLAIT_CONSTANT(zeros, "Every element is 0.", 0).on("nd sym", "_zeros");
PLAIT_CONSTANT(ones, "Every element is 1.", 1).on("nd sym", "_ones");

struct LikeAttrs {
  double fill_value;
  std::optional<DType> dtype;
};
Spec infer_like(const LikeAttrs& a, const Specs& in) {
  return {in[0].shape, a.dtype.value_or(in[0].dtype)};
}
template <int kValue>
void like_kernel(const LikeAttrs& a, const op::KernelArgs& k) {
  kernels::fill(k.out[0], kValue < 0 ? a.fill_value : kValue, k.threads);
}
Values no_grad(const LikeAttrs&, const GradArgs&) { return {Value{}}; }

#define PLAIT_LIKE(name, text, number)                                                      \
  PLAIT_OP(name, LikeAttrs)                                                                 \
      .doc(text)                                                                            \
      .input("data", "array that gives shape and type")                                     \
      .output("out", "shape of data")                                                       \
      .attr("dtype", &LikeAttrs::dtype, std::optional<DType>(), "type; None: that of data") \
      .infer(infer_like)                                                                    \
      .cpu(like_kernel<number>)                                                             \
      .portable()                                                                           \
      .takes_complex()                                                                      \
      .strided()                                                                            \
      .grad(no_grad, op::saves_nothing())

PLAIT_LIKE(zeros_like, "0 in the shape of data.", 0).on("nd sym", "zeros_like");
PLAIT_LIKE(ones_like, "1 in the shape of data.", 1).on("nd sym", "ones_like");
PLAIT_LIKE(full_like, "One value in the shape of data.", -1)
    .attr("fill_value", &LikeAttrs::fill_value, 0.0, "value of every element")
    .on("np", "full_like")
    .on("nd sym", "full_like");

}  // namespace
}  // namespace plait::ops
