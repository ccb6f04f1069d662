#include <limits>
#include <optional>

#include "kernels/cuda/element.h"
#include "kernels/cuda/launch.h"
#include "kernels/math.h"
#include "op/device_op.h"
#include "ops/lines.h"

namespace plait::ops {
namespace {

namespace math = kernels::math;
using cuda::Numbers;
using op::DeviceCall;

template <class T, bool kLog>
struct Forward {
  Lines lines;
  Numbers x, length, y;
  T inv_t;

  template <class Team>
  PLAIT_FN void operator()(const Team& team, int64_t line) const {
    const int64_t at = lines.start(line), step = lines.inner;
    const int64_t given = length.data ? length.get<int64_t>(line) : lines.n;
    const int64_t n = given < 0 ? 0 : given > lines.n ? lines.n : given;
    const Numbers &from = x, &to = y;
    const T scale = inv_t;
    const T top = team.reduce(
        n, -std::numeric_limits<T>::infinity(),
        [&](int64_t i) { return from.get<T>(at + i * step); }, cuda::Larger());
    const T sum = team.reduce(
        n, T(0), [&](int64_t i) { return math::exp((from.get<T>(at + i * step) - top) * scale); },
        cuda::Plus());
    const T shift = kLog ? math::log(sum) : T(1) / sum;
    team.each(lines.n, [&](int64_t i) {
      const T v = (from.get<T>(at + i * step) - top) * scale;
      to.put<T>(at + i * step, i >= n ? T(0) : kLog ? v - shift : math::exp(v) * shift);
    });
  }
};

// softmax: dx = y (dy - sum(dy y)) / t;  log_softmax: dx = (dy - exp(y) sum(dy)) / t
template <class T, bool kLog>
struct Backward {
  Lines lines;
  Numbers dy, y, dx;
  T inv_t;

  template <class Team>
  PLAIT_FN void operator()(const Team& team, int64_t line) const {
    const int64_t at = lines.start(line), step = lines.inner;
    const Numbers &up = dy, &out = y, &to = dx;
    const T scale = inv_t;
    const T sum = team.reduce(
        lines.n, T(0),
        [&](int64_t i) {
          const T d = up.get<T>(at + i * step);
          return kLog ? d : d * out.get<T>(at + i * step);
        },
        cuda::Plus());
    team.each(lines.n, [&](int64_t i) {
      const T d = up.get<T>(at + i * step), v = out.get<T>(at + i * step);
      to.put<T>(at + i * step, kLog ? (d - math::exp(v) * sum) * scale : v * (d - sum) * scale);
    });
  }
};

bool is_wide(const DeviceCall& c) {
  return c.in(0).dtype == DType::kFloat64 || c.out(0).dtype == DType::kFloat64;
}
double inverse_temperature(const DeviceCall& c) {
  return 1 / c.attr<std::optional<double>>("temperature").value_or(1.0);
}

template <class T, bool kLog>
void forward(const DeviceCall& c) {
  const Lines lines(*c.in(0).shape, c.attr<int64_t>("axis"));
  const Numbers length = c.num_in() > 1 ? Numbers(c.in(1)) : Numbers();
  cuda::for_each_line(lines.count(), lines.n,
                      Forward<T, kLog>{lines, Numbers(c.in(0)), length, Numbers(c.out(0)),
                                       static_cast<T>(inverse_temperature(c))});
}
template <bool kLog>
void kernel(const DeviceCall& c) {
  is_wide(c) ? forward<double, kLog>(c) : forward<float, kLog>(c);
}

template <class T, bool kLog>
void backward(const DeviceCall& c) {
  const Lines lines(*c.in(0).shape, c.attr<int64_t>("axis"));
  cuda::for_each_line(lines.count(), lines.n,
                      Backward<T, kLog>{lines, Numbers(c.in(0)), Numbers(c.in(1)),
                                        Numbers(c.out(0)), static_cast<T>(inverse_temperature(c))});
}
template <bool kLog>
void backward_kernel(const DeviceCall& c) {
  is_wide(c) ? backward<double, kLog>(c) : backward<float, kLog>(c);
}

PLAIT_DEVICE_KERNEL(softmax, kernel<false>);
PLAIT_DEVICE_KERNEL(log_softmax, kernel<true>);
PLAIT_DEVICE_KERNEL(softmax_backward, backward_kernel<false>);
PLAIT_DEVICE_KERNEL(log_softmax_backward, backward_kernel<true>);

}  // namespace
}  // namespace plait::ops
