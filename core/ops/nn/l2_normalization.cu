#include <cmath>
#include <string>

#include "kernels/cuda/launch.h"
#include "op/device_op.h"
#include "ops/lines.h"

namespace plait::ops {
namespace {

using op::DeviceCall;

template <class T>
struct Normalize {
  Lines lines;
  double eps;
  const T* x;
  T* y;
  template <class Team>
  PLAIT_FN void operator()(const Team& team, int64_t line) const {
    using A = acc_t<T>;
    const int64_t start = lines.start(line), step = lines.inner;
    const auto at = [&](int64_t i) { return static_cast<A>(x[start + i * step]); };
    const double squares = team.reduce(
        lines.n, 0.0, [&](int64_t i) { return static_cast<double>(at(i) * at(i)); }, cuda::Plus());
    const A inverse = static_cast<A>(1 / std::sqrt(squares + eps));
    team.each(lines.n, [&](int64_t i) { y[start + i * step] = static_cast<T>(at(i) * inverse); });
  }
};

void kernel(const DeviceCall& c) {
  const auto mode = c.attr<std::string>("mode");
  const Dims& data = *c.in(0).shape;
  Lines lines(Dims{}, std::nullopt);
  for (size_t i = 0; i < data.size(); ++i) {
    const bool is_outer = i == 0 || (mode == "spatial" && i == 1);
    (is_outer ? lines.outer : mode == "channel" && i > 1 ? lines.inner : lines.n) *= data[i];
  }
  if (c.in(0).size() == 0) return;
  const auto eps = c.attr<double>("eps");
  dispatch_floating(c.in(0).dtype, [&]<class T>(T) {
    cuda::for_each_line(lines.count(), lines.n,
                        Normalize<T>{lines, eps, c.in(0).ptr<T>(), c.out(0).ptr<T>()});
  });
}

PLAIT_DEVICE_KERNEL(l2_normalization, kernel);

}  // namespace
}  // namespace plait::ops
