#pragma once

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>

#include "base/target.h"

// Sine and cosine of floats of any size without branches, so that loops over them vectorise.
namespace plait::kernels::math {
namespace detail {

// Bits [first, first + count) of 2 / pi after the point, count <= 53, as a whole number.
constexpr double bits_of_two_over_pi(int first, int count) {
  constexpr uint64_t kWords[] = {0xa2f9836e4e441529, 0xfc2757d1f534ddc0, 0xdb6295993c439041};
  uint64_t value = 0;
  for (int i = first; i < first + count; ++i)
    value = value << 1 | (kWords[i / 64] >> (63 - i % 64) & 1);
  return static_cast<double>(value);
}

// 2^e * 2 / pi modulo 4 for e in [0, 104], where whole numbers of 24 bits times 2^e are all floats
// from 2^23 on (Payne and Hanek, 1983). `high` has 29 bits: its product with 24 bits is exact.
struct Quadrants {
  std::array<double, 105> high, low;
};
constexpr Quadrants make_quadrants() {
  Quadrants out{};
  for (int e = 0; e <= 104; ++e) {
    const int first = e > 2 ? e - 2 : 0;
    double unit = 1;  // weight of the last bit of `high`
    for (int i = first + 29 - e; i > 0; --i) unit /= 2;
    out.high[e] = bits_of_two_over_pi(first, 29) * unit;
    for (int i = 0; i < 53; ++i) unit /= 2;
    out.low[e] = bits_of_two_over_pi(first + 29, 53) * unit;
  }
  return out;
}
inline constexpr Quadrants kQuadrants = make_quadrants();

// x as quarters of the circle from the nearest one, in radians, and the number of that.
struct Angle {
  float rest;
  uint32_t quarter;
};
PLAIT_FN inline Angle angle(float x) {
  const int32_t exponent = std::bit_cast<int32_t>(x) >> 23 & 255;
  int32_t e = exponent - 150;
  e = e < 0 ? 0 : e > 104 ? 104 : e;
  const double factor = x * std::bit_cast<double>(static_cast<int64_t>(1023 - e) << 52);
  const double high = factor * kQuadrants.high[e], low = factor * kQuadrants.low[e];
  constexpr double kMagic = 6755399441055744.0;  // 1.5 * 2^52: adding it rounds to a whole number
  const double shifted = (high + low) + kMagic;
  const double rest = (high - (shifted - kMagic)) + low;
  return {static_cast<float>(rest * 1.5707963267948966),
          static_cast<uint32_t>(std::bit_cast<uint64_t>(shifted))};
}

// The sine of `rest` plus so many quarters. Polynomials fitted at Chebyshev's nodes.
PLAIT_FN inline float sine(float rest, uint32_t quarter) {
  const float z = rest * rest;
  const float s = rest + rest * z * (-0.16666655f + z * (0.008332166f + z * -0.0001951592f));
  const float c =
      1.0f - 0.5f * z + z * z * (0.041666646f + z * (-0.0013887341f + z * 2.4435816e-05f));
  const float y = quarter & 1 ? c : std::copysign(s, rest);  // for the sign of 0
  return quarter & 2 ? -y : y;
}

}  // namespace detail

#ifdef __CUDACC__
PLAIT_FN inline float sin(float x) { return ::sinf(x); }
PLAIT_FN inline float cos(float x) { return ::cosf(x); }
#else
inline float sin(float x) {
  const auto [rest, quarter] = detail::angle(x);
  return detail::sine(rest, quarter);
}
inline float cos(float x) {
  const auto [rest, quarter] = detail::angle(x);
  return detail::sine(rest, quarter + 1);
}
#endif
PLAIT_FN inline double sin(double x) { return std::sin(x); }
PLAIT_FN inline double cos(double x) { return std::cos(x); }

}  // namespace plait::kernels::math
