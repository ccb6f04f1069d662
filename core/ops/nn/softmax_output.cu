#include <limits>
#include <string>

#include "kernels/cuda/element.h"
#include "kernels/cuda/launch.h"
#include "kernels/cuda/runtime.h"
#include "kernels/math.h"
#include "op/device_op.h"

namespace plait::ops {
namespace {

using cuda::Numbers;
using op::DeviceCall;

// Data as (outer, classes, inner), a softmax over the classes.
struct Classes {
  int64_t outer = 1, n = 1, inner = 1;
  Classes(const Dims& data, bool multi_output, bool preserve_shape) {
    const size_t last = data.size() - 1;
    const size_t axis = multi_output ? 1 : preserve_shape ? last : std::min<size_t>(1, last);
    const size_t end = multi_output || data.size() == 1 ? axis + 1 : data.size();
    for (size_t i = 0; i < data.size(); ++i) (i < axis ? outer : i < end ? n : inner) *= data[i];
  }
  int64_t labels() const { return outer * inner; }
  PLAIT_FN int64_t start(int64_t line) const { return line / inner * n * inner + line % inner; }
};

template <class A>
struct Forward {
  Classes c;
  Numbers x, y;
  template <class Team>
  PLAIT_FN void operator()(const Team& team, int64_t line) const {
    const int64_t at = c.start(line), step = c.inner;
    const A top = team.reduce(
        c.n, -std::numeric_limits<A>::infinity(),
        [&](int64_t j) { return x.get<A>(at + j * step); }, cuda::Larger());
    const A sum = team.reduce(
        c.n, A(0), [&](int64_t j) { return kernels::math::exp(x.get<A>(at + j * step) - top); },
        cuda::Plus());
    team.each(c.n, [&](int64_t j) {
      y.put<A>(at + j * step, kernels::math::exp(x.get<A>(at + j * step) - top) / sum);
    });
  }
};

void run_forward(const Classes& c, const View& x, const View& y) {
  if (x.dtype == DType::kFloat64) {
    cuda::for_each_line(c.labels(), c.n, Forward<double>{c, Numbers(x), Numbers(y)});
  } else {
    cuda::for_each_line(c.labels(), c.n, Forward<float>{c, Numbers(x), Numbers(y)});
  }
}

Classes classes_of(const DeviceCall& c) {
  return {*c.in(0).shape, c.attr<bool>("multi_output"), c.attr<bool>("preserve_shape")};
}
void kernel(const DeviceCall& c) { run_forward(classes_of(c), c.in(0), c.out(0)); }

// How many labels count.
struct Valid {
  int64_t labels;
  Numbers label;
  bool use_ignore;
  double ignored;
  double* count;
  template <class Team>
  PLAIT_FN void operator()(const Team& block, int64_t) const {
    const double n = block.reduce(
        labels, 0.0,
        [&](int64_t i) { return !use_ignore || label.get<double>(i) != ignored ? 1.0 : 0.0; },
        cuda::Plus());
    block.each(1, [&](int64_t) { *count = n; });
  }
};

struct Backward {
  Classes c;
  Numbers y, label, dy, dx;
  bool whole, use_ignore;  // whole: the label is the distribution itself
  double ignored, smooth_alpha, smooth, scale;
  const double* valid;  // null: they do not count

  PLAIT_FN void operator()(int64_t i) const {
    const int64_t j = i / c.inner % c.n;
    const double given =
        whole ? label.get<double>(i) : label.get<double>(i / c.inner / c.n * c.inner + i % c.inner);
    const double target = whole                              ? given
                          : j == static_cast<int64_t>(given) ? 1 - smooth_alpha
                                                             : smooth;
    double by = scale;
    if (valid) by /= *valid > 1.0 ? *valid : 1.0;
    double d = (y.get<double>(i) - target) * by;
    if (!whole && use_ignore && given == ignored) d = 0;
    if (dy.data) d *= dy.get<double>(i);
    dx.put<double>(i, d);
  }
};

void backward_kernel(const DeviceCall& c) {
  const Classes l = classes_of(c);
  const auto normalization = c.attr<std::string>("normalization");
  Backward b{l,
             Numbers(c.in(0)),
             Numbers(c.in(1)),
             c.num_in() > 2 ? Numbers(c.in(2)) : Numbers(),
             Numbers(c.out(0)),
             *c.in(1).shape == *c.in(0).shape && l.n != 1,
             c.attr<bool>("use_ignore"),
             c.attr<double>("ignore_label"),
             c.attr<double>("smooth_alpha"),
             0,
             c.attr<double>("grad_scale"),
             nullptr};
  if (l.n > 1) b.smooth = b.smooth_alpha / static_cast<double>(l.n - 1);
  if (normalization == "batch") b.scale /= static_cast<double>(std::max<int64_t>(1, l.outer));
  if (c.attr<bool>("multi_output") && normalization != "valid") {
    b.scale /= static_cast<double>(l.inner);
  }
  const cuda::Scratch<double> count(1);
  if (normalization == "valid" && b.whole) {
    b.scale /= static_cast<double>(std::max<int64_t>(1, l.labels()));
  } else if (normalization == "valid") {
    cuda::for_each_block(1, Valid{l.labels(), b.label, b.use_ignore, b.ignored, count.data()});
    b.valid = count.data();
  }
  cuda::for_each(c.in(0).size(), b);
}

void activation_kernel(const DeviceCall& c) {
  const bool channel = c.attr<std::string>("mode") == "channel";
  run_forward(Classes(*c.in(0).shape, channel, false), c.in(0), c.out(0));
}

PLAIT_DEVICE_KERNEL(softmax_output, kernel);
PLAIT_DEVICE_KERNEL(softmax_output_backward, backward_kernel);
PLAIT_DEVICE_KERNEL(softmax_activation, activation_kernel);

}  // namespace
}  // namespace plait::ops
