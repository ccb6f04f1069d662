#include <optional>
#include <string>

#include "kernels/convert.h"
#include "kernels/copy.h"
#include "kernels/cuda/element.h"
#include "kernels/cuda/launch.h"
#include "kernels/cuda/runtime.h"
#include "op/device_op.h"
#include "ops/lines.h"

// A bitonic network on the places of each line (Batcher, 1968).
namespace plait::ops {
namespace {

using cuda::Numbers;
using op::DeviceCall;

PLAIT_FN inline int64_t partner(int64_t i, int64_t stride) {
  return i / stride * stride * 2 + i % stride;
}

template <class T>
struct Network {
  Lines lines;
  int64_t width;  // of a line: a power of two; places from lines.n on stand for nothing
  bool ascends;
  Numbers x;
  int64_t* places;

  // Whether place p comes before place q: NaN is the largest, equal elements keep their order.
  PLAIT_FN bool before(int64_t line, int64_t p, int64_t q) const {
    if (p >= lines.n || q >= lines.n) return p < q;
    const int64_t start = lines.start(line);
    const T a = x.get<T>(start + p * lines.inner), b = x.get<T>(start + q * lines.inner);
    const bool less = a < b || (a == a && b != b), more = a > b || (a != a && b == b);
    return less || more ? less == ascends : p < q;
  }
};

template <class T>
struct Begin {
  Network<T> net;
  PLAIT_FN void operator()(int64_t i) const { net.places[i] = i % net.width; }
};

// Compares two places of each pair `stride` apart; runs of `size` alternate in direction.
template <class T>
struct Compare {
  Network<T> net;
  int64_t size, stride;
  PLAIT_FN void operator()(int64_t i) const {
    const int64_t half = net.width / 2, line = i / half, at = partner(i % half, stride);
    int64_t *p = net.places + line * net.width + at, *q = p + stride;
    const bool forward = at / size % 2 == 0;
    if (net.before(line, *q, *p) == forward) {
      const int64_t kept = *p;
      *p = *q;
      *q = kept;
    }
  }
};

// Calls f(places, width): those of each line in order.
template <class F>
void sorted(const View& in, const Lines& lines, bool ascends, const F& f) {
  int64_t width = 1;
  while (width < lines.n) width *= 2;
  const cuda::Scratch<int64_t> places(lines.count() * width);
  const auto run = [&]<class T>(T) {
    const Network<T> net{lines, width, ascends, Numbers(in), places.data()};
    cuda::for_each(lines.count() * width, Begin<T>{net});
    for (int64_t size = 2; size <= width; size *= 2) {
      for (int64_t stride = size / 2; stride > 0; stride /= 2) {
        cuda::for_each(lines.count() * width / 2, Compare<T>{net, size, stride});
      }
    }
  };
  switch (kernels::compute_type(in.dtype)) {
    case DType::kFloat32: run(float{}); break;
    case DType::kFloat64: run(double{}); break;
    default: run(int64_t{});
  }
  f(places.data(), width);
}

// The first `kept` elements of each sorted line: their places, values, or ones where they are.
template <class T>
struct Kept {
  Lines lines;
  int64_t kept, width;
  const int64_t* places;
  const T* x;
  T *values, *mask;
  Numbers indices;
  PLAIT_FN void operator()(int64_t i) const {
    const int64_t line = i / kept, j = i % kept, place = places[line * width + j];
    const int64_t from = lines.start(line) + place * lines.inner;
    const int64_t to = (line / lines.inner * kept + j) * lines.inner + line % lines.inner;
    if (values) values[to] = x[from];
    if (mask) mask[from] = T(1.0f);
    if (indices.data) indices.put<int64_t>(to, place);
  }
};

struct Wanted {
  const View *values = nullptr, *mask = nullptr, *indices = nullptr;
};

void keep(const DeviceCall& c, int64_t count, const Wanted& w) {
  const View& in = c.in(0);
  const Lines lines(*in.shape, c.attr<std::optional<int64_t>>("axis"));
  const int64_t kept = count > 0 ? count : lines.n;
  if (in.size() == 0) return;
  sorted(in, lines, c.attr<bool>("is_ascend"), [&](const int64_t* places, int64_t width) {
    dispatch_all(in.dtype, [&]<class T>(T) {
      const auto of = [](const View* v) { return v ? v->ptr<T>() : nullptr; };
      cuda::for_each(lines.count() * kept,
                     Kept<T>{lines, kept, width, places, in.ptr<T>(), of(w.values), of(w.mask),
                             w.indices ? Numbers(*w.indices) : Numbers()});
    });
  });
}

void topk_kernel(const DeviceCall& c) {
  const auto type = c.attr<std::string>("ret_typ");
  Wanted w;
  if (type == "mask") {
    kernels::fill(c.out(0), 0, 1);
    w.mask = &c.out(0);
  }
  if (type == "value" || type == "both") w.values = &c.out(0);
  if (type == "indices") w.indices = &c.out(0);
  if (type == "both") w.indices = &c.out(1);
  keep(c, c.attr<int64_t>("k"), w);
}
void sort_kernel(const DeviceCall& c) { keep(c, 0, {&c.out(0), nullptr, nullptr}); }
void argsort_kernel(const DeviceCall& c) { keep(c, 0, {nullptr, nullptr, &c.out(0)}); }

// Puts dout back at the places.
template <class T>
struct PutBack {
  Lines lines;
  int64_t kept, width;
  const int64_t* places;
  const T* dy;
  T* dx;
  PLAIT_FN void operator()(int64_t i) const {
    const int64_t line = i / kept, j = i % kept;
    dx[lines.start(line) + places[line * width + j] * lines.inner] =
        dy[(line / lines.inner * kept + j) * lines.inner + line % lines.inner];
  }
};

void sort_backward_kernel(const DeviceCall& c) {
  const Lines lines(*c.in(1).shape, c.attr<std::optional<int64_t>>("axis"));
  const auto k = c.attr<int64_t>("k");
  const int64_t kept = k > 0 ? k : lines.n;
  kernels::fill(c.out(0), 0, 1);
  if (c.in(1).size() == 0) return;
  sorted(c.in(1), lines, c.attr<bool>("is_ascend"), [&](const int64_t* places, int64_t width) {
    dispatch_all(c.in(0).dtype, [&]<class T>(T) {
      cuda::for_each(lines.count() * kept,
                     PutBack<T>{lines, kept, width, places, c.in(0).ptr<T>(), c.out(0).ptr<T>()});
    });
  });
}

PLAIT_DEVICE_KERNEL(topk, topk_kernel);
PLAIT_DEVICE_KERNEL(sort, sort_kernel);
PLAIT_DEVICE_KERNEL(argsort, argsort_kernel);
PLAIT_DEVICE_KERNEL(sort_backward, sort_backward_kernel);

}  // namespace
}  // namespace plait::ops
