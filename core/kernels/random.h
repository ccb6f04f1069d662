#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>

#include "base/target.h"

namespace plait::kernels {

// Philox4x32-10: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3" (2011).
// Four words from a counter and a key; every element of an array has its own counter, so results do
// not depend on how the work is divided.
class Philox {
 public:
  // `offset` is the first counter of a call; `stream` separates draws for one element.
  PLAIT_FN Philox(uint64_t seed, uint64_t offset) : seed_(seed), offset_(offset) {}

  PLAIT_FN std::array<uint32_t, 4> words(uint64_t index, uint32_t stream = 0) const {
    const uint64_t counter = offset_ + index;
    uint32_t c0 = static_cast<uint32_t>(counter), c1 = static_cast<uint32_t>(counter >> 32);
    uint32_t c2 = stream, c3 = 0;
    uint32_t k0 = static_cast<uint32_t>(seed_), k1 = static_cast<uint32_t>(seed_ >> 32);
    for (int round = 0; round < 10; ++round) {
      const uint64_t a = uint64_t{0xD2511F53u} * c0, b = uint64_t{0xCD9E8D57u} * c2;
      const uint32_t b_high = static_cast<uint32_t>(b >> 32),
                     a_high = static_cast<uint32_t>(a >> 32);
      c0 = b_high ^ c1 ^ k0;
      c2 = a_high ^ c3 ^ k1;
      c1 = static_cast<uint32_t>(b);
      c3 = static_cast<uint32_t>(a);
      k0 += 0x9E3779B9u;
      k1 += 0xBB67AE85u;
    }
    return {c0, c1, c2, c3};
  }

 private:
  uint64_t seed_, offset_;
};

// In [0, 1), with 24 and 53 random bits.
PLAIT_FN inline float uniform24(uint32_t word) { return static_cast<float>(word >> 8) * 0x1p-24f; }
PLAIT_FN inline double uniform53(uint32_t high, uint32_t low) {
  return static_cast<double>((uint64_t{high} << 32 | low) >> 11) * 0x1p-53;
}

// The random numbers of one element, one after another.
class Draws {
 public:
  PLAIT_FN Draws(const Philox& source, uint64_t index, uint32_t stream = 0)
      : source_(source), index_(index), stream_(stream) {}

  PLAIT_FN double uniform() {
    const uint32_t high = next();
    return uniform53(high, next());
  }
  // Above 0, for logarithms.
  PLAIT_FN double positive() { return 1.0 - uniform(); }
  // Box and Muller, "A note on the generation of random normal deviates" (1958).
  PLAIT_FN double normal() {
    const double radius = std::sqrt(-2 * std::log(positive()));
    return radius * std::cos(6.283185307179586 * uniform());
  }
  // Marsaglia and Tsang, "A simple method for generating gamma variables" (2000). NaN for a
  // negative shape; those at 0 and infinity lie at one point.
  double gamma(double shape) {
    if (!(shape >= 0)) return std::numeric_limits<double>::quiet_NaN();
    if (shape == 0 || std::isinf(shape)) return shape;
    if (shape < 1) {
      const double u = positive();
      return gamma(shape + 1) * std::pow(u, 1 / shape);
    }
    const double d = shape - 1.0 / 3, c = 1 / std::sqrt(9 * d);
    for (;;) {
      const double x = normal(), root = 1 + c * x;
      if (root <= 0) continue;
      const double v = root * root * root;
      if (std::log(positive()) < 0.5 * x * x + d - d * v + d * std::log(v)) return d * v;
    }
  }
  // Knuth's product for small means; for large ones Hoermann's rejection, "The transformed
  // rejection method for generating Poisson random variables" (1993).
  double poisson(double mean) {
    if (!std::isfinite(mean)) return mean;
    if (mean < 30) {
      const double limit = std::exp(-mean);
      double count = 0;
      for (double product = uniform(); product > limit; product *= uniform()) ++count;
      return count;
    }
    const double b = 0.931 + 2.53 * std::sqrt(mean), a = -0.059 + 0.02483 * b;
    const double inverse_alpha = 1.1239 + 1.1328 / (b - 3.4), v_r = 0.9277 - 3.6224 / (b - 2);
    for (;;) {
      const double u = uniform() - 0.5, v = positive(), us = 0.5 - std::fabs(u);
      const double k = std::floor((2 * a / us + b) * u + mean + 0.43);
      if (us >= 0.07 && v <= v_r) return k;
      if (k < 0 || (us < 0.013 && v > us)) continue;
      int sign;
      if (std::log(v * inverse_alpha / (a / (us * us) + b)) <=
          k * std::log(mean) - mean - ::lgamma_r(k + 1, &sign)) {
        return k;
      }
    }
  }

 private:
  PLAIT_FN uint32_t next() {
    if (left_ == 0) {
      words_ = source_.words(index_, stream_++);
      left_ = 4;
    }
    return words_[static_cast<size_t>(--left_)];
  }

  const Philox& source_;
  uint64_t index_;
  uint32_t stream_;
  int left_ = 0;
  std::array<uint32_t, 4> words_{};
};

inline double between(Draws& draws, double low, double high) {
  return low + (high - low) * draws.uniform();
}

// A whole number in [0, n].
inline int64_t upto(Draws& draws, int64_t n) {
  return std::min(n, static_cast<int64_t>(draws.uniform() * static_cast<double>(n + 1)));
}

}  // namespace plait::kernels
