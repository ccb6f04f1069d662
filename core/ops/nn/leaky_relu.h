#pragma once

#include <cmath>
#include <string>

#include "base/dims.h"
#include "base/target.h"
#include "kernels/math.h"

// The functions of leaky_relu.
namespace plait::ops {

namespace math = kernels::math;

// Klambauer, Unterthiner, Mayr, Hochreiter: Self-normalizing neural networks (2017).
inline constexpr double kSeluAlpha = 1.6732632423543772, kSeluScale = 1.0507009873554805;

// Each function of x and the slope s of the negative side, with its derivative by x.
struct Leaky {
  template <class A>
  PLAIT_FN static A f(A x, A s) {
    return x > A(0) ? x : x * s;
  }
  template <class A>
  PLAIT_FN static A d(A x, A s) {
    return x > A(0) ? A(1) : s;
  }
};
struct Elu {
  template <class A>
  PLAIT_FN static A f(A x, A s) {
    return x > A(0) ? x : s * math::expm1(x);
  }
  template <class A>
  PLAIT_FN static A d(A x, A s) {
    return x > A(0) ? A(1) : s * math::exp(x);
  }
};
struct Selu {
  template <class A>
  PLAIT_FN static A f(A x, A) {
    return static_cast<A>(kSeluScale) * Elu::f(x, static_cast<A>(kSeluAlpha));
  }
  template <class A>
  PLAIT_FN static A d(A x, A) {
    return static_cast<A>(kSeluScale) * Elu::d(x, static_cast<A>(kSeluAlpha));
  }
};
struct Gelu {  // x times the normal distribution function
  template <class A>
  PLAIT_FN static A f(A x, A) {
    return x * math::normal_cdf(x);
  }
  template <class A>
  PLAIT_FN static A d(A x, A) {
    const A density = static_cast<A>(0.3989422804014327) * math::exp(A(-0.5) * x * x);
    return math::normal_cdf(x) + x * density;
  }
};

template <class F>
void with_leaky(const std::string& type, const F& f) {
  if (type == "elu") return f(Elu{});
  if (type == "selu") return f(Selu{});
  if (type == "gelu") return f(Gelu{});
  f(Leaky{});
}

// Element i has the slope slopes[i / inner % count]: one for each channel of (batch, channels,
// ...), or of (channels,).
struct Channels {
  int64_t count = 1, inner = 1;
  Channels(const Dims& data, const Dims& gamma) {
    if (gamma.size() == 1 && gamma[0] == 1) return;
    const size_t axis = data.size() > 1 ? 1 : 0;
    check(gamma.size() == 1 && axis < data.size() && gamma[0] == data[axis], ErrorKind::kShape,
          "gamma has shape ", gamma, ", must be (1,) or have one number for each channel of data ",
          data);
    count = gamma[0];
    for (size_t i = axis + 1; i < data.size(); ++i) inner *= data[i];
  }
};

}  // namespace plait::ops
