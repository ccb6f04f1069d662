#include "kernels/copy.h"
#include "kernels/cuda/element.h"
#include "kernels/cuda/launch.h"
#include "op/device_op.h"

// sequence_mask, sequence_last, sequence_reverse. Lengths out of range are clipped.
namespace plait::ops {
namespace {

using cuda::Numbers;
using op::DeviceCall;

struct Steps {
  int64_t time, batch, inner = 1;
  bool time_first;
  Numbers given;  // lengths, if there are any

  Steps(const DeviceCall& c, const Dims& data)
      : time(data[c.attr<int64_t>("axis") == 0 ? 0 : 1]),
        batch(data[c.attr<int64_t>("axis") == 0 ? 1 : 0]),
        time_first(c.attr<int64_t>("axis") == 0) {
    for (size_t i = 2; i < data.size(); ++i) inner *= data[i];
    if (c.num_in() > 1) given = Numbers(c.in(1));
  }
  PLAIT_FN int64_t length(int64_t b) const {
    if (!given.data) return time;
    const int64_t n = given.get<int64_t>(b);
    return n < 0 ? 0 : n < time ? n : time;
  }
  PLAIT_FN int64_t at(int64_t t, int64_t b) const {
    return (time_first ? t * batch + b : b * time + t) * inner;
  }
  PLAIT_FN int64_t step_of(int64_t i) const {
    return time_first ? i / inner / batch : i / inner % time;
  }
  PLAIT_FN int64_t sequence_of(int64_t i) const {
    return time_first ? i / inner % batch : i / inner / time;
  }
};

template <class T>
struct Mask {
  Steps s;
  T value;
  const T* x;
  T* y;
  PLAIT_FN void operator()(int64_t i) const {
    y[i] = s.step_of(i) < s.length(s.sequence_of(i)) ? x[i] : value;
  }
};

template <class T>
struct Reverse {
  Steps s;
  const T* x;
  T* y;
  PLAIT_FN void operator()(int64_t i) const {
    const int64_t t = s.step_of(i), b = s.sequence_of(i), n = s.length(b);
    y[i] = x[s.at(t < n ? n - 1 - t : t, b) + i % s.inner];
  }
};

// The last step of each sequence, or with kBack what came from it.
template <class T, bool kBack>
struct Last {
  Steps s;
  const T* x;
  T* y;
  PLAIT_FN void operator()(int64_t i) const {
    const int64_t b = i / s.inner, n = s.length(b);
    const int64_t at = s.at(n > 0 ? n - 1 : 0, b) + i % s.inner;
    kBack ? y[at] = x[i] : y[i] = x[at];
  }
};

void mask_kernel(const DeviceCall& c) {
  const Steps s(c, *c.in(0).shape);
  const auto value = c.attr<double>("value");
  dispatch_all(c.in(0).dtype, [&]<class T>(T) {
    cuda::for_each(c.in(0).size(),
                   Mask<T>{s, kernels::cast<T>(value), c.in(0).ptr<T>(), c.out(0).ptr<T>()});
  });
}

void reverse_kernel(const DeviceCall& c) {
  const Steps s(c, *c.in(0).shape);
  dispatch_all(c.in(0).dtype, [&]<class T>(T) {
    cuda::for_each(c.in(0).size(), Reverse<T>{s, c.in(0).ptr<T>(), c.out(0).ptr<T>()});
  });
}

template <bool kBack>
void last_kernel(const DeviceCall& c) {
  const Steps s(c, kBack ? *c.out(0).shape : *c.in(0).shape);
  if (kBack) kernels::fill(c.out(0), 0, 1);
  dispatch_all(c.in(0).dtype, [&]<class T>(T) {
    cuda::for_each(s.batch * s.inner, Last<T, kBack>{s, c.in(0).ptr<T>(), c.out(0).ptr<T>()});
  });
}

PLAIT_DEVICE_KERNEL(sequence_mask, mask_kernel);
PLAIT_DEVICE_KERNEL(sequence_reverse, reverse_kernel);
PLAIT_DEVICE_KERNEL(sequence_last, last_kernel<false>);
PLAIT_DEVICE_KERNEL(sequence_last_backward, last_kernel<true>);

}  // namespace
}  // namespace plait::ops
