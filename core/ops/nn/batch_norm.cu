#include <cmath>

#include "kernels/copy.h"
#include "kernels/cuda/element.h"
#include "kernels/cuda/launch.h"
#include "op/device_op.h"
#include "ops/lines.h"

namespace plait::ops {
namespace {

using cuda::Numbers;
using op::DeviceCall;

// The n channels of the data, and a channel's elements one after another.
struct Layout : Lines {
  using Lines::Lines;
  PLAIT_FN int64_t place(int64_t c, int64_t i) const {
    return (i / inner * n + c) * inner + i % inner;
  }
};

struct Settings {
  double eps, momentum;
  bool fix_gamma, own;  // own: the statistics are those of the batch
  explicit Settings(const DeviceCall& c)
      : eps(c.attr<double>("eps")),
        momentum(0),
        fix_gamma(c.attr<bool>("fix_gamma")),
        own(c.args().is_train && !c.attr<bool>("use_global_stats")) {}
};

// Two passes: the variance of large means would cancel in one.
template <class T>
struct Forward {
  Layout l;
  Settings s;
  Numbers x, y;
  const T *gamma, *beta;
  T *moving_mean, *moving_var, *mean, *var;

  template <class Team>
  PLAIT_FN void operator()(const Team& team, int64_t c) const {
    const int64_t n = l.count();
    const auto at = [&](int64_t i) { return x.get<T>(l.place(c, i)); };
    T mu = moving_mean[c], variance = moving_var[c];
    if (s.own && n > 0) {
      mu = static_cast<T>(
          team.reduce(
              n, 0.0, [&](int64_t i) { return static_cast<double>(at(i)); }, cuda::Plus()) /
          static_cast<double>(n));
      variance = static_cast<T>(
          team.reduce(
              n, 0.0, [&](int64_t i) { return static_cast<double>((at(i) - mu) * (at(i) - mu)); },
              cuda::Plus()) /
          static_cast<double>(n));
    }
    team.each(1, [&](int64_t) {
      const T m = static_cast<T>(s.momentum);
      if (s.own) {
        moving_mean[c] = m * moving_mean[c] + (1 - m) * mu;
        moving_var[c] = m * moving_var[c] + (1 - m) * variance;
      }
      mean[c] = mu;
      var[c] = variance;
    });
    const T scale = (s.fix_gamma ? T(1) : gamma[c]) / std::sqrt(variance + static_cast<T>(s.eps));
    const T shift = beta[c] - mu * scale;
    team.each(n, [&](int64_t i) { y.put<T>(l.place(c, i), at(i) * scale + shift); });
  }
};

template <class T>
struct Backward {
  Layout l;
  Settings s;
  Numbers dy, x, dx;
  const T *gamma, *mean, *var;
  T *dgamma, *dbeta;

  template <class Team>
  PLAIT_FN void operator()(const Team& team, int64_t c) const {
    const int64_t n = l.count();
    const T mu = mean[c];
    const auto up = [&](int64_t i) { return dy.get<T>(l.place(c, i)); };
    const auto centred = [&](int64_t i) { return x.get<T>(l.place(c, i)) - mu; };
    const double sum = team.reduce(
        n, 0.0, [&](int64_t i) { return static_cast<double>(up(i)); }, cuda::Plus());
    const double product = team.reduce(
        n, 0.0, [&](int64_t i) { return static_cast<double>(up(i) * centred(i)); }, cuda::Plus());
    const T inv = T(1) / std::sqrt(var[c] + static_cast<T>(s.eps)), count = static_cast<T>(n);
    const T scale = (s.fix_gamma ? T(1) : gamma[c]) * inv;
    const T mean_dy = s.own ? static_cast<T>(sum) / count : T(0);
    const T slope = s.own ? static_cast<T>(product) * inv * inv / count : T(0);
    team.each(1, [&](int64_t) {
      dbeta[c] = static_cast<T>(sum);
      dgamma[c] = s.fix_gamma ? T(0) : static_cast<T>(product) * inv;
    });
    team.each(n, [&](int64_t i) {
      dx.put<T>(l.place(c, i), scale * (up(i) - mean_dy - centred(i) * slope));
    });
  }
};

template <class T>
void forward(const DeviceCall& c) {
  const Layout l(*c.in(0).shape, c.attr<int64_t>("axis"));
  Settings s(c);
  s.momentum = c.attr<double>("momentum");
  cuda::for_each_line(
      l.n, l.count(),
      Forward<T>{l, s, Numbers(c.in(0)), Numbers(c.out(0)), c.in(1).ptr<T>(), c.in(2).ptr<T>(),
                 c.in(3).ptr<T>(), c.in(4).ptr<T>(), c.out(1).ptr<T>(), c.out(2).ptr<T>()});
}
void kernel(const DeviceCall& c) {
  c.in(0).dtype == DType::kFloat64 ? forward<double>(c) : forward<float>(c);
}

template <class T>
void backward(const DeviceCall& c) {
  const Layout l(*c.in(1).shape, c.attr<int64_t>("axis"));
  cuda::for_each_line(l.n, l.count(),
                      Backward<T>{l, Settings(c), Numbers(c.in(0)), Numbers(c.in(1)),
                                  Numbers(c.out(0)), c.in(2).ptr<T>(), c.in(3).ptr<T>(),
                                  c.in(4).ptr<T>(), c.out(1).ptr<T>(), c.out(2).ptr<T>()});
}
void backward_kernel(const DeviceCall& c) {
  c.in(1).dtype == DType::kFloat64 ? backward<double>(c) : backward<float>(c);
}

void own_kernel(const DeviceCall& c) {
  kernels::fill(c.out(0), c.args().is_train && !c.attr<bool>("use_global_stats"), 1);
}

PLAIT_DEVICE_KERNEL(batch_norm, kernel);
PLAIT_DEVICE_KERNEL(batch_norm_backward, backward_kernel);
PLAIT_DEVICE_KERNEL(batch_norm_own_statistics, own_kernel);

}  // namespace
}  // namespace plait::ops
