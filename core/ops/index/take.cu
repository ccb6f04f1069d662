#include <string>

#include "kernels/copy.h"
#include "kernels/cuda/element.h"
#include "kernels/cuda/launch.h"
#include "op/device_op.h"
#include "ops/lines.h"

namespace plait::ops {
namespace {

using cuda::Numbers;
using op::DeviceCall;

// Data around an axis, and indices into the axis.
struct Around : Lines {
  bool wraps = false;
  Numbers index;

  Around(const Dims& shape, int64_t axis, const View& indices, const DeviceCall& c)
      : Lines(shape, axis), index(indices) {
    const auto mode = c.attr<std::string>("mode");
    check(mode != "raise", ErrorKind::kNotImplemented,
          "mode is 'raise', must be 'clip' or 'wrap' on a gpu, which cannot stop at an index");
    check(n > 0 || indices.size() == 0, ErrorKind::kIndex, "indices points into an axis of size 0");
    wraps = mode == "wrap";
  }
  PLAIT_FN int64_t at(int64_t i) const {
    const int64_t v = index.get<int64_t>(i);
    if (v >= 0 && v < n) return v;
    if (wraps) return (v % n + n) % n;
    return v < 0 ? 0 : n - 1;
  }
};

template <class T>
struct Take {
  Around from;
  int64_t picks;
  const T* x;
  T* y;
  PLAIT_FN void operator()(int64_t i) const {
    const int64_t row = i / from.inner;
    y[i] = x[(row / picks * from.n + from.at(row % picks)) * from.inner + i % from.inner];
  }
};

void take_kernel(const DeviceCall& c) {
  const Around from(*c.in(0).shape, c.attr<int64_t>("axis"), c.in(1), c);
  dispatch_all(c.out(0).dtype, [&]<class T>(T) {
    cuda::for_each(c.out(0).size(),
                   Take<T>{from, c.in(1).size(), c.in(0).ptr<T>(), c.out(0).ptr<T>()});
  });
}

// A thread owns the columns that it adds to, so the order of the sums is fixed.
template <class T>
struct AddRows {
  Around to;
  int64_t picks;
  const T* dy;
  T* dx;
  PLAIT_FN void operator()(int64_t i) const {
    const int64_t o = i / to.inner, column = i % to.inner;
    for (int64_t k = 0; k < picks; ++k) {
      T& into = dx[(o * to.n + to.at(k)) * to.inner + column];
      into = static_cast<T>(into + dy[(o * picks + k) * to.inner + column]);
    }
  }
};

void take_backward_kernel(const DeviceCall& c) {
  const Around to(c.attr<Dims>("shape"), c.attr<int64_t>("axis"), c.in(1), c);
  kernels::fill(c.out(0), 0, 1);
  dispatch_floating(c.out(0).dtype, [&]<class T>(T) {
    cuda::for_each(to.count(), AddRows<T>{to, c.in(1).size(), c.in(0).ptr<T>(), c.out(0).ptr<T>()});
  });
}

// Element i of the picked ones is element `place(i)` of the data.
PLAIT_FN int64_t place(const Around& a, int64_t i) {
  return (i / a.inner * a.n + a.at(i)) * a.inner + i % a.inner;
}

template <class T>
struct Pick {
  Around from;
  const T* x;
  T* y;
  PLAIT_FN void operator()(int64_t i) const { y[i] = x[place(from, i)]; }
};
template <class T>
struct PickBack {
  Around to;
  const T* dy;
  T* dx;
  PLAIT_FN void operator()(int64_t i) const { dx[place(to, i)] = dy[i]; }
};

void pick_kernel(const DeviceCall& c) {
  const int64_t axis = c.attr<std::optional<int64_t>>("axis").value_or(-1);
  const Around from(*c.in(0).shape, axis, c.in(1), c);
  dispatch_all(c.out(0).dtype, [&]<class T>(T) {
    cuda::for_each(c.out(0).size(), Pick<T>{from, c.in(0).ptr<T>(), c.out(0).ptr<T>()});
  });
}

void pick_backward_kernel(const DeviceCall& c) {
  const Around to(c.attr<Dims>("shape"), c.attr<int64_t>("axis"), c.in(1), c);
  kernels::fill(c.out(0), 0, 1);
  dispatch_floating(c.out(0).dtype, [&]<class T>(T) {
    cuda::for_each(c.in(0).size(), PickBack<T>{to, c.in(0).ptr<T>(), c.out(0).ptr<T>()});
  });
}

struct OneHot {
  int64_t depth;
  double on, off;
  Numbers index, y;
  PLAIT_FN void operator()(int64_t i) const {
    y.put<double>(i, index.get<int64_t>(i / depth) == i % depth ? on : off);
  }
};

void one_hot_kernel(const DeviceCall& c) {
  cuda::for_each(c.out(0).size(),
                 OneHot{c.attr<int64_t>("depth"), c.attr<double>("on_value"),
                        c.attr<double>("off_value"), Numbers(c.in(0)), Numbers(c.out(0))});
}

PLAIT_DEVICE_KERNEL(take, take_kernel);
PLAIT_DEVICE_KERNEL(take_backward, take_backward_kernel);
PLAIT_DEVICE_KERNEL(pick, pick_kernel);
PLAIT_DEVICE_KERNEL(pick_backward, pick_backward_kernel);
PLAIT_DEVICE_KERNEL(one_hot, one_hot_kernel);

}  // namespace
}  // namespace plait::ops
