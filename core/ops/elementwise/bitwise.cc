#include <numeric>

#include "ops/elementwise/binary.h"

// Functions of the bits and the divisors of whole numbers.
namespace plait::ops {
namespace {

using op::KernelArgs;
using op::NoAttrs;

template <class F>
constexpr kernels::Loops whole_loops() {
  return {nullptr, nullptr, kernels::detail::binary_row<F, int32_t>,
          kernels::detail::binary_row<F, int64_t>};
}

Spec infer_bits(const NoAttrs& a, const Specs& in) {
  for (const Spec& s : in) {
    check(!is_floating(s.dtype), ErrorKind::kType, &s == in.begin() ? "lhs" : "rhs", " has dtype ",
          s.dtype, ", must be an integer or bool");
  }
  return infer_broadcast(a, in);
}
Spec infer_whole(const NoAttrs& a, const Specs& in) {
  const Spec out = infer_bits(a, in);
  check(out.dtype != DType::kBool, ErrorKind::kType, "lhs has dtype bool, must be an integer");
  return out;
}

template <class F, class Unsigned = F>
void whole_kernel(const NoAttrs&, const KernelArgs& k) {
  static constexpr kernels::Loops kLoops = whole_loops<F>(), kUnsigned = whole_loops<Unsigned>();
  const DType type = kernels::compute_type(k.out[0].dtype);
  const bool wide = k.out[0].dtype == DType::kUint64;
  kernels::apply(wide ? kUnsigned : kLoops, type, k.out[0], k.in, k.threads);
}

PLAIT_BINARY_FUNCTION(bitwise_and, a& b)
PLAIT_BINARY_FUNCTION(bitwise_or, a | b)
PLAIT_BINARY_FUNCTION(bitwise_xor, a ^ b)

// Shifts by the width or more, and by negative numbers, shift everything out.
template <class T>
PLAIT_FN bool all_out(T count) {
  return count < 0 || count >= static_cast<T>(8 * sizeof(T));
}
struct left_shift_fn {
  template <class T>
  PLAIT_FN static T f(T a, T b) {
    using U = std::make_unsigned_t<T>;
    return all_out(b) ? T(0) : static_cast<T>(static_cast<U>(a) << b);
  }
};
struct right_shift_fn {
  template <class T>
  PLAIT_FN static T f(T a, T b) {
    return all_out(b) ? static_cast<T>(a < 0 ? -1 : 0) : static_cast<T>(a >> b);
  }
};
struct right_shift_unsigned_fn {
  template <class T>
  PLAIT_FN static T f(T a, T b) {
    using U = std::make_unsigned_t<T>;
    return all_out(b) ? T(0) : static_cast<T>(static_cast<U>(a) >> b);
  }
};

template <class U>
PLAIT_FN U magnitude(std::make_signed_t<U> v, bool is_signed) {
  return is_signed && v < 0 ? U(0) - static_cast<U>(v) : static_cast<U>(v);
}
template <bool kSigned>
struct gcd_fn {
  template <class T>
  PLAIT_FN static T f(T a, T b) {
    using U = std::make_unsigned_t<T>;
    return static_cast<T>(std::gcd(magnitude<U>(a, kSigned), magnitude<U>(b, kSigned)));
  }
};
template <bool kSigned>
struct lcm_fn {
  template <class T>
  PLAIT_FN static T f(T a, T b) {
    using U = std::make_unsigned_t<T>;
    const U x = magnitude<U>(a, kSigned), y = magnitude<U>(b, kSigned);
    return x == 0 || y == 0 ? T(0) : static_cast<T>(x / std::gcd(x, y) * y);
  }
};

PLAIT_BINARY(bitwise_and, "Bits that both numbers have; of bool: both are true.", infer_bits,
             whole_kernel<bitwise_and_fn>)
    .on("np", "bitwise_and");
PLAIT_BINARY(bitwise_or, "Bits that one of the numbers has; of bool: one is true.", infer_bits,
             whole_kernel<bitwise_or_fn>)
    .on("np", "bitwise_or");
PLAIT_BINARY(bitwise_xor, "Bits that exactly one number has; of bool: exactly one is true.",
             infer_bits, whole_kernel<bitwise_xor_fn>)
    .on("np", "bitwise_xor");
PLAIT_BINARY(left_shift, "lhs times 2 to the rhs; bits that leave the type are lost.", infer_whole,
             whole_kernel<left_shift_fn>)
    .on("np", "left_shift")
    .on("np", "bitwise_left_shift");
PLAIT_BINARY(right_shift, "lhs divided by 2 to the rhs, rounded down.", infer_whole,
             (whole_kernel<right_shift_fn, right_shift_unsigned_fn>))
    .on("np", "right_shift")
    .on("np", "bitwise_right_shift");
PLAIT_BINARY(gcd, "Greatest common divisor, >= 0.", infer_whole,
             (whole_kernel<gcd_fn<true>, gcd_fn<false>>))
    .on("np", "gcd");
PLAIT_BINARY(lcm, "Least common multiple, >= 0; 0 if one of the numbers is 0.", infer_whole,
             (whole_kernel<lcm_fn<true>, lcm_fn<false>>))
    .on("np", "lcm");

struct invert_fn {
  template <class T>
  PLAIT_FN static T f(T a) {
    return static_cast<T>(~a);
  }
};
struct not_fn {
  template <class T>
  PLAIT_FN static T f(T a) {
    return static_cast<T>(a == 0);
  }
};

PLAIT_OP(bitwise_not, NoAttrs)
    .doc("Every bit turned round; of bool: logical not.")
    .input("data", "array of integers or bool")
    .output("out", "shape and type of data")
    .on("np", "bitwise_not")
    .on("np", "bitwise_invert")
    .on("np", "invert")
    .infer([](const NoAttrs&, const Specs& in) -> Spec {
      check(!is_floating(in[0].dtype), ErrorKind::kType, "data has dtype ", in[0].dtype,
            ", must be an integer or bool");
      return in[0];
    })
    .cpu([](const NoAttrs&, const KernelArgs& k) {
      static constexpr kernels::Loops kInvert = {nullptr, nullptr,
                                                 kernels::detail::unary_row<invert_fn, int32_t>,
                                                 kernels::detail::unary_row<invert_fn, int64_t>};
      static constexpr kernels::Loops kNot = {nullptr, nullptr,
                                              kernels::detail::unary_row<not_fn, int32_t>,
                                              kernels::detail::unary_row<not_fn, int64_t>};
      const bool truth = k.in[0].dtype == DType::kBool;
      kernels::apply(truth ? kNot : kInvert, kernels::compute_type(k.in[0].dtype), k.out[0], k.in,
                     k.threads);
    })
    .portable()
    .strided()
    .inplace();

}  // namespace
}  // namespace plait::ops
