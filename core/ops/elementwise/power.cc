#include "ops/elementwise/binary.h"

// Powers, remainders, extremes and other functions of two numbers.
namespace plait::ops {
namespace {

using op::NoAttrs;

PLAIT_BINARY_FUNCTION(power, power(a, b))
PLAIT_BINARY_FUNCTION(mod, mod(a, b))
PLAIT_BINARY_FUNCTION(maximum, a > b || a != a ? a : b)
PLAIT_BINARY_FUNCTION(minimum, a < b || a != a ? a : b)

struct hypot_fn {
  template <class T>
  PLAIT_FN static T f(T a, T b) {
    return static_cast<T>(std::hypot(a, b));
  }
};
struct arctan2_fn {
  template <class T>
  PLAIT_FN static T f(T a, T b) {
    return static_cast<T>(std::atan2(a, b));
  }
};

Values power_grad(const NoAttrs&, const GradArgs& g) {
  return {flow_to(g, 0, [&] { return g.dout() * g.in(1) * power(g.in(0), g.in(1) - 1.0); }),
          flow_to(g, 1, [&] { return g.dout() * g.out(0) * log(g.in(0)); })};
}
Values maximum_grad(const NoAttrs&, const GradArgs& g) {
  return {flow_to(g, 0, [&] { return g.dout() * greater_equal(g.in(0), g.in(1)); }),
          flow_to(g, 1, [&] { return g.dout() * less(g.in(0), g.in(1)); })};
}
Values minimum_grad(const NoAttrs&, const GradArgs& g) {
  return {flow_to(g, 0, [&] { return g.dout() * less_equal(g.in(0), g.in(1)); }),
          flow_to(g, 1, [&] { return g.dout() * greater(g.in(0), g.in(1)); })};
}
// mod(a, b) = a - b floor(a / b)
Values mod_grad(const NoAttrs&, const GradArgs& g) {
  static const OpCall floor("floor");
  return {flow_to(g, 0, [&] { return g.dout(); }),
          flow_to(g, 1, [&] { return -g.dout() * floor({g.in(0) / g.in(1)}); })};
}
Values hypot_grad(const NoAttrs&, const GradArgs& g) {
  return {flow_to(g, 0, [&] { return g.dout() * g.in(0) / g.out(0); }),
          flow_to(g, 1, [&] { return g.dout() * g.in(1) / g.out(0); })};
}
Values arctan2_grad(const NoAttrs&, const GradArgs& g) {
  const auto square_sum = [&] { return g.in(0) * g.in(0) + g.in(1) * g.in(1); };
  return {flow_to(g, 0, [&] { return g.dout() * g.in(1) / square_sum(); }),
          flow_to(g, 1, [&] { return -g.dout() * g.in(0) / square_sum(); })};
}

PLAIT_BINARY(power, "lhs to the power rhs.", infer_broadcast, binary_kernel<power_fn>)
PLAIT_COMPLEX_BINARY(power)
    .on("nd sym", "broadcast_power")
    .on("nd sym np", "power")
    .on("nd sym", "_power")
    .on("nd sym", "_Power")
    .on("nd sym", "pow")
    .grad(power_grad, op::saves_inputs() | op::saves_output(0));
PLAIT_BINARY(mod, "Remainder of lhs / rhs, with the sign of rhs.", infer_broadcast,
             binary_kernel<mod_fn>)
    .on("nd sym", "broadcast_mod")
    .on("nd sym np", "mod")
    .on("nd sym", "_Mod")
    .on("nd sym", "modulo")
    .on("np", "remainder")
    .on("nd sym", "_mod")
    .grad(mod_grad, op::saves_inputs());
PLAIT_BINARY(maximum, "The larger of two numbers; NaN where one is NaN.", infer_broadcast,
             binary_kernel<maximum_fn>)
    .on("nd sym", "broadcast_maximum")
    .on("nd sym np", "maximum")
    .on("nd sym", "_Maximum")
    .on("nd sym", "_maximum")
    .grad(maximum_grad, op::saves_inputs());
PLAIT_BINARY(minimum, "The smaller of two numbers; NaN where one is NaN.", infer_broadcast,
             binary_kernel<minimum_fn>)
    .on("nd sym", "broadcast_minimum")
    .on("nd sym np", "minimum")
    .on("nd sym", "_Minimum")
    .on("nd sym", "_minimum")
    .grad(minimum_grad, op::saves_inputs());
PLAIT_BINARY(hypot, "sqrt(lhs^2 + rhs^2) without overflow.", infer_broadcast_floating,
             binary_kernel<hypot_fn>)
    .on("nd sym", "broadcast_hypot")
    .on("nd sym np", "hypot")
    .on("nd sym", "_Hypot")
    .on("nd sym", "_hypot")
    .grad(hypot_grad, op::saves_inputs() | op::saves_output(0));
PLAIT_BINARY(arctan2, "Angle of the point (rhs, lhs) in radians, in (-pi, pi].",
             infer_broadcast_floating, binary_kernel<arctan2_fn>)
    .on("nd sym np", "arctan2")
    .grad(arctan2_grad, op::saves_inputs());

struct Square {
  template <class T>
  PLAIT_FN static T f(T x) {
    return x * x;
  }
};
struct Cube {
  template <class T>
  PLAIT_FN static T f(T x) {
    return x * x * x;
  }
};
struct Root {
  template <class T>
  PLAIT_FN static T f(T x) {
    return static_cast<T>(std::sqrt(x));
  }
};

// data to the power of a number; the frequent powers cost a multiplication or a root.
void power_scalar_kernel(const ScalarAttrs& a, const op::KernelArgs& k) {
  using namespace kernels;
  static constexpr Loops kSquare = with_complex_unary<Square>(unary_loops<Square>());
  static constexpr Loops kCube = with_complex_unary<Cube>(unary_loops<Cube>());
  static constexpr Loops kRoot = with_complex_unary<Root>(unary_float_loops<Root>());
  const DType type = kernels::compute_type(k.out[0].dtype);
  if (a.scalar == 2) return kernels::apply(kSquare, type, k.out[0], k.in, k.threads);
  if (a.scalar == 3) return kernels::apply(kCube, type, k.out[0], k.in, k.threads);
  if (a.scalar == 0.5 && is_inexact(type))
    return kernels::apply(kRoot, type, k.out[0], k.in, k.threads);
  scalar_kernel<power_fn, false, true>(a, k);
}

PLAIT_SCALAR(power_scalar, "data to the power scalar.", infer_scalar, power_scalar_kernel)
    .takes_complex()
    .on("nd sym", "_power_scalar")
    .on("nd sym", "_PowerScalar")
    .grad(
        [](const ScalarAttrs& a, const GradArgs& g) -> Values {
          return {
              flow_to(g, 0, [&] { return g.dout() * a.scalar * power(g.in(0), a.scalar - 1); })};
        },
        op::saves_inputs());
PLAIT_SCALAR(rpower_scalar, "scalar to the power data.", infer_scalar,
             (scalar_kernel<power_fn, true>))
PLAIT_COMPLEX_SCALAR(power, true)
    .on("nd sym", "_rpower_scalar")
    .on("nd sym", "_RPowerScalar")
    .grad(
        [](const ScalarAttrs& a, const GradArgs& g) -> Values {
          return {flow_to(g, 0, [&] { return g.dout() * g.out(0) * std::log(a.scalar); })};
        },
        op::saves_output(0));
PLAIT_SCALAR(mod_scalar, "Remainder of data / scalar, with the sign of scalar.", infer_scalar,
             scalar_kernel<mod_fn>)
    .on("nd sym", "_mod_scalar")
    .on("nd sym", "_ModScalar")
    .grad([](const ScalarAttrs&,
             const GradArgs& g) -> Values { return {flow_to(g, 0, [&] { return g.dout(); })}; },
          op::saves_nothing());
PLAIT_SCALAR(rmod_scalar, "Remainder of scalar / data, with the sign of data.", infer_scalar,
             (scalar_kernel<mod_fn, true>))
    .on("nd sym", "_rmod_scalar")
    .on("nd sym", "_RModScalar")
    .grad(
        [](const ScalarAttrs& a, const GradArgs& g) -> Values {
          static const OpCall floor("floor");
          return {flow_to(g, 0, [&] { return -g.dout() * floor({a.scalar / g.in(0)}); })};
        },
        op::saves_inputs());
PLAIT_SCALAR(maximum_scalar, "The larger of data and scalar.", infer_scalar,
             scalar_kernel<maximum_fn>)
    .on("nd sym", "_maximum_scalar")
    .on("nd sym", "_MaximumScalar")
    .grad(
        [](const ScalarAttrs& a, const GradArgs& g) -> Values {
          return {flow_to(g, 0, [&] { return g.dout() * greater_equal(g.in(0), a.scalar); })};
        },
        op::saves_inputs());
PLAIT_SCALAR(minimum_scalar, "The smaller of data and scalar.", infer_scalar,
             scalar_kernel<minimum_fn>)
    .on("nd sym", "_minimum_scalar")
    .on("nd sym", "_MinimumScalar")
    .grad(
        [](const ScalarAttrs& a, const GradArgs& g) -> Values {
          return {flow_to(g, 0, [&] { return g.dout() * less_equal(g.in(0), a.scalar); })};
        },
        op::saves_inputs());
PLAIT_SCALAR(hypot_scalar, "sqrt(data^2 + scalar^2).", infer_scalar_floating,
             scalar_kernel<hypot_fn>)
    .on("nd sym", "_hypot_scalar")
    .on("nd sym", "_HypotScalar")
    .grad([](const ScalarAttrs&, const GradArgs& g)
              -> Values { return {flow_to(g, 0, [&] { return g.dout() * g.in(0) / g.out(0); })}; },
          op::saves_inputs() | op::saves_output(0));

}  // namespace
}  // namespace plait::ops
