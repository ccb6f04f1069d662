#include <cmath>

#include "kernels/cuda/launch.h"
#include "op/device_op.h"

namespace plait::ops {
namespace {

template <class T>
struct Forward {
  int64_t n;
  double eps;
  const T *x, *gamma;
  T *y, *inverse;

  template <class Team>
  PLAIT_FN void operator()(const Team& team, int64_t row) const {
    using A = acc_t<T>;
    const int64_t start = row * n;
    const auto at = [&](int64_t j) { return static_cast<A>(x[start + j]); };
    const double squares = team.reduce(
        n, 0.0, [&](int64_t j) { return static_cast<double>(at(j) * at(j)); }, cuda::Plus());
    const A inv = static_cast<A>(1 / std::sqrt(squares / static_cast<double>(n > 0 ? n : 1) + eps));
    team.each(1, [&](int64_t) { inverse[row] = static_cast<T>(inv); });
    team.each(n, [&](int64_t j) {
      y[start + j] = static_cast<T>(at(j) * inv * static_cast<A>(gamma[j]));
    });
  }
};

void kernel(const op::DeviceCall& c) {
  const int64_t n = c.in(0).dim(-1);
  dispatch_floating(c.in(0).dtype, [&]<class T>(T) {
    cuda::for_each_line(c.out(1).size(), n,
                        Forward<T>{n, c.attr<double>("eps"), c.in(0).ptr<T>(), c.in(1).ptr<T>(),
                                   c.out(0).ptr<T>(), c.out(1).ptr<T>()});
  });
}

PLAIT_DEVICE_KERNEL(rms_norm, kernel);

}  // namespace
}  // namespace plait::ops
