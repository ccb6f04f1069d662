#include <string>

#include "kernels/convert.h"
#include "kernels/copy.h"
#include "kernels/cuda/element.h"
#include "kernels/cuda/launch.h"
#include "kernels/elementwise.h"
#include "op/device_op.h"
#include "ops/nn/dropout.h"

namespace plait::ops {
namespace {

using op::DeviceCall;

struct Draw {
  uint64_t start, limit;
  double keep;
  cuda::Numbers mask;
  PLAIT_FN void operator()(int64_t i) const {
    mask.put<double>(i, dropout_bits(start, i) < limit ? 0.0 : keep);
  }
};

void kernel(const DeviceCall& c) {
  const View &x = c.in(0), &y = c.out(0), &mask = c.out(1);
  const auto p = c.attr<double>("p");
  const bool always = c.attr<std::string>("mode") == "always";
  if (!(p > 0) || !(c.args().is_train || always)) {
    kernels::fill(mask, 1, 1);
    return kernels::copy(x, y, 1);
  }
  cuda::for_each(mask.size(), Draw{dropout_start(c.args().random), dropout_limit(p), 1 / (1 - p),
                                   cuda::Numbers(mask)});
  static constexpr kernels::Loops kLoops = kernels::binary_float_loops<DropoutProduct>();
  const View in[2] = {x, mask};
  kernels::apply(kLoops, kernels::compute_type(y.dtype), y, in, 1);
}

PLAIT_DEVICE_KERNEL(dropout, kernel);

}  // namespace
}  // namespace plait::ops
