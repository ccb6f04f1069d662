#include <string>

#include "kernels/cast.h"
#include "kernels/cuda/launch.h"
#include "kernels/cuda/runtime.h"
#include "op/device_op.h"

namespace plait::ops {
namespace {

using kernels::cast;
using op::DeviceCall;

enum class Mode { kConstant, kEdge, kReflect };

Mode mode_of(const DeviceCall& c) {
  const auto mode = c.attr<std::string>("mode");
  return mode == "edge" ? Mode::kEdge : mode == "reflect" ? Mode::kReflect : Mode::kConstant;
}

// Which index of the data stands at index i of the result; -1: the constant.
PLAIT_FN int64_t source(Mode mode, int64_t n, int64_t before, int64_t i) {
  const int64_t at = i - before;
  if (at >= 0 && at < n) return at;
  if (mode == Mode::kConstant) return -1;
  if (mode == Mode::kEdge) return at < 0 ? 0 : n - 1;
  return at < 0 ? -at : 2 * (n - 1) - at;
}

template <class T>
struct Pad {
  Mode mode;
  int64_t ndim;
  int64_t data[kMaxNdim], before[kMaxNdim], out[kMaxNdim];
  T value;
  const T* x;
  T* y;

  PLAIT_FN void operator()(int64_t i) const {
    int64_t rest = i, at = 0, step = 1;
    for (int64_t d = ndim; d-- > 0;) {
      const int64_t from = source(mode, data[d], before[d], rest % out[d]);
      if (from < 0) {
        y[i] = value;
        return;
      }
      at += from * step;
      step *= data[d];
      rest /= out[d];
    }
    y[i] = x[at];
  }
};

void kernel(const DeviceCall& c) {
  const auto width = c.attr<Dims>("pad_width");
  const auto value = c.attr<double>("constant_value");
  const auto ndim = static_cast<size_t>(c.in(0).ndim());
  dispatch_all(c.out(0).dtype, [&]<class T>(T) {
    Pad<T> p{mode_of(c),       static_cast<int64_t>(ndim), {}, {}, {}, cast<T>(value),
             c.in(0).ptr<T>(), c.out(0).ptr<T>()};
    for (size_t d = 0; d < ndim; ++d) {
      p.data[d] = (*c.in(0).shape)[d];
      p.before[d] = width[2 * d];
      p.out[d] = (*c.out(0).shape)[d];
    }
    cuda::for_each(c.out(0).size(), p);
  });
}

template <class To, class From>
struct Convert {
  const From* x;
  To* y;
  PLAIT_FN void operator()(int64_t i) const { y[i] = cast<To>(x[i]); }
};

// One axis of (outer, n, inner): an element of the data gathers what came from it.
template <class A>
struct FoldAxis {
  Mode mode;
  int64_t n, inner, before, all;
  const A* dy;
  A* dx;

  PLAIT_FN void operator()(int64_t i) const {
    const int64_t column = i % inner, at = i / inner % n, outer = i / inner / n;
    const A* line = dy + outer * all * inner + column;
    const int64_t place = at + before;
    const bool edge = mode == Mode::kEdge;
    const int64_t first = edge && at == 0 ? 0 : place, last = edge && at == n - 1 ? all - 1 : place;
    A sum = 0;
    for (int64_t j = first; j <= last; ++j) sum += line[j * inner];
    if (mode == Mode::kReflect) {
      const int64_t left = before - at, right = before + 2 * (n - 1) - at;
      if (at > 0 && left >= 0) sum += line[left * inner];
      if (at < n - 1 && right < all) sum += line[right * inner];
    }
    dx[i] = sum;
  }
};

template <class T>
void fold(const DeviceCall& c) {
  using A = acc_t<T>;
  const auto width = c.attr<Dims>("pad_width");
  const Dims data = c.attr<Dims>("shape");
  Dims now = *c.in(0).shape;
  const cuda::Scratch<A> first(c.in(0).size()), second(c.in(0).size());
  A *from = first.data(), *to = second.data();
  cuda::for_each(c.in(0).size(), Convert<A, T>{c.in(0).ptr<T>(), from});
  for (size_t d = 0; d < data.size(); ++d) {
    if (now[d] == data[d]) continue;
    int64_t inner = 1;
    for (size_t i = d + 1; i < data.size(); ++i) inner *= now[i];
    const FoldAxis<A> step{mode_of(c), data[d], inner, width[2 * d], now[d], from, to};
    now[d] = data[d];
    cuda::for_each(num_elements(now), step);
    std::swap(from, to);
  }
  cuda::for_each(c.out(0).size(), Convert<T, A>{from, c.out(0).ptr<T>()});
}

void backward_kernel(const DeviceCall& c) {
  dispatch_floating(c.out(0).dtype, [&]<class T>(T) { fold<T>(c); });
}

PLAIT_DEVICE_KERNEL(pad, kernel);
PLAIT_DEVICE_KERNEL(pad_backward, backward_kernel);

}  // namespace
}  // namespace plait::ops
