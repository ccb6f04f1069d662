#include <cmath>
#include <optional>

#include "kernels/cuda/element.h"
#include "kernels/cuda/launch.h"
#include "op/device_op.h"

namespace plait::ops {
namespace {

using cuda::Numbers;

// Pair i of step t is turned by the angle t base^(-2 i / dim); what belongs to no pair is copied.
template <class T>
struct Turn {
  int64_t features, steps, half;
  double base;
  bool interleaved, inverse;
  Numbers position;  // null: 0, 1, 2, ...
  const T* x;
  T* y;

  PLAIT_FN void operator()(int64_t at) const {
    using A = acc_t<T>;
    const int64_t f = at % features, step = at / features % steps;
    if (f >= 2 * half) {
      y[at] = x[at];
      return;
    }
    const int64_t i = interleaved ? f / 2 : f % half;
    const bool second = interleaved ? f % 2 == 1 : f >= half;
    const int64_t distance = interleaved ? 1 : half, other = second ? at - distance : at + distance;
    const double t = position.data ? position.get<double>(step) : static_cast<double>(step);
    const double angle = t * std::pow(base, -static_cast<double>(i) / static_cast<double>(half));
    const A c = static_cast<A>(std::cos(angle));
    const A s = static_cast<A>(inverse ? -std::sin(angle) : std::sin(angle));
    const A own = static_cast<A>(x[at]), partner = static_cast<A>(x[other]);
    y[at] = static_cast<T>(second ? partner * s + own * c : own * c - partner * s);
  }
};

void kernel(const op::DeviceCall& c) {
  const int64_t features = c.in(0).dim(-1), steps = c.in(0).dim(-2);
  const int64_t dim = c.attr<std::optional<int64_t>>("dim").value_or(features);
  dispatch_floating(c.in(0).dtype, [&]<class T>(T) {
    cuda::for_each(c.in(0).size(), Turn<T>{features, steps, dim / 2, c.attr<double>("base"),
                                           c.attr<bool>("interleaved"), c.attr<bool>("inverse"),
                                           c.num_in() > 1 ? Numbers(c.in(1)) : Numbers(),
                                           c.in(0).ptr<T>(), c.out(0).ptr<T>()});
  });
}

PLAIT_DEVICE_KERNEL(rotary_embedding, kernel);

}  // namespace
}  // namespace plait::ops
