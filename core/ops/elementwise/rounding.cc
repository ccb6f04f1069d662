#include "kernels/convert.h"
#include "ops/elementwise/unary.h"

// Functions that keep the type of the data: absolute values, signs, squares, rounding, tests.
namespace plait::ops {
namespace {

using op::NoAttrs;

template <class F>
void same_kernel(const NoAttrs&, const op::KernelArgs& k) {
  static constexpr kernels::Loops kLoops = kernels::unary_loops<F>();
  const DType type = kernels::compute_type(k.in[0].dtype);
  kernels::apply(kLoops, type, k.out[0], k.in, k.threads);
}

Spec infer_bool(const NoAttrs&, const Specs& in) { return {in[0].shape, DType::kBool}; }

#define PLAIT_UNARY_SAME(name, where, text, function) \
  struct name##_fn {                                  \
    template <class T>                                \
    static T f(T x) {                                 \
      using namespace kernels::math;                  \
      return static_cast<T>(function);                \
    }                                                 \
  };                                                  \
  PLAIT_OP(name, NoAttrs)                             \
      .doc(text)                                      \
      .input("data", "array of any shape")            \
      .output("out", "shape and type of data")        \
      .on(where, #name)                               \
      .infer(infer_same)                              \
      .cpu(same_kernel<name##_fn>)                    \
      .strided()                                      \
      .elementwise()

// Result 0 or 1: in the type of the data, and as bool.
#define PLAIT_TEST(name, text, function)            \
  PLAIT_UNARY_SAME(name, "nd sym", text, function); \
  PLAIT_OP(np_##name, NoAttrs)                      \
      .doc(text)                                    \
      .input("data", "array of any shape")          \
      .output("out", "shape of data, bool")         \
      .on("np", #name)                              \
      .infer(infer_bool)                            \
      .cpu(same_kernel<name##_fn>)                  \
      .strided()                                    \
      .elementwise()

Values flat(const NoAttrs&, const GradArgs& g) { return {op::full_of(g.in_spec(0), 0.0)}; }

// Whole numbers are their own rounding.
#define PLAIT_WHOLE(function) (std::is_integral_v<T> ? x : static_cast<T>(function))

PLAIT_UNARY_SAME(negative, "nd sym np", "-x.", -x)
    .on("nd sym", "_neg")
    .grad([](const NoAttrs&, const GradArgs& g) -> Values { return {-g.dout()}; },
          op::saves_nothing());
PLAIT_UNARY_SAME(abs, "nd sym np", "Absolute value.", x <= T(0) ? T(0) - x : x)
    .on("np", "absolute")
    .on("np", "fabs")
    .grad([](const NoAttrs&, const GradArgs& g) -> Values { return {g.dout() * sign(g.in(0))}; },
          op::saves_input(0));
PLAIT_UNARY_SAME(sign, "nd sym np", "-1, 0 or 1; NaN of NaN.",
                 x > T(0)    ? T(1)
                 : x < T(0)  ? T(-1)
                 : x == T(0) ? T(0)
                             : x)
    .grad(flat, op::saves_nothing());
PLAIT_UNARY_SAME(square, "nd sym np", "x * x.", x* x)
    .grad([](const NoAttrs&, const GradArgs& g) -> Values { return {g.dout() * g.in(0) * 2.0}; },
          op::saves_input(0));
PLAIT_UNARY_SAME(reciprocal, "nd sym np", "1 / x; 0 for a whole number 0.",
                 std::is_integral_v<T>&& x == T(0) ? T(0) : T(1) / x)
    .grad([](const NoAttrs&,
             const GradArgs& g) -> Values { return {-g.dout() * g.out(0) * g.out(0)}; },
          op::saves_output(0));
PLAIT_UNARY_SAME(floor, "nd sym np", "Largest whole number not above x.", PLAIT_WHOLE(floor(x)))
    .grad(flat, op::saves_nothing());
PLAIT_UNARY_SAME(ceil, "nd sym np", "Smallest whole number not below x.", PLAIT_WHOLE(ceil(x)))
    .grad(flat, op::saves_nothing());
PLAIT_UNARY_SAME(trunc, "nd sym np", "x without its fraction.", PLAIT_WHOLE(trunc(x)))
    .on("nd sym np", "fix")
    .grad(flat, op::saves_nothing());
PLAIT_UNARY_SAME(round, "nd sym", "Nearest whole number, halves away from 0.",
                 PLAIT_WHOLE(round(x)))
    .grad(flat, op::saves_nothing());
PLAIT_UNARY_SAME(rint, "nd sym", "Nearest whole number, halves down.",
                 PLAIT_WHOLE(x - floor(x) <= ceil(x) - x ? floor(x) : ceil(x)))
    .grad(flat, op::saves_nothing());
PLAIT_UNARY_SAME(round_even, "", "Nearest whole number, halves to the even one.",
                 PLAIT_WHOLE(round_even(static_cast<double>(x))))
    .on("np", "rint")
    .grad(flat, op::saves_nothing());
PLAIT_TEST(logical_not, "True where x is 0.", x == T(0));
PLAIT_TEST(isnan, "True where x is NaN.", x != x);
PLAIT_TEST(isinf, "True where x is infinite.", x - x != x - x && x == x);
PLAIT_TEST(isfinite, "True where x is neither infinite nor NaN.", x - x == x - x);

}  // namespace
}  // namespace plait::ops
