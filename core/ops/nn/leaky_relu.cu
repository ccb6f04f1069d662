#include "ops/nn/leaky_relu.h"

#include "kernels/cuda/element.h"
#include "kernels/cuda/launch.h"
#include "kernels/cuda/runtime.h"
#include "kernels/random.h"
#include "op/device_op.h"

namespace plait::ops {
namespace {

using cuda::Numbers;
using op::DeviceCall;

// Where the slope of an element is: one number of the call, or slopes[i / inner % count].
struct Slopes {
  double fixed = 0;
  Numbers given;
  int64_t count = 1, inner = 1;
  template <class A>
  PLAIT_FN A at(int64_t i) const {
    return given.data ? given.get<A>(i / inner % count) : static_cast<A>(fixed);
  }
};

template <class F, class A>
struct Forward {
  Slopes slopes;
  Numbers x, y;
  PLAIT_FN void operator()(int64_t i) const { y.put<A>(i, F::f(x.get<A>(i), slopes.at<A>(i))); }
};
template <class F, class A>
struct Backward {
  Slopes slopes;
  Numbers dy, x, dx;
  PLAIT_FN void operator()(int64_t i) const {
    dx.put<A>(i, dy.get<A>(i) * F::d(x.get<A>(i), slopes.at<A>(i)));
  }
};

struct Draw {
  kernels::Philox random;
  double low, span;
  bool is_train;
  Numbers to;
  PLAIT_FN void operator()(int64_t i) const {
    double u = 0.5;
    if (is_train) u = kernels::Draws(random, static_cast<uint64_t>(i)).uniform();
    to.put<double>(i, low + span * u);
  }
};

Slopes slopes_of(const DeviceCall& c, const View& data, const View* given) {
  Slopes s{c.attr<double>("slope"), {}, 1, 1};
  if (!given) return s;
  s.given = Numbers(*given);
  s.count = given->size();
  if (c.attr<std::string>("act_type") == "prelu") {
    const Channels channels(*data.shape, *given->shape);
    s.count = channels.count;
    s.inner = channels.inner;
  }
  return s;
}

// run(functions, number of the type of arithmetic)
template <class Run>
void with_types(const DeviceCall& c, const Run& run) {
  with_leaky(c.attr<std::string>("act_type"), [&]<class F>(F f) {
    c.out(0).dtype == DType::kFloat64 ? run(f, double{}) : run(f, float{});
  });
}

void kernel(const DeviceCall& c) {
  const auto type = c.attr<std::string>("act_type");
  const View* given = type == "prelu" ? &c.in(1) : type == "rrelu" ? &c.out(1) : nullptr;
  if (type == "rrelu") {
    const auto low = c.attr<double>("lower_bound"), high = c.attr<double>("upper_bound");
    const op::KernelArgs& k = c.args();
    cuda::for_each(given->size(), Draw{kernels::Philox(k.random.seed, k.random.offset), low,
                                       high - low, k.is_train, Numbers(*given)});
  }
  const Slopes slopes = slopes_of(c, c.in(0), given);
  with_types(c, [&]<class F, class A>(F, A) {
    cuda::for_each(c.out(0).size(), Forward<F, A>{slopes, Numbers(c.in(0)), Numbers(c.out(0))});
  });
}

void backward_kernel(const DeviceCall& c) {
  const Slopes slopes = slopes_of(c, c.in(1), c.num_in() > 2 ? &c.in(2) : nullptr);
  with_types(c, [&]<class F, class A>(F, A) {
    cuda::for_each(c.out(0).size(),
                   Backward<F, A>{slopes, Numbers(c.in(0)), Numbers(c.in(1)), Numbers(c.out(0))});
  });
}

PLAIT_DEVICE_KERNEL(leaky_relu, kernel);
PLAIT_DEVICE_KERNEL(leaky_relu_backward, backward_kernel);

}  // namespace
}  // namespace plait::ops
