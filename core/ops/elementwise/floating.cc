#include "ops/elementwise/binary.h"

// Functions of two numbers from the floating-point part of the C library.
namespace plait::ops {
namespace {

using op::NoAttrs;

struct fmod_fn {
  template <class T>
  PLAIT_FN static T f(T a, T b) {
    if constexpr (std::is_floating_point_v<T>) {
      return std::fmod(a, b);
    } else {
      return b == 0 || b == T(-1) ? T(0) : static_cast<T>(a % b);
    }
  }
};
PLAIT_BINARY_FUNCTION(fmax, b != b || a >= b ? a : b)
PLAIT_BINARY_FUNCTION(fmin, b != b || a <= b ? a : b)
PLAIT_BINARY_FUNCTION(heaviside, a<T(0) ? T(0) : a> T(0) ? T(1) : a == T(0) ? b : a)

struct copysign_fn {
  template <class T>
  PLAIT_FN static T f(T a, T b) {
    return std::copysign(a, b);
  }
};
struct nextafter_fn {
  template <class T>
  PLAIT_FN static T f(T a, T b) {
    return std::nextafter(a, b);
  }
};
struct ldexp_fn {
  template <class T>
  PLAIT_FN static T f(T a, T b) {
    return a * std::exp2(b);
  }
};
struct logaddexp_fn {
  template <class T>
  PLAIT_FN static T f(T a, T b) {
    if (a == b) return a + T(M_LN2);  // also of equal infinities
    const T top = a > b ? a : b, low = a > b ? b : a;
    return top + kernels::math::log1p(kernels::math::exp(low - top));
  }
};

template <class F>
void real_kernel(const NoAttrs&, const op::KernelArgs& k) {
  static constexpr kernels::Loops kLoops = kernels::binary_float_loops<F>();
  kernels::apply(kLoops, kernels::compute_type(k.out[0].dtype), k.out[0], k.in, k.threads);
}
// The distance to the next number is that of the type itself.
void nextafter_kernel(const NoAttrs& a, const op::KernelArgs& k) {
  const DType type = k.out[0].dtype;
  check(type == DType::kFloat32 || type == DType::kFloat64, ErrorKind::kNotImplemented,
        "lhs has dtype ", type, ", must be float32 or float64");
  real_kernel<nextafter_fn>(a, k);
}

Values fmod_grad(const NoAttrs&, const GradArgs& g) {
  static const OpCall trunc("trunc");
  return {flow_to(g, 0, [&] { return g.dout(); }),
          flow_to(g, 1, [&] { return -g.dout() * trunc({g.in(0) / g.in(1)}); })};
}
template <class Better>
Values choice_grad(const GradArgs& g, const Better& left) {
  return {flow_to(g, 0, [&] { return g.dout() * left(); }),
          flow_to(g, 1, [&] { return g.dout() * (1.0 - left()); })};
}
Values fmax_grad(const NoAttrs&, const GradArgs& g) {
  return choice_grad(
      g, [&] { return maximum(greater_equal(g.in(0), g.in(1)), not_equal(g.in(1), g.in(1))); });
}
Values fmin_grad(const NoAttrs&, const GradArgs& g) {
  return choice_grad(
      g, [&] { return maximum(less_equal(g.in(0), g.in(1)), not_equal(g.in(1), g.in(1))); });
}
Values copysign_grad(const NoAttrs&, const GradArgs& g) {
  static const OpCall copysign("copysign");
  return {flow_to(g, 0,
                  [&] {
                    return g.dout() * copysign({sign(g.in(0)), g.in(0) * g.in(1)});
                  }),
          flow_to(g, 1, [&] { return op::full_of(g.in_spec(1), 0.0); })};
}
Values ldexp_grad(const NoAttrs&, const GradArgs& g) {
  static const OpCall exp2("exp2");
  return {flow_to(g, 0, [&] { return g.dout() * exp2({g.in(1)}); }),
          flow_to(g, 1, [&] { return g.dout() * g.out(0) * M_LN2; })};
}
Values logaddexp_grad(const NoAttrs&, const GradArgs& g) {
  return {flow_to(g, 0, [&] { return g.dout() * exp(g.in(0) - g.out(0)); }),
          flow_to(g, 1, [&] { return g.dout() * exp(g.in(1) - g.out(0)); })};
}
Values heaviside_grad(const NoAttrs&, const GradArgs& g) {
  return {flow_to(g, 0, [&] { return op::full_of(g.in_spec(0), 0.0); }),
          flow_to(g, 1, [&] { return g.dout() * equal(g.in(0), 0.0); })};
}

PLAIT_BINARY(fmod, "Remainder of lhs / rhs, with the sign of lhs.", infer_broadcast,
             binary_kernel<fmod_fn>)
    .on("np", "fmod")
    .grad(fmod_grad, op::saves_inputs());
PLAIT_BINARY(fmax, "The larger of two numbers; where one is NaN, the other.", infer_broadcast,
             binary_kernel<fmax_fn>)
    .on("np", "fmax")
    .grad(fmax_grad, op::saves_inputs());
PLAIT_BINARY(fmin, "The smaller of two numbers; where one is NaN, the other.", infer_broadcast,
             binary_kernel<fmin_fn>)
    .on("np", "fmin")
    .grad(fmin_grad, op::saves_inputs());
PLAIT_BINARY(copysign, "The magnitude of lhs with the sign of rhs.", infer_broadcast_floating,
             real_kernel<copysign_fn>)
    .on("np", "copysign")
    .grad(copysign_grad, op::saves_inputs());
PLAIT_BINARY(nextafter, "The number next to lhs on the way to rhs.", infer_broadcast_floating,
             nextafter_kernel)
    .on("np", "nextafter");
PLAIT_BINARY(ldexp, "lhs times 2 to the rhs.", infer_broadcast_floating, real_kernel<ldexp_fn>)
    .on("np", "ldexp")
    .grad(ldexp_grad, op::saves_inputs() | op::saves_output(0));
PLAIT_BINARY(logaddexp, "log(exp(lhs) + exp(rhs)) without overflow.", infer_broadcast_floating,
             real_kernel<logaddexp_fn>)
    .on("np", "logaddexp")
    .grad(logaddexp_grad, op::saves_inputs() | op::saves_output(0));
PLAIT_BINARY(heaviside, "0 where lhs < 0, 1 where lhs > 0, rhs where lhs is 0.",
             infer_broadcast_floating, real_kernel<heaviside_fn>)
    .on("np", "heaviside")
    .grad(heaviside_grad, op::saves_inputs());

struct signbit_fn {
  template <class T>
  PLAIT_FN static T f(T x) {
    return static_cast<T>(std::signbit(x));
  }
};

PLAIT_OP(signbit, NoAttrs)
    .doc("True where the number is negative, or -0.")
    .input("data", "array of any shape")
    .output("out", "shape of data, bool")
    .on("np", "signbit")
    .infer([](const NoAttrs&, const Specs& in) -> Spec {
      return {in[0].shape, DType::kBool};
    })
    .cpu([](const NoAttrs&, const op::KernelArgs& k) {
      static constexpr kernels::Loops kLoops = kernels::unary_float_loops<signbit_fn>();
      const bool narrow = dtype_size(k.in[0].dtype) < 4 || k.in[0].dtype == DType::kFloat32;
      kernels::apply(kLoops, narrow ? DType::kFloat32 : DType::kFloat64, k.out[0], k.in, k.threads);
    })
    .portable()
    .strided();

}  // namespace
}  // namespace plait::ops
