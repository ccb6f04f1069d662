#pragma once

#include "kernels/convert.h"
#include "kernels/elementwise.h"
#include "kernels/math.h"
#include "op/functions.h"
#include "op/op.h"

// Functions of two numbers: of two arrays with broadcasting, and of an array and a number.
namespace plait::ops {

struct ScalarAttrs {
  double scalar;
  bool is_int;
};

inline Spec infer_broadcast(const op::NoAttrs&, const Specs& in) {
  return {broadcast_shapes(in[0].shape, in[1].shape), promote(in[0].dtype, in[1].dtype)};
}
inline Spec infer_broadcast_floating(const op::NoAttrs& a, const Specs& in) {
  Spec out = infer_broadcast(a, in);
  if (!is_inexact(out.dtype)) out.dtype = DType::kFloat32;
  return out;
}
inline Spec infer_broadcast_bool(const op::NoAttrs&, const Specs& in) {
  return {broadcast_shapes(in[0].shape, in[1].shape), DType::kBool};
}
// Whole numbers stay whole numbers; bool becomes int64, or float32 where the number has a fraction.
inline Spec infer_scalar(const ScalarAttrs& a, const Specs& in) {
  if (in[0].dtype != DType::kBool) return in[0];
  const bool whole = a.scalar == static_cast<double>(static_cast<int64_t>(a.scalar));
  return {in[0].shape, whole ? DType::kInt64 : DType::kFloat32};
}
inline Spec infer_scalar_floating(const ScalarAttrs&, const Specs& in) {
  return {in[0].shape, is_inexact(in[0].dtype) ? in[0].dtype : DType::kFloat32};
}
inline Spec infer_scalar_same(const ScalarAttrs&, const Specs& in) { return in[0]; }
inline Spec infer_scalar_bool(const ScalarAttrs&, const Specs& in) {
  return {in[0].shape, DType::kBool};
}

// Loops for real numbers, and for complex ones where F holds for them.
template <class F, bool kComplex>
constexpr kernels::Loops loops_of_two() {
  constexpr kernels::Loops kReal = kernels::binary_loops<F>();
  if constexpr (kComplex) return kernels::with_complex_binary<F>(kReal);
  return kReal;
}

template <class F, bool kComplex = false>
void binary_kernel(const op::NoAttrs&, const op::KernelArgs& k) {
  static constexpr kernels::Loops kLoops = loops_of_two<F, kComplex>();
  const DType type = kernels::compute_type(k.out[0].dtype);
  kernels::apply(kLoops, type, k.out[0], k.in, k.threads);
}
// For results of another type than the operands, as comparisons have.
template <class F, bool kComplex = false>
void comparison_kernel(const op::NoAttrs&, const op::KernelArgs& k) {
  static constexpr kernels::Loops kLoops = loops_of_two<F, kComplex>();
  const DType type = kernels::compute_type(promote(k.in[0].dtype, k.in[1].dtype));
  kernels::apply(kLoops, type, k.out[0], k.in, k.threads);
}

template <class F, bool kReversed, bool kComplex>
void scalar_kernel_in(DType type, double scalar, const op::KernelArgs& k) {
  static constexpr kernels::Loops kLoops = loops_of_two<F, kComplex>();
  const kernels::Scalar number(scalar, type);
  const View in[2] = {kReversed ? View(number) : k.in[0], kReversed ? k.in[0] : View(number)};
  kernels::apply(kLoops, type, k.out[0], in, k.threads);
}
template <class F, bool kReversed = false, bool kComplex = false>
void scalar_kernel(const ScalarAttrs& a, const op::KernelArgs& k) {
  scalar_kernel_in<F, kReversed, kComplex>(kernels::compute_type(k.out[0].dtype), a.scalar, k);
}
// A number with a fraction is compared with whole numbers as it is.
template <class F, bool kComplex = false>
void scalar_comparison_kernel(const ScalarAttrs& a, const op::KernelArgs& k) {
  const bool whole = a.scalar == static_cast<double>(static_cast<int64_t>(a.scalar));
  const DType own = kernels::compute_type(k.in[0].dtype);
  scalar_kernel_in<F, false, kComplex>(is_inexact(own) || whole ? own : DType::kFloat64, a.scalar,
                                       k);
}

// What flows back to input i: `gradient()` summed over broadcast axes, in the input's type; nothing
// if the input wants none.
template <class F>
Value flow_to(const GradArgs& g, size_t i, const F& gradient) {
  const Spec& to = g.in_spec(i);
  if (!g.needs_grad(i) || !is_inexact(to.dtype)) return {};
  Value v = gradient();
  if (v.shape() != to.shape) v = op::sum_to(v, to.shape);
  return v.dtype() == to.dtype ? v : op::cast_to(v, to.dtype);
}

#define PLAIT_BINARY_FUNCTION(name, function) \
  struct name##_fn {                          \
    template <class T>                        \
    PLAIT_FN static T f(T a, T b) {           \
      using namespace kernels::math;          \
      return static_cast<T>(function);        \
    }                                         \
  };

// Behind a definition: the same function of complex numbers.
#define PLAIT_COMPLEX_BINARY(name) .cpu(binary_kernel<name##_fn, true>).takes_complex()
#define PLAIT_COMPLEX_SCALAR(name, reversed) \
  .cpu(scalar_kernel<name##_fn, reversed, true>).takes_complex()

// Without gradient and surfaces; both follow.
#define PLAIT_BINARY(name, text, infer_rule, kernel_rule)            \
  PLAIT_OP(name, op::NoAttrs)                                        \
      .doc(text)                                                     \
      .input("lhs", "array")                                         \
      .input("rhs", "array whose shape broadcasts with that of lhs") \
      .output("out", "broadcast shape, promoted type")               \
      .infer(infer_rule)                                             \
      .cpu(kernel_rule)                                              \
      .portable()                                                    \
      .strided()                                                     \
      .elementwise()

#define PLAIT_SCALAR(name, text, infer_rule, kernel_rule)                          \
  PLAIT_OP(name, ScalarAttrs)                                                      \
      .doc(text)                                                                   \
      .input("data", "array of any shape")                                         \
      .output("out", "shape of data")                                              \
      .attr("scalar", &ScalarAttrs::scalar, 1.0, "the number")                     \
      .attr("is_int", &ScalarAttrs::is_int, true, "kept for files; has no effect") \
      .infer(infer_rule)                                                           \
      .cpu(kernel_rule)                                                            \
      .portable()                                                                  \
      .strided()                                                                   \
      .elementwise()

}  // namespace plait::ops
