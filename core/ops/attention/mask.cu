#include "kernels/copy.h"
#include "kernels/cuda/element.h"
#include "kernels/cuda/launch.h"
#include "op/device_op.h"

namespace plait::ops {
namespace {

struct Hide {
  cuda::Numbers mask;
  float* y;
  PLAIT_FN void operator()(int64_t i) const { y[i] = mask.get<double>(i) == 0 ? -1e9f : 0.0f; }
};

void kernel(const op::DeviceCall& c) {
  if (is_floating(c.in(0).dtype)) return kernels::copy(c.in(0), c.out(0), 1);
  cuda::for_each(c.in(0).size(), Hide{cuda::Numbers(c.in(0)), c.out(0).ptr<float>()});
}

PLAIT_DEVICE_KERNEL(attention_mask, kernel);

}  // namespace
}  // namespace plait::ops
