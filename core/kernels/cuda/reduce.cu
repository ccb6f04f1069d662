#include "kernels/reduce.h"

#include <cmath>

#include "kernels/convert.h"
#include "kernels/cuda/element.h"
#include "kernels/cuda/launch.h"
#include "kernels/cuda/places.h"
#include "kernels/reductions.h"

namespace plait::kernels {
namespace {

enum class End { kPlain, kMean, kRoot };

// One reduction: elements are read as T, partial results are of type A.
template <class R, class T, class A>
struct Job {
  cuda::Places kept, gone;
  const void* data;
  void* out;
  DType from, to;
  End end;

  PLAIT_FN A value(int64_t base, int64_t i) const {
    const int64_t at = base + gone.at(i);
    const T x =
        from == dtype_of<T>() ? static_cast<const T*>(data)[at] : cuda::load<T>(from, data, at);
    return R::template map<A>(x);
  }
  PLAIT_FN void finish(int64_t result, A total) const {
    double real = static_cast<double>(total);
    if (end == End::kPlain) return cuda::store<A>(to, out, result, total);
    real = end == End::kMean ? real / static_cast<double>(gone.size) : std::sqrt(real);
    cuda::store<double>(to, out, result, real);
  }
};

template <class R, class A>
struct Combine {
  PLAIT_FN A operator()(A a, A b) const { return R::combine(a, b); }
};

template <class R, class T, class A>
struct Line {
  Job<R, T, A> job;
  template <class Team>
  PLAIT_FN void operator()(const Team& team, int64_t result) const {
    const Job<R, T, A>& j = job;
    const int64_t base = j.kept.at(result);
    const A total = team.reduce(
        j.gone.size, R::template start<A>(), [&](int64_t i) { return j.value(base, i); },
        Combine<R, A>());
    team.each(1, [&](int64_t) { j.finish(result, total); });
  }
};

struct Call {
  Reduction kind;
  cuda::Places kept, gone;
  const View& in;
  const View& out;
};

template <class R, class T, class A>
void run(const Call& c) {
  const End end = c.kind == Reduction::kMean    ? End::kMean
                  : c.kind == Reduction::kNorm2 ? End::kRoot
                                                : End::kPlain;
  const Job<R, T, A> job{c.kept, c.gone, c.in.data, c.out.data, c.in.dtype, c.out.dtype, end};
  cuda::for_each_line(c.kept.size, c.gone.size, Line<R, T, A>{job});
}

template <class R>
void run_typed(const Call& c) {
  const DType type = compute_type(c.in.dtype);
  const bool real = c.kind == Reduction::kMean || c.kind == Reduction::kNorm2;
  if (type == DType::kFloat32) return run<R, float, double>(c);
  if (type == DType::kFloat64 || real) return run<R, double, double>(c);
  run<R, int64_t, int64_t>(c);
}

}  // namespace

void reduce(Reduction kind, const View& in, const Dims& axes, const View& out, int) {
  check(!is_complex(in.dtype) && !is_complex(out.dtype), ErrorKind::kNotImplemented, "dtype is ",
        in.dtype, ", must be real on a gpu");
  Call call{kind, {}, {}, in, out};
  size_t next = 0;
  for (int64_t i = 0; i < in.ndim(); ++i) {
    const bool goes = next < axes.size() && axes[next] == i;
    next += goes;
    (goes ? call.gone : call.kept).add(in.dim(i), in.stride(i));
  }
  switch (kind) {
    case Reduction::kProd: return run_typed<Prod>(call);
    case Reduction::kMax: return run_typed<Max>(call);
    case Reduction::kMin: return run_typed<Min>(call);
    case Reduction::kNansum: return run_typed<Nansum>(call);
    case Reduction::kNanprod: return run_typed<Nanprod>(call);
    case Reduction::kSumAbs: return run_typed<SumAbs>(call);
    case Reduction::kSumSquare:
    case Reduction::kNorm2: return run_typed<SumSquare>(call);
    default: return run_typed<Sum>(call);
  }
}

}  // namespace plait::kernels
