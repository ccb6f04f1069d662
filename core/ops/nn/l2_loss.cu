#include "kernels/cuda/element.h"
#include "kernels/cuda/launch.h"
#include "op/device_op.h"

namespace plait::ops {
namespace {

using cuda::Numbers;
using op::DeviceCall;

template <class A>
struct Forward {
  int64_t n;  // elements of a sample
  A half;
  Numbers pred, label, out;
  template <class Team>
  PLAIT_FN void operator()(const Team& team, int64_t sample) const {
    const int64_t first = sample * n;
    const double sum = team.reduce(
        n, 0.0,
        [&](int64_t i) {
          const A d = label.get<A>(first + i) - pred.get<A>(first + i);
          return static_cast<double>(d * d * half);
        },
        cuda::Plus());
    team.each(1,
              [&](int64_t) { out.put<A>(sample, static_cast<A>(sum / static_cast<double>(n))); });
  }
};

template <class A>
struct Backward {
  int64_t n;
  A factor;
  Numbers dout, pred, label, to;
  PLAIT_FN void operator()(int64_t i) const {
    to.put<A>(i, dout.get<A>(i / n) * factor * (pred.get<A>(i) - label.get<A>(i)));
  }
};

template <class A>
void forward(const DeviceCall& c) {
  const int64_t batch = c.in(0).dim(0), n = c.in(0).size() / batch;
  cuda::for_each_line(batch, n,
                      Forward<A>{n, static_cast<A>(c.attr<double>("weight") / 2), Numbers(c.in(0)),
                                 Numbers(c.in(1)), Numbers(c.out(0))});
}
template <class A>
void backward(const DeviceCall& c) {
  const int64_t n = c.in(1).size() / c.in(1).dim(0);
  const auto factor = static_cast<A>(c.attr<double>("weight") / static_cast<double>(n));
  cuda::for_each(c.in(1).size(), Backward<A>{n, factor, Numbers(c.in(0)), Numbers(c.in(1)),
                                             Numbers(c.in(2)), Numbers(c.out(0))});
}

void kernel(const DeviceCall& c) {
  c.in(0).dtype == DType::kFloat64 ? forward<double>(c) : forward<float>(c);
}
void backward_kernel(const DeviceCall& c) {
  c.in(0).dtype == DType::kFloat64 ? backward<double>(c) : backward<float>(c);
}

PLAIT_DEVICE_KERNEL(l2_loss, kernel);
PLAIT_DEVICE_KERNEL(l2_loss_backward, backward_kernel);

}  // namespace
}  // namespace plait::ops
