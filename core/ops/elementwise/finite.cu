#include "kernels/copy.h"
#include "kernels/cuda/element.h"
#include "kernels/cuda/launch.h"
#include "op/device_op.h"

namespace plait::ops {
namespace {

using cuda::Numbers;
using op::DeviceCall;

// 0 in `y` if an element is infinite or NaN.
struct Finite {
  int64_t n;
  Numbers x;
  float* y;
  template <class Team>
  PLAIT_FN void operator()(const Team& block, int64_t) const {
    const double bad = block.reduce(
        n, 0.0,
        [&](int64_t i) {
          const double v = x.get<double>(i);
          return v - v == 0 ? 0.0 : 1.0;
        },
        cuda::Plus());
    block.each(1, [&](int64_t) {
      if (bad > 0) *y = 0.0f;
    });
  }
};

void finite_kernel(const DeviceCall& c) {
  kernels::fill(c.out(0), 1, 1);
  for (const View& v : c.args().in) {
    cuda::for_each_block(1, Finite{v.size(), Numbers(v), c.out(0).ptr<float>()});
  }
}

struct SumOfSquares {
  int64_t n;
  Numbers x;
  float* y;
  template <class Team>
  PLAIT_FN void operator()(const Team& block, int64_t) const {
    const double sum = block.reduce(
        n, 0.0, [&](int64_t i) { return x.get<double>(i) * x.get<double>(i); }, cuda::Plus());
    block.each(1, [&](int64_t) { *y = static_cast<float>(sum); });
  }
};

void sum_kernel(const DeviceCall& c) {
  for (size_t i = 0; i < c.num_in(); ++i) {
    cuda::for_each_block(1,
                         SumOfSquares{c.in(i).size(), Numbers(c.in(i)), c.out(0).ptr<float>() + i});
  }
}

PLAIT_DEVICE_KERNEL(all_finite, finite_kernel);
PLAIT_DEVICE_KERNEL(multi_all_finite, finite_kernel);
PLAIT_DEVICE_KERNEL(multi_sum_sq, sum_kernel);

}  // namespace
}  // namespace plait::ops
