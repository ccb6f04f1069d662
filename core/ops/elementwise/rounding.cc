#include "kernels/convert.h"
#include "ops/elementwise/unary.h"

// Functions that keep the type of the data: absolute values, signs, squares, rounding, tests.
namespace plait::ops {
namespace {

using op::NoAttrs;

template <class T>
inline constexpr bool kIsComplex = !std::is_arithmetic_v<T>;

template <class F, bool kComplex>
constexpr kernels::Loops loops_of_one() {
  constexpr kernels::Loops kReal = kernels::unary_loops<F>();
  if constexpr (kComplex) return kernels::with_complex_unary<F>(kReal);
  return kReal;
}

template <class F, bool kComplex = false>
void same_kernel(const NoAttrs&, const op::KernelArgs& k) {
  static constexpr kernels::Loops kLoops = loops_of_one<F, kComplex>();
  const DType type = kernels::compute_type(k.in[0].dtype);
  kernels::apply(kLoops, type, k.out[0], k.in, k.threads);
}

Spec infer_bool(const NoAttrs&, const Specs& in) { return {in[0].shape, DType::kBool}; }

#define PLAIT_UNARY_SAME(name, where, text, function) \
  struct name##_fn {                                  \
    template <class T>                                \
    PLAIT_FN static T f(T x) {                        \
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
      .portable()                                     \
      .strided()                                      \
      .elementwise()

// Behind a definition: the same function of complex numbers.
#define PLAIT_COMPLEX_SAME(name) .cpu(same_kernel<name##_fn, true>).takes_complex()

// Result 0 or 1: in the type of the data, and as bool.
#define PLAIT_TEST(name, text, function)                                     \
  PLAIT_UNARY_SAME(name, "nd sym", text, function) PLAIT_COMPLEX_SAME(name); \
  PLAIT_OP(np_##name, NoAttrs)                                               \
      .doc(text)                                                             \
      .input("data", "array of any shape")                                   \
      .output("out", "shape of data, bool")                                  \
      .on("np", #name)                                                       \
      .infer(infer_bool)                                                     \
      .cpu(same_kernel<name##_fn, true>)                                     \
      .portable()                                                            \
      .takes_complex()                                                       \
      .strided()                                                             \
      .elementwise()

Values flat(const NoAttrs&, const GradArgs& g) { return {op::full_of(g.in_spec(0), 0.0)}; }

// Whole numbers are their own rounding.
#define PLAIT_WHOLE(function) (std::is_integral_v<T> ? x : static_cast<T>(function))

PLAIT_UNARY_SAME(negative, "nd sym np", "-x.", -x)
PLAIT_COMPLEX_SAME(negative)
    .on("nd sym", "_neg")
    .grad([](const NoAttrs&, const GradArgs& g) -> Values { return {-g.dout()}; },
          op::saves_nothing());
template <class T>
PLAIT_FN T absolute(T x) {
  if constexpr (kIsComplex<T>) {
    return T(std::abs(x));
  } else {
    return x <= T(0) ? T(0) - x : x;
  }
}
template <class T>
PLAIT_FN T direction(T x) {
  if constexpr (kIsComplex<T>) {
    const auto size = std::abs(x);
    return size == 0 ? T(0) : x / size;
  } else {
    return x > T(0) ? T(1) : x < T(0) ? T(-1) : x == T(0) ? T(0) : x;
  }
}
Spec infer_real(const NoAttrs&, const Specs& in) { return {in[0].shape, real_of(in[0].dtype)}; }
Values abs_grad(const NoAttrs&, const GradArgs& g) {
  static const OpCall conj("conj");
  const Value slope = sign(g.in(0));
  return {g.dout() * (is_complex(slope.dtype()) ? conj({slope}) : slope)};
}
// That of a complex number turns with it: sign(z) = z / |z|.
Values sign_grad(const NoAttrs&, const GradArgs& g) {
  check(!is_complex(g.in_spec(0).dtype), ErrorKind::kType, "sign: data has dtype ",
        g.in_spec(0).dtype, ", must be real for a gradient");
  return {op::full_of(g.in_spec(0), 0.0)};
}

PLAIT_UNARY_SAME(abs, "nd sym np", "Absolute value; real for complex numbers.", absolute(x))
PLAIT_COMPLEX_SAME(abs)
    .infer(infer_real)
    .on("np", "absolute")
    .on("np", "fabs")
    .grad(abs_grad, op::saves_input(0));
PLAIT_UNARY_SAME(sign, "nd sym np", "-1, 0 or 1; NaN of NaN; x / |x| for complex numbers.",
                 direction(x))
PLAIT_COMPLEX_SAME(sign).grad(sign_grad, op::saves_nothing());
PLAIT_UNARY_SAME(square, "nd sym np", "x * x.", x* x)
PLAIT_COMPLEX_SAME(square).grad([](const NoAttrs&, const GradArgs& g)
                                    -> Values { return {g.dout() * g.in(0) * 2.0}; },
                                op::saves_input(0));
PLAIT_UNARY_SAME(reciprocal, "nd sym np", "1 / x; 0 for a whole number 0.",
                 std::is_integral_v<T>&& x == T(0) ? T(0) : T(1) / x)
PLAIT_COMPLEX_SAME(reciprocal)
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
template <class T>
PLAIT_FN bool is_infinite(T x) {
  if constexpr (kIsComplex<T>) {
    return is_infinite(x.real()) || is_infinite(x.imag());
  } else {
    return x - x != x - x && x == x;
  }
}
PLAIT_TEST(isinf, "True where x is infinite.", is_infinite(x));
PLAIT_TEST(isfinite, "True where x is neither infinite nor NaN.", x - x == x - x);

}  // namespace
}  // namespace plait::ops
