#include <optional>

#include "kernels/convert.h"
#include "kernels/cuda/element.h"
#include "kernels/cuda/launch.h"
#include "op/device_op.h"
#include "ops/lines.h"

namespace plait::ops {
namespace {

using cuda::Numbers;
using op::DeviceCall;

template <class T>
struct Place {
  T value;
  int64_t at;  // -1: none yet
};

// The better of two, the first of equal ones; NaN is the extreme, as in min and max.
template <class T, bool kLargest>
struct Better {
  PLAIT_FN Place<T> operator()(Place<T> a, Place<T> b) const {
    if (a.at < 0) return b;
    if (b.at < 0) return a;
    const bool a_nan = a.value != a.value, b_nan = b.value != b.value;
    if (a_nan != b_nan) return a_nan ? a : b;
    const bool same = a_nan || a.value == b.value;
    if (same) return a.at < b.at ? a : b;
    return (kLargest ? a.value > b.value : a.value < b.value) ? a : b;
  }
};

template <class T, bool kLargest>
struct Arg {
  Lines lines;
  Numbers x, y;
  template <class Team>
  PLAIT_FN void operator()(const Team& team, int64_t line) const {
    const int64_t start = lines.start(line);
    const Place<T> best = team.reduce(
        lines.n, Place<T>{T(0), -1},
        [&](int64_t i) {
          return Place<T>{x.get<T>(start + i * lines.inner), i};
        },
        Better<T, kLargest>());
    team.each(1, [&](int64_t) { y.put<int64_t>(line, best.at); });
  }
};

template <bool kLargest>
void run(const DeviceCall& c, const Lines& lines) {
  const Numbers x(c.in(0)), y(c.out(0));
  switch (kernels::compute_type(c.in(0).dtype)) {
    case DType::kFloat32:
      return cuda::for_each_line(lines.count(), lines.n, Arg<float, kLargest>{lines, x, y});
    case DType::kFloat64:
      return cuda::for_each_line(lines.count(), lines.n, Arg<double, kLargest>{lines, x, y});
    default:
      return cuda::for_each_line(lines.count(), lines.n, Arg<int64_t, kLargest>{lines, x, y});
  }
}
template <bool kLargest>
void kernel(const DeviceCall& c) {
  run<kLargest>(c, Lines(*c.in(0).shape, c.attr<std::optional<int64_t>>("axis")));
}
void channel_kernel(const DeviceCall& c) { run<true>(c, Lines(*c.in(0).shape, 1)); }

PLAIT_DEVICE_KERNEL(argmax, kernel<true>);
PLAIT_DEVICE_KERNEL(argmin, kernel<false>);
PLAIT_DEVICE_KERNEL(np_argmax, kernel<true>);
PLAIT_DEVICE_KERNEL(np_argmin, kernel<false>);
PLAIT_DEVICE_KERNEL(argmax_channel, channel_kernel);

}  // namespace
}  // namespace plait::ops
