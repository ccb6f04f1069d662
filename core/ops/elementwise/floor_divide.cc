#include "ops/elementwise/binary.h"

// Division whose result is a whole number.
namespace plait::ops {
namespace {

struct floor_divide_fn {
  template <class T>
  PLAIT_FN static T f(T a, T b) {
    if constexpr (std::is_floating_point_v<T>) {
      if (b == T(0)) return a / b;
      // From the remainder, as a / b may round up to a whole number.
      const T r = std::fmod(a, b);
      T q = (a - r) / b;
      if (r != T(0) && (r < T(0)) != (b < T(0))) q -= T(1);
      const T whole = std::floor(q);
      if (q == T(0)) return std::copysign(T(0), a / b);
      return q - whole > T(0.5) ? whole + T(1) : whole;
    } else {
      if (b == 0) return 0;
      if (b == T(-1)) return -a;
      const T q = static_cast<T>(a / b);
      return a % b != 0 && (a < 0) != (b < 0) ? static_cast<T>(q - 1) : q;
    }
  }
};

template <class A>
Values flat(const A&, const GradArgs& g) {
  Values out(g.num_in());
  for (size_t i = 0; i < g.num_in(); ++i) {
    if (is_floating(g.in_spec(i).dtype)) out[i] = op::full_of(g.in_spec(i), 0.0);
  }
  return out;
}

PLAIT_BINARY(floor_divide, "lhs / rhs rounded down; 0 for a whole divisor of 0.", infer_broadcast,
             binary_kernel<floor_divide_fn>)
    .on("np", "floor_divide")
    .grad(flat<op::NoAttrs>, op::saves_nothing());
PLAIT_SCALAR(floor_divide_scalar, "data / scalar rounded down.", infer_scalar,
             scalar_kernel<floor_divide_fn>)
    .grad(flat<ScalarAttrs>, op::saves_nothing());
PLAIT_SCALAR(rfloor_divide_scalar, "scalar / data rounded down.", infer_scalar,
             (scalar_kernel<floor_divide_fn, true>))
    .grad(flat<ScalarAttrs>, op::saves_nothing());

}  // namespace
}  // namespace plait::ops
