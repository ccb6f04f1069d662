#include "kernels/convolution.h"
#include "kernels/cuda/launch.h"
#include "op/device_op.h"

namespace plait::ops {
namespace {

using op::DeviceCall;

template <class T>
struct AddBias {
  int64_t plane, channels;
  const T* bias;
  T* y;
  PLAIT_FN void operator()(int64_t i) const {
    y[i] = static_cast<T>(y[i] + bias[i / plane % channels]);
  }
};

int64_t at_or(const Dims& given, size_t i, int64_t value) {
  return given.empty() ? value : given[i];
}

// The convolution that leads from the result back to the data.
kernels::Conv plan(const DeviceCall& c) {
  const Dims &data = *c.in(0).shape, &out = *c.out(0).shape;
  const auto kernel = c.attr<Dims>("kernel"), stride = c.attr<Dims>("stride"),
             dilate = c.attr<Dims>("dilate"), pad = c.attr<Dims>("pad"),
             target = c.attr<Dims>("target_shape");
  bool is_target = !target.empty();
  for (const int64_t size : target) is_target = is_target && size != 0;
  kernels::Conv v;
  v.axes = static_cast<int>(kernel.size());
  v.batch = data[0];
  v.in_channels = out[1];
  v.out_channels = data[1];
  v.groups = c.attr<int64_t>("num_group");
  for (size_t i = 0, at = 3 - kernel.size(); i < kernel.size(); ++i, ++at) {
    v.in[at] = out[i + 2], v.out[at] = data[i + 2], v.kernel[at] = kernel[i];
    v.stride[at] = at_or(stride, i, 1), v.dilate[at] = at_or(dilate, i, 1);
    const int64_t whole = v.stride[at] * (v.out[at] - 1) + v.dilate[at] * (kernel[i] - 1) + 1;
    v.pad[at] = is_target ? (whole - out[i + 2] + 1) / 2 : at_or(pad, i, 0);
  }
  return v;
}

void kernel(const DeviceCall& c) {
  const kernels::Conv v = plan(c);
  kernels::conv_backward_data(v, c.in(0).dtype, c.in(0).data, c.in(1).data, c.out(0).data, 1);
  if (c.num_in() < 3) return;
  dispatch_floating(c.out(0).dtype, [&]<class T>(T) {
    cuda::for_each(c.out(0).size(),
                   AddBias<T>{v.in_size(), v.in_channels, c.in(2).ptr<T>(), c.out(0).ptr<T>()});
  });
}

PLAIT_DEVICE_KERNEL(deconvolution, kernel);

}  // namespace
}  // namespace plait::ops
