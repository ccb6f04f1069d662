#pragma once

#include <bit>
#include <cmath>
#include <complex>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "base/target.h"
#include "kernels/angles.h"

// Functions of one number for use inside vector loops. The float versions have no branches, so the
// compiler vectorises them; errors are at most about 3 units in the last place, infinities and NaN
// come out as from the standard library. double goes to the standard library.
namespace plait::kernels::math {

inline constexpr float kInf = std::numeric_limits<float>::infinity();
inline constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

using std::acos, std::acosh, std::asin, std::asinh, std::atan, std::atan2, std::atanh, std::cbrt,
    std::ceil, std::cosh, std::erfc, std::floor, std::hypot, std::log10, std::log2, std::round,
    std::sinh, std::sqrt, std::tan, std::tgamma, std::trunc;

namespace detail {
// x = n ln2 + r with |r| <= ln2 / 2 (Cody and Waite, 1980); `bits` are those of n + kMagic.
struct ReducedBits {
  float r;
  uint32_t bits;
};
inline constexpr float kMagic = 12582912.0f;  // 1.5 * 2^23: adding it rounds to a whole number
PLAIT_FN inline ReducedBits reduced_bits(float x) {
  const float shifted = x * 1.44269504f + kMagic;
  const float n = shifted - kMagic;
  return {(x - n * 0.693359375f) + n * 2.12194440e-4f, std::bit_cast<uint32_t>(shifted)};
}
struct Reduced {
  float r;
  int32_t n;
};
PLAIT_FN inline Reduced reduce(float x) {
  const auto [r, bits] = reduced_bits(x);
  return {r, static_cast<int32_t>(bits - std::bit_cast<uint32_t>(kMagic))};
}
// exp(r) - 1 by its Taylor series; |r| <= 0.347.
PLAIT_FN inline float expm1_small(float r) {
  float p = 1.0f / 5040;
  p = p * r + 1.0f / 720;
  p = p * r + 1.0f / 120;
  p = p * r + 1.0f / 24;
  p = p * r + 1.0f / 6;
  p = p * r + 0.5f;
  return p * (r * r) + r;
}
PLAIT_FN inline float power_of_two(int32_t n) {  // -126 <= n <= 127
  return std::bit_cast<float>((n + 127) << 23);
}
}  // namespace detail

PLAIT_FN inline float exp(float x) {
  float c = x < -104.0f ? -104.0f : x;
  c = c > 100.0f ? 100.0f : c;
  const auto [r, bits] = detail::reduced_bits(c);
  float p = 1.0f / 5040;
  p = p * r + 1.0f / 720;
  p = p * r + 1.0f / 120;
  p = p * r + 1.0f / 24;
  p = p * r + 1.0f / 6;
  p = p * r + 0.5f;
  p = p * r + 1.0f;
  p = p * r + 1.0f;
  // 2^n in two factors that are normal numbers, from the bits of n + kMagic: what stands above the
  // low ones falls out.
  constexpr uint32_t kOne = 0x3f800000, kExponent = 0xff800000;
  const uint32_t half = (bits << 22) & kExponent;
  return p * std::bit_cast<float>(half + kOne) * std::bit_cast<float>((bits << 23) - half + kOne);
}
PLAIT_FN inline double exp(double x) { return std::exp(x); }

PLAIT_FN inline float expm1(float x) {
  float c = x < -30.0f ? -30.0f : x;
  c = c > 100.0f ? 100.0f : c;
  const auto [r, n] = detail::reduce(c);
  const int32_t half = n >> 1;
  const float a = detail::power_of_two(half), b = detail::power_of_two(n - half);
  const float small = detail::expm1_small(r);
  // Above 2^30 the -1 is far below the last place.
  return n > 30 ? (small + 1.0f) * a * b : small * a * b + (a * b - 1.0f);
}
PLAIT_FN inline double expm1(double x) { return std::expm1(x); }

PLAIT_FN inline float log(float x) {
  const bool tiny = x < 1.17549435e-38f;  // subnormal
  const float scaled = tiny ? x * 8388608.0f : x;
  const int32_t bits = std::bit_cast<int32_t>(scaled);
  const int32_t e = (bits - 0x3f3504f3) >> 23;  // mantissa in [sqrt(1/2), sqrt(2))
  const float f = std::bit_cast<float>(bits - (e << 23)) - 1.0f;
  const float k = static_cast<float>(e - (tiny ? 23 : 0));
  // log(1 + f) = f - (f^2/2 - s (f^2/2 + R(s^2))), s = f / (2 + f); R from the series of atanh.
  const float s = f / (2.0f + f), z = s * s, h = 0.5f * f * f;
  const float r = z * (2.0f / 3 + z * (2.0f / 5 + z * (2.0f / 7 + z * (2.0f / 9))));
  float y = k * 0.693359375f + (f - (h - (s * (h + r) - k * 2.12194440e-4f)));
  y = x == kInf ? kInf : y;
  y = x == 0.0f ? -kInf : y;
  return x >= 0.0f ? y : kNan;
}
PLAIT_FN inline double log(double x) { return std::log(x); }

PLAIT_FN inline float log1p(float x) {
  const float u = 1.0f + x;
  const float y = math::log(u) + (x - (u - 1.0f)) / u;  // what rounding took from u
  return u == kInf || u == 0.0f ? math::log(u) : y;
}
PLAIT_FN inline double log1p(double x) { return std::log1p(x); }

PLAIT_FN inline float tanh(float x) {
  const float a = std::fabs(x);
  const float e = math::expm1(2.0f * (a > 10.0f ? 10.0f : a));
  return std::copysign(e / (e + 2.0f), x);
}
PLAIT_FN inline double tanh(double x) { return std::tanh(x); }

// Polynomials fitted at Chebyshev's nodes: erf(x) / x by x^2 below 1, else -log(1 - erf(x)) by x.
PLAIT_FN inline float erf(float x) {
  const float a = std::fabs(x), c = a > 4.0f ? 4.0f : a, z = a * a;
  float s = 7.88629668e-05f;
  s = s * z - 0.000802355182f;
  s = s * z + 0.00519033013f;
  s = s * z - 0.0268551818f;
  s = s * z + 0.11283628f;
  s = s * z - 0.37612631f;
  s = s * z + 1.12837917f;
  float g = 6.02000061e-08f;
  g = g * c - 2.95504764e-06f;
  g = g * c + 5.85596815e-05f;
  g = g * c - 0.000664126626f;
  g = g * c + 0.00498597306f;
  g = g * c - 0.0269132333f;
  g = g * c + 0.110770561f;
  g = g * c + 0.631223719f;
  g = g * c + 1.13052967f;
  g = g * c - 0.000382717023f;
  return std::copysign(a < 1.0f ? a * s : 1.0f - math::exp(-g), x);
}
PLAIT_FN inline double erf(double x) { return std::erf(x); }

// The part of a normal distribution below x. -log of that below -a, for a in [0, 5.6], is a
// polynomial fitted at Chebyshev's nodes: the tail keeps its digits, 1 + erf would not.
PLAIT_FN inline float normal_cdf(float x) {
  const float a = std::fabs(x);
  float g = 1.91300948e-08f;
  g = g * a - 5.63886999e-07f;
  g = g * a + 7.16813111e-06f;
  g = g * a - 4.99379021e-05f;
  g = g * a + 0.000181658659f;
  g = g * a + 2.8242599e-05f;
  g = g * a - 0.00485254359f;
  g = g * a + 0.0363758951f;
  g = g * a + 0.318298966f;
  g = g * a + 0.797885537f;
  g = g * a + 0.693147182f;
  const float tail = a > 5.6f ? 0.0f : math::exp(-g);
  return x < 0.0f ? tail : 1.0f - tail;
}
PLAIT_FN inline double normal_cdf(double x) { return 0.5 * std::erfc(-x * M_SQRT1_2); }

template <class T>
PLAIT_FN inline T sigmoid(T x) {
  return T(1) / (T(1) + math::exp(-x));
}

// max(x, 0) + log(1 + exp(-|x|)) = log(1 + exp(x)) without overflow.
template <class T>
PLAIT_FN inline T softplus(T x) {
  return (x > T(0) ? x : T(0)) + math::log1p(math::exp(-std::fabs(x)));
}

// Nearest whole number, halves to even.
template <class T>
PLAIT_FN inline T round_even(T x) {
  constexpr T kWhole = T(1) / std::numeric_limits<T>::epsilon();  // larger ones have no fraction
  const T a = std::fabs(x);
  return a < kWhole ? std::copysign((a + kWhole) - kWhole, x) : x;
}

// Inverse of erf: M. Giles, "Approximating the erfinv function" (2010) gives the start, two steps
// of Newton's method the digits.
template <class T>
PLAIT_FN inline T erfinv(T y) {
  if (!(y > T(-1) && y < T(1))) {
    return std::fabs(y) == T(1) ? std::copysign(std::numeric_limits<T>::infinity(), y)
                                : std::numeric_limits<T>::quiet_NaN();
  }
  const double v = y, w = std::log1p(-v * v) * 0.5 + 4.330746750799873;  // + 2 / (pi * 0.147)
  double x = std::copysign(std::sqrt(std::sqrt(w * w - std::log1p(-v * v) / 0.147) - w), v);
  for (int i = 0; i < 3; ++i) {
    const double slope = 1.1283791670955126 * std::exp(-x * x);  // 2 / sqrt(pi)
    const double miss = (v > 0 ? (1 - v) - std::erfc(x) : std::erfc(-x) - (1 + v)) / slope;
    if (slope > 0) x -= miss / (1 + x * miss);
  }
  return static_cast<T>(v == 0 ? v : x);
}

// Derivative of log(gamma(x)): recurrence up to x >= 6, then the asymptotic series
// (Abramowitz and Stegun 6.3.18).
PLAIT_FN inline double digamma(double x) {
  if (x <= 0 && x == std::floor(x)) return kNan;
  if (x < 0) return digamma(1 - x) - M_PI / std::tan(M_PI * x);
  double shift = 0;
  while (x < 6) shift -= 1 / x++;
  const double z = 1 / (x * x);
  return shift + std::log(x) - 0.5 / x -
         z * (1.0 / 12 - z * (1.0 / 120 - z * (1.0 / 252 - z * (1.0 / 240 - z * (1.0 / 132)))));
}
PLAIT_FN inline float digamma(float x) {
  return static_cast<float>(digamma(static_cast<double>(x)));
}

// Derivative of digamma, the same way (Abramowitz and Stegun 6.4.12).
PLAIT_FN inline double trigamma(double x) {
  if (x <= 0 && x == std::floor(x)) return std::numeric_limits<double>::infinity();
  if (x < 0) {
    const double s = std::sin(M_PI * x);
    return M_PI * M_PI / (s * s) - trigamma(1 - x);
  }
  double sum = 0;
  for (; x < 8; ++x) sum += 1 / (x * x);
  const double z = 1 / (x * x);
  return sum + 1 / x + z / 2 + z / x * (1.0 / 6 - z * (1.0 / 30 - z * (1.0 / 42 - z / 30)));
}
PLAIT_FN inline float trigamma(float x) {
  return static_cast<float>(trigamma(static_cast<double>(x)));
}

template <class T>
PLAIT_FN inline T gamma(T x) {
  return std::tgamma(x);
}
// The re-entrant form where there is one: lgamma writes a global.
#ifdef __CUDACC__
PLAIT_FN inline double log_gamma(double x) { return ::lgamma(x); }
#else
inline double log_gamma(double x) {
  int sign;
  return ::lgamma_r(x, &sign);
}
#endif
template <class T>
PLAIT_FN inline T gammaln(T x) {
  return static_cast<T>(log_gamma(static_cast<double>(x)));
}
template <class T>
PLAIT_FN inline T abs(T x) {
  return x < T(0) ? -x : x;
}

// Remainder with the sign of the divisor, as Python's %; 0 for a whole divisor of 0.
template <class T>
PLAIT_FN inline T mod(T a, T b) {
  if constexpr (std::is_floating_point_v<T>) {
    const T r = std::fmod(a, b);
    if (r == T(0)) return std::copysign(r, b);
    return (r < T(0)) != (b < T(0)) ? r + b : r;
  } else {
    if (b == 0 || b == T(-1)) return 0;
    const T r = a % b;
    return r != 0 && ((r < 0) != (b < 0)) ? r + b : r;
  }
}

// a to the power b; whole numbers by squaring.
template <class T>
PLAIT_FN inline T power(T a, T b) {
  if constexpr (std::is_floating_point_v<T>) {
    return std::pow(a, b);
  } else if constexpr (!std::is_integral_v<T>) {
    return b == T(0) ? T(1) : std::pow(a, b);
  } else {
    if (b < 0) return a == 1 ? T(1) : a == T(-1) ? (b % 2 ? T(-1) : T(1)) : T(0);
    using U = std::make_unsigned_t<T>;
    U result = 1, base = static_cast<U>(a);
    for (U e = static_cast<U>(b); e; e >>= 1, base *= base) {
      if (e & 1) result *= base;
    }
    return static_cast<T>(result);
  }
}

// Of complex numbers x + iy, exact near 0: e^x cos y - 1 = expm1(x) cos y - 2 sin^2(y / 2).
template <class R>
PLAIT_FN inline std::complex<R> expm1(std::complex<R> z) {
  const R e = std::exp(z.real()), half = std::sin(z.imag() / 2);
  const R real = std::expm1(z.real()) * std::cos(z.imag()) - 2 * half * half;
  return {real, z.imag() == 0 ? z.imag() : e * std::sin(z.imag())};
}
// |1 + z|^2 - 1 = x (2 + x) + y^2.
template <class R>
PLAIT_FN inline std::complex<R> log1p(std::complex<R> z) {
  const R x = z.real(), y = z.imag(), angle = std::atan2(y, 1 + x);
  if (std::abs(x) < R(0.5) && std::abs(y) < R(0.5)) {
    return {std::log1p(x * (2 + x) + y * y) / 2, angle};
  }
  return {std::log(std::hypot(1 + x, y)), angle};
}
template <class R>
PLAIT_FN inline std::complex<R> log2(std::complex<R> z) {
  return std::log(z) / R(0.693147180559945309);
}

}  // namespace plait::kernels::math
