#include <string>

#include "kernels/convolution.h"
#include "kernels/cuda/launch.h"
#include "op/device_op.h"

namespace plait::ops {
namespace {

using op::DeviceCall;

// Writes or adds data (batch, channels, h, w), enlarged, to channels of the result.
template <class T>
struct Enlarge {
  int64_t channels, h, w, factor, all_channels, channel;
  bool add;
  const T* x;
  T* y;

  PLAIT_FN void operator()(int64_t i) const {
    const int64_t wide = w * factor, high = h * factor;
    const int64_t column = i % wide, row = i / wide % high, plane = i / wide / high;
    const T v = x[(plane * h + row / factor) * w + column / factor];
    const int64_t to = plane / channels * all_channels + channel + plane % channels;
    T& out = y[(to * high + row) * wide + column];
    out = add ? static_cast<T>(out + v) : v;
  }
};

void nearest(const DeviceCall& c) {
  const bool is_sum = c.attr<std::string>("multi_input_mode") == "sum";
  const View& out = c.out(0);
  dispatch_floating(out.dtype, [&]<class T>(T) {
    int64_t channel = 0;
    for (size_t i = 0; i < c.num_in(); ++i) {
      const View& in = c.in(i);
      const int64_t factor = out.dim(2) / in.dim(2);
      cuda::for_each(in.size() * factor * factor,
                     Enlarge<T>{in.dim(1), in.dim(2), in.dim(3), factor, out.dim(1), channel,
                                is_sum && i > 0, in.ptr<T>(), out.ptr<T>()});
      if (!is_sum) channel += in.dim(1);
    }
  });
}

// A deconvolution of each channel by itself.
void bilinear(const DeviceCall& c) {
  const auto scale = c.attr<int64_t>("scale");
  kernels::Conv v;
  v.batch = c.in(0).dim(0);
  v.in_channels = v.out_channels = v.groups = c.in(0).dim(1);
  for (int i = 0; i < 2; ++i) {
    v.in[static_cast<size_t>(i) + 1] = c.out(0).dim(i + 2);
    v.out[static_cast<size_t>(i) + 1] = c.in(0).dim(i + 2);
    v.kernel[static_cast<size_t>(i) + 1] = c.in(1).dim(i + 2);
    v.stride[static_cast<size_t>(i) + 1] = scale;
    v.pad[static_cast<size_t>(i) + 1] = scale / 2;
  }
  kernels::conv_backward_data(v, c.in(0).dtype, c.in(0).data, c.in(1).data, c.out(0).data, 1);
}

void kernel(const DeviceCall& c) {
  c.attr<std::string>("sample_type") == "bilinear" ? bilinear(c) : nearest(c);
}

PLAIT_DEVICE_KERNEL(up_sampling, kernel);

}  // namespace
}  // namespace plait::ops
