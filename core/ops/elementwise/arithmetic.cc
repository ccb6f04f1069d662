#include "ops/elementwise/binary.h"

// The four operations and negation.
namespace plait::ops {
namespace {

using op::NoAttrs;

using kernels::Arithmetic;

struct add_fn {
  static constexpr Arithmetic kArithmetic = Arithmetic::kAdd;
  template <class T>
  PLAIT_FN static T f(T a, T b) {
    return a + b;
  }
};
struct subtract_fn {
  static constexpr Arithmetic kArithmetic = Arithmetic::kSubtract;
  template <class T>
  PLAIT_FN static T f(T a, T b) {
    return a - b;
  }
};
struct multiply_fn {
  static constexpr Arithmetic kArithmetic = Arithmetic::kMultiply;
  template <class T>
  PLAIT_FN static T f(T a, T b) {
    return a * b;
  }
};
struct divide_fn {
  static constexpr Arithmetic kArithmetic = Arithmetic::kDivide;
  template <class T>
  PLAIT_FN static T f(T a, T b) {
    if constexpr (std::is_integral_v<T>) {
      if (b == T(-1)) return -a;
      return b == 0 ? T(0) : static_cast<T>(a / b);  // the processor would stop the program
    } else {
      return a / b;
    }
  }
};

Values add_grad(const NoAttrs&, const GradArgs& g) {
  return {flow_to(g, 0, [&] { return g.dout(); }), flow_to(g, 1, [&] { return g.dout(); })};
}
Values subtract_grad(const NoAttrs&, const GradArgs& g) {
  return {flow_to(g, 0, [&] { return g.dout(); }), flow_to(g, 1, [&] { return -g.dout(); })};
}
Values multiply_grad(const NoAttrs&, const GradArgs& g) {
  return {flow_to(g, 0, [&] { return g.dout() * g.in(1); }),
          flow_to(g, 1, [&] { return g.dout() * g.in(0); })};
}
Values divide_grad(const NoAttrs&, const GradArgs& g) {
  return {flow_to(g, 0, [&] { return g.dout() / g.in(1); }),
          flow_to(g, 1, [&] { return -g.dout() * g.in(0) / (g.in(1) * g.in(1)); })};
}

PLAIT_BINARY(add, "Sum of two arrays.", infer_broadcast, binary_kernel<add_fn>)
PLAIT_COMPLEX_BINARY(add)
    .on("nd sym", "broadcast_add")
    .on("nd sym np", "add")
    .on("nd sym", "_Plus")
    .on("nd sym", "elemwise_add")
    .on("nd sym", "broadcast_plus")
    .on("nd sym", "_plus")
    .on("nd sym", "_add")
    .on("nd sym", "_grad_add")
    .grad(add_grad, op::saves_nothing());
PLAIT_BINARY(subtract, "Difference of two arrays.", infer_broadcast, binary_kernel<subtract_fn>)
PLAIT_COMPLEX_BINARY(subtract)
    .on("nd sym", "broadcast_sub")
    .on("nd sym np", "subtract")
    .on("nd sym", "_Minus")
    .on("nd sym", "elemwise_sub")
    .on("nd sym", "broadcast_minus")
    .on("nd sym", "_minus")
    .on("nd sym", "_sub")
    .grad(subtract_grad, op::saves_nothing());
PLAIT_BINARY(multiply, "Product of two arrays.", infer_broadcast, binary_kernel<multiply_fn>)
PLAIT_COMPLEX_BINARY(multiply)
    .on("nd sym", "broadcast_mul")
    .on("nd sym np", "multiply")
    .on("nd sym", "_Mul")
    .on("nd sym", "elemwise_mul")
    .on("nd sym", "_mul")
    .grad(multiply_grad, op::saves_inputs());
PLAIT_BINARY(
    divide,
    "Quotient of two arrays; of whole numbers without the fraction, and 0 for a divisor of 0.",
    infer_broadcast, binary_kernel<divide_fn>)
PLAIT_COMPLEX_BINARY(divide)
    .on("nd sym", "broadcast_div")
    .on("nd sym", "divide")
    .on("nd sym", "_Div")
    .on("nd sym", "_scatter_elemwise_div")
    .on("nd sym", "elemwise_div")
    .on("nd sym", "_div")
    .grad(divide_grad, op::saves_inputs());
PLAIT_BINARY(true_divide, "Quotient of two arrays; floating also for whole numbers.",
             infer_broadcast_floating, binary_kernel<divide_fn>)
PLAIT_COMPLEX_BINARY(divide)
    .on("nd sym np", "true_divide")
    .on("np", "divide")
    .grad(divide_grad, op::saves_inputs());

Values pass(const ScalarAttrs&, const GradArgs& g) {
  return {flow_to(g, 0, [&] { return g.dout(); })};
}
Values pass_negated(const ScalarAttrs&, const GradArgs& g) {
  return {flow_to(g, 0, [&] { return -g.dout(); })};
}
Values rdivide_scalar_grad(const ScalarAttrs& a, const GradArgs& g) {
  return {flow_to(g, 0, [&] { return g.dout() * -a.scalar / (g.in(0) * g.in(0)); })};
}
Values divide_scalar_grad(const ScalarAttrs& a, const GradArgs& g) {
  return {flow_to(g, 0, [&] { return g.dout() / a.scalar; })};
}

PLAIT_SCALAR(add_scalar, "data + scalar.", infer_scalar, scalar_kernel<add_fn>)
PLAIT_COMPLEX_SCALAR(add, false)
    .on("nd sym", "_plus_scalar")
    .on("nd sym", "_PlusScalar")
    .on("nd sym", "_scatter_plus_scalar")
    .grad(pass, op::saves_nothing());
PLAIT_SCALAR(subtract_scalar, "data - scalar.", infer_scalar, scalar_kernel<subtract_fn>)
PLAIT_COMPLEX_SCALAR(subtract, false)
    .on("nd sym", "_minus_scalar")
    .on("nd sym", "_MinusScalar")
    .on("nd sym", "_scatter_minus_scalar")
    .grad(pass, op::saves_nothing());
PLAIT_SCALAR(rsubtract_scalar, "scalar - data.", infer_scalar, (scalar_kernel<subtract_fn, true>))
PLAIT_COMPLEX_SCALAR(subtract, true)
    .on("nd sym", "_rminus_scalar")
    .on("nd sym", "_RMinusScalar")
    .grad(pass_negated, op::saves_nothing());
PLAIT_SCALAR(multiply_scalar, "data * scalar.", infer_scalar, scalar_kernel<multiply_fn>)
PLAIT_COMPLEX_SCALAR(multiply, false)
    .on("nd sym", "_mul_scalar")
    .on("nd sym", "_MulScalar")
    .grad([](const ScalarAttrs& a, const GradArgs& g)
              -> Values { return {flow_to(g, 0, [&] { return g.dout() * a.scalar; })}; },
          op::saves_nothing());
PLAIT_SCALAR(divide_scalar, "data / scalar; of whole numbers without the fraction.", infer_scalar,
             scalar_kernel<divide_fn>)
PLAIT_COMPLEX_SCALAR(divide, false)
    .on("nd sym", "_div_scalar")
    .on("nd sym", "_DivScalar")
    .grad(divide_scalar_grad, op::saves_nothing());
PLAIT_SCALAR(rdivide_scalar, "scalar / data; of whole numbers without the fraction.", infer_scalar,
             (scalar_kernel<divide_fn, true>))
PLAIT_COMPLEX_SCALAR(divide, true)
    .on("nd sym", "_rdiv_scalar")
    .on("nd sym", "_RDivScalar")
    .grad(rdivide_scalar_grad, op::saves_inputs());
PLAIT_SCALAR(true_divide_scalar, "data / scalar; floating also for whole numbers.",
             infer_scalar_floating, scalar_kernel<divide_fn>)
PLAIT_COMPLEX_SCALAR(divide, false).grad(divide_scalar_grad, op::saves_nothing());
PLAIT_SCALAR(rtrue_divide_scalar, "scalar / data; floating also for whole numbers.",
             infer_scalar_floating, (scalar_kernel<divide_fn, true>))
PLAIT_COMPLEX_SCALAR(divide, true).grad(rdivide_scalar_grad, op::saves_inputs());

}  // namespace
}  // namespace plait::ops
