#include <algorithm>
#include <cmath>
#include <optional>

#include "kernels/cuda/element.h"
#include "kernels/cuda/launch.h"
#include "kernels/cuda/runtime.h"
#include "kernels/reductions.h"
#include "op/device_op.h"
#include "ops/lines.h"

namespace plait::ops {
namespace {

using cuda::Numbers;
using op::DeviceCall;

// A line is cut into pieces: their totals, then what stands before each, then the elements. The
// order of additions depends on the size of the line alone.
template <class F, class T>
struct Pieces {
  Lines lines;
  int64_t length, count;  // of a piece; pieces of a line
  bool reverse;
  Numbers x, y;
  T* totals;

  PLAIT_FN int64_t place(int64_t line, int64_t i) const {
    return lines.start(line) + (reverse ? lines.n - 1 - i : i) * lines.inner;
  }
  PLAIT_FN int64_t end(int64_t piece) const {
    return (piece + 1) * length < lines.n ? (piece + 1) * length : lines.n;
  }
};

template <class F, class T>
struct Totals {
  Pieces<F, T> p;
  PLAIT_FN void operator()(int64_t i) const {
    const int64_t line = i / p.count, piece = i % p.count;
    T sum = p.x.template get<T>(p.place(line, piece * p.length));
    for (int64_t j = piece * p.length + 1; j < p.end(piece); ++j) {
      sum = F::combine(sum, p.x.template get<T>(p.place(line, j)));
    }
    p.totals[i] = sum;
  }
};

template <class F, class T>
struct Before {
  Pieces<F, T> p;
  PLAIT_FN void operator()(int64_t line) const {
    T* totals = p.totals + line * p.count;
    for (int64_t i = 1; i < p.count; ++i) totals[i] = F::combine(totals[i - 1], totals[i]);
  }
};

template <class F, class T>
struct Elements {
  Pieces<F, T> p;
  PLAIT_FN void operator()(int64_t i) const {
    const int64_t line = i / p.count, piece = i % p.count, begin = piece * p.length;
    T sum = p.x.template get<T>(p.place(line, begin));
    if (piece > 0) sum = F::combine(p.totals[i - 1], sum);
    p.y.template put<T>(p.place(line, begin), sum);
    for (int64_t j = begin + 1; j < p.end(piece); ++j) {
      sum = F::combine(sum, p.x.template get<T>(p.place(line, j)));
      p.y.template put<T>(p.place(line, j), sum);
    }
  }
};

template <class F, class T>
void scan(const DeviceCall& c, const Lines& lines) {
  const auto length = static_cast<int64_t>(std::sqrt(static_cast<double>(lines.n))) + 1;
  const int64_t count = (lines.n + length - 1) / length;
  const cuda::Scratch<T> totals(lines.count() * count);
  const Pieces<F, T> p{
      lines,        length, count, c.attr<bool>("reverse"), Numbers(c.in(0)), Numbers(c.out(0)),
      totals.data()};
  cuda::for_each(lines.count() * count, Totals<F, T>{p});
  cuda::for_each(lines.count(), Before<F, T>{p});
  cuda::for_each(lines.count() * count, Elements<F, T>{p});
}

template <class F>
void kernel(const DeviceCall& c) {
  check(!is_complex(c.in(0).dtype) && !is_complex(c.out(0).dtype), ErrorKind::kNotImplemented,
        "dtype is ", c.out(0).dtype, ", must be real on a gpu");
  const Lines lines(*c.in(0).shape, c.attr<std::optional<int64_t>>("axis"));
  if (c.in(0).size() == 0) return;
  is_floating(c.out(0).dtype) ? scan<F, double>(c, lines) : scan<F, int64_t>(c, lines);
}

PLAIT_DEVICE_KERNEL(cumsum, kernel<kernels::Sum>);
PLAIT_DEVICE_KERNEL(cumprod, kernel<kernels::Prod>);

}  // namespace
}  // namespace plait::ops
