#pragma once

#include "kernels/convert.h"
#include "kernels/elementwise.h"
#include "kernels/math.h"
#include "op/functions.h"
#include "op/op.h"

// Tables of functions of one number. A line gives the function and its derivative, both as
// expressions that work for float and double; the derivative also for Values, so it can be
// differentiated again. From one line come the loop, the fused backward loop and the gradient.
namespace plait::ops {

// Integers and bool have float32 results.
inline Spec infer_floating(const op::NoAttrs&, const Specs& in) {
  return {in[0].shape, is_inexact(in[0].dtype) ? in[0].dtype : DType::kFloat32};
}
inline Spec infer_same(const op::NoAttrs&, const Specs& in) { return in[0]; }
inline Spec infer_backward(const op::NoAttrs&, const Specs& in) {
  check(in[1].shape == in[0].shape, ErrorKind::kShape, "saved array has shape ", in[1].shape,
        ", must be ", in[0].shape, " as dout");
  return in[0];
}

template <class F>
void floating_kernel(const op::NoAttrs&, const op::KernelArgs& k) {
  static constexpr kernels::Loops kLoops = kernels::unary_float_loops<F>();
  const DType type = k.out[0].dtype == DType::kFloat64 ? DType::kFloat64 : DType::kFloat32;
  kernels::apply(kLoops, type, k.out[0], k.in, k.threads);
}
template <class F>
void inexact_kernel(const op::NoAttrs&, const op::KernelArgs& k) {
  static constexpr kernels::Loops kLoops =
      kernels::with_complex_unary<F>(kernels::unary_float_loops<F>());
  kernels::apply(kLoops, kernels::compute_type(k.out[0].dtype), k.out[0], k.in, k.threads);
}
// Behind a line of the table: the same function of complex numbers.
#define PLAIT_COMPLEX_UNARY(name) .cpu(inexact_kernel<name##_fn>).takes_complex()
template <class F>
void floating_backward_kernel(const op::NoAttrs&, const op::KernelArgs& k) {
  static constexpr kernels::Loops kLoops = kernels::binary_float_loops<F>();
  const DType type = k.out[0].dtype == DType::kFloat64 ? DType::kFloat64 : DType::kFloat32;
  kernels::apply(kLoops, type, k.out[0], k.in, k.threads);
}

// dout times the derivative: one kernel, or a graph where that must be differentiable in turn.
template <class D>
Value chain(const GradArgs& g, const Value& saved, const OpCall& fused) {
  const DType type = g.in_spec(0).dtype;
  if (!is_inexact(type)) return {};
  if (is_floating(type) && !op::current_tracer().differentiable()) return fused({g.dout(), saved});
  return g.dout() * D::df(saved);
}

#define PLAIT_UNARY_TABLE_LINE(name, where, text, function, var, derivative, saved, saves) \
  struct name##_fn {                                                                       \
    template <class T>                                                                     \
    PLAIT_FN static T f(T x) {                                                             \
      using namespace kernels::math;                                                       \
      return static_cast<T>(function);                                                     \
    }                                                                                      \
  };                                                                                       \
  struct name##_backward_fn {                                                              \
    template <class T>                                                                     \
    PLAIT_FN static T df(const T& var) {                                                   \
      using namespace kernels::math;                                                       \
      return T(derivative);                                                                \
    }                                                                                      \
    template <class T>                                                                     \
    PLAIT_FN static T f(T dout, T var) {                                                   \
      return dout * df(var);                                                               \
    }                                                                                      \
  };                                                                                       \
  PLAIT_OP(name##_backward, op::NoAttrs)                                                   \
      .doc("Gradient of " #name ": dout times its derivative.")                            \
      .input("dout", "gradient of the result")                                             \
      .input(#var, "saved array of the same shape")                                        \
      .output("out", "gradient of data")                                                   \
      .infer(infer_backward)                                                               \
      .cpu(floating_backward_kernel<name##_backward_fn>)                                   \
      .portable()                                                                          \
      .strided()                                                                           \
      .elementwise();                                                                      \
  PLAIT_OP(name, op::NoAttrs)                                                              \
      .doc(text)                                                                           \
      .input("data", "array of any shape")                                                 \
      .output("out", "shape of data; floating, float32 for whole numbers")                 \
      .on(where, #name)                                                                    \
      .infer(infer_floating)                                                               \
      .cpu(floating_kernel<name##_fn>)                                                     \
      .portable()                                                                          \
      .strided()                                                                           \
      .elementwise()                                                                       \
      .grad(                                                                               \
          [](const op::NoAttrs&, const GradArgs& g) -> Values {                            \
            static const OpCall fused(#name "_backward");                                  \
            return {chain<name##_backward_fn>(g, saved, fused)};                           \
          },                                                                               \
          saves)

// Derivative as an expression in x, the argument; or in y, the result.
#define PLAIT_UNARY_X(name, where, text, function, derivative) \
  PLAIT_UNARY_TABLE_LINE(name, where, text, function, x, derivative, g.in(0), op::saves_input(0))
#define PLAIT_UNARY_Y(name, where, text, function, derivative) \
  PLAIT_UNARY_TABLE_LINE(name, where, text, function, y, derivative, g.out(0), op::saves_output(0))

}  // namespace plait::ops
