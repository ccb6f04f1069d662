#include "kernels/reduce.h"

#include <cmath>
#include <type_traits>
#include <vector>

#include "kernels/convert.h"
#include "kernels/reductions.h"
#include "kernels/simd.h"
#include "kernels/strided.h"

namespace plait::kernels {
namespace {

// Partial results that are kept side by side, so that the loop over a row vectorises.
constexpr int64_t kLanes = 32;

// Elements that are added in their own type before they go into a partial result: most of the time
// of a sum of floats is their conversion.
template <class R, class T>
inline constexpr int64_t kFirst = std::is_same_v<T, float>&& std::is_base_of_v<Sum, R> ? 4 : 1;

// acc = combination of n neighbouring elements.
template <class R, class T, class A>
void along(const void* data, int64_t n, void* acc) {
  const T* x = static_cast<const T*>(data);
  A* total = static_cast<A*>(acc);
  *total = vector_call([=] {
    constexpr int64_t kGroups = kFirst<R, T>, kStep = kLanes * kGroups;
    using First = std::conditional_t<kGroups == 1, A, T>;
    A result = *total;
    int64_t i = 0;
    if (n >= kStep) {
      A lane[kLanes];
      for (int64_t l = 0; l < kLanes; ++l) lane[l] = R::template start<A>();
      for (; i + kStep <= n; i += kStep) {
        for (int64_t l = 0; l < kLanes; ++l) {
          const auto at = [&](int64_t g) { return R::template map<First>(x[i + g * kLanes + l]); };
          First part = at(0);
          if constexpr (kGroups == 4) part = (part + at(1)) + (at(2) + at(3));
          lane[l] = R::combine(lane[l], static_cast<A>(part));
        }
      }
      for (int64_t width = kLanes / 2; width > 0; width /= 2) {
        for (int64_t l = 0; l < width; ++l) lane[l] = R::combine(lane[l], lane[l + width]);
      }
      result = R::combine(result, lane[0]);
    }
    for (; i < n; ++i) result = R::combine(result, R::template map<A>(x[i]));
    return result;
  });
}

// acc[i] = combination of acc[i] with element i.
template <class R, class T, class A>
void across(const void* data, int64_t n, void* acc) {
  const T* x = static_cast<const T*>(data);
  A* a = static_cast<A*>(acc);
  vector_loop(n, [=](int64_t i) { a[i] = R::combine(a[i], R::template map<A>(x[i])); });
}

template <class R, class A>
void start(void* acc, int64_t n) {
  std::fill_n(static_cast<A*>(acc), n, R::template start<A>());
}

struct Step {
  void (*along)(const void*, int64_t, void*);
  void (*across)(const void*, int64_t, void*);
  void (*start)(void*, int64_t);
};
template <class R>
Step step_for(DType type) {
  switch (type) {
    case DType::kFloat32:
      return {along<R, float, double>, across<R, float, double>, start<R, double>};
    case DType::kFloat64:
      return {along<R, double, double>, across<R, double, double>, start<R, double>};
    default: return {along<R, int64_t, int64_t>, across<R, int64_t, int64_t>, start<R, int64_t>};
  }
}
template <class R>
Step complex_step_for(DType type) {
  if (type == DType::kComplex64) {
    return {along<R, Complex64, Complex128>, across<R, Complex64, Complex128>,
            start<R, Complex128>};
  }
  return {along<R, Complex128, Complex128>, across<R, Complex128, Complex128>,
          start<R, Complex128>};
}
Step choose(Reduction kind, DType type) {
  if (is_complex(type)) {  // sums and products only: complex numbers have no order
    return kind == Reduction::kProd ? complex_step_for<Prod>(type) : complex_step_for<Sum>(type);
  }
  switch (kind) {
    case Reduction::kProd: return step_for<Prod>(type);
    case Reduction::kMax: return step_for<Max>(type);
    case Reduction::kMin: return step_for<Min>(type);
    case Reduction::kNansum: return step_for<Nansum>(type);
    case Reduction::kNanprod: return step_for<Nanprod>(type);
    case Reduction::kSumAbs: return step_for<SumAbs>(type);
    case Reduction::kSumSquare:
    case Reduction::kNorm2: return step_for<SumSquare>(type);
    default: return step_for<Sum>(type);
  }
}

// One reduction of one input, split into the axes that stay and those that go.
struct Job {
  Reduction kind;
  Step step;
  DType from, type, acc;  // of the input, of the loop, of partial results
  int64_t item() const { return dtype_size(acc); }
  const char* data;
  Walk kept, gone;
  View out;

  Job(Reduction reduction, const View& in, const View& out_view, const View& kept_view,
      const View& gone_view)
      : kind(reduction),
        from(in.dtype),
        type(compute_type(in.dtype) == DType::kInt32 ? DType::kInt64 : compute_type(in.dtype)),
        acc(type == DType::kInt64 ? type
            : is_complex(type)    ? DType::kComplex128
                                  : DType::kFloat64),
        data(in.ptr<char>()),
        kept(*kept_view.shape, std::array{&kept_view}),
        gone(*gone_view.shape, std::array{&gone_view}),
        out(out_view) {
    // Roots and means of whole numbers are computed as real numbers.
    if (type == DType::kInt64 && (kind == Reduction::kMean || kind == Reduction::kNorm2)) {
      type = acc = DType::kFloat64;
    }
    step = choose(kind, type);
  }

  // Calls f(pointer, count) with the n elements at `at`, in blocks, in the type of the loop.
  template <class F>
  void blocks(int64_t at, int64_t stride, int64_t n, const F& f) const {
    const int64_t item = dtype_size(from);
    if (from == type && stride == 1) return f(data + at * item, n, int64_t{0});
    alignas(64) char buffer[kBlock * kWidest];
    for (int64_t i = 0; i < n; i += kBlock) {
      const int64_t m = std::min(kBlock, n - i);
      convert(data + (at + i * stride) * item, from, stride, buffer, type, m);
      f(buffer, m, i);
    }
  }

  // Results `begin` to begin + n from their partial results.
  void finish(char* partial, int64_t begin, int64_t n) const {
    if (kind == Reduction::kMean || kind == Reduction::kNorm2) {
      double* p = reinterpret_cast<double*>(partial);
      const double count = static_cast<double>(gone.size);
      for (int64_t i = 0; i < n * item() / 8; ++i) {  // the parts of complex numbers alike
        p[i] = kind == Reduction::kMean ? p[i] / count : std::sqrt(p[i]);
      }
    }
    convert(partial, acc, 1, out.ptr<char>() + begin * dtype_size(out.dtype), out.dtype, n);
  }

  // Each result by itself: the row of the reduced axes is the inner loop.
  void by_result(int64_t begin, int64_t end) const {
    alignas(64) char partial[kBlock * kWidest];
    int64_t filled = 0;
    step.start(partial, kBlock);
    kept.rows(begin, end, [&](const auto& kept_at, int64_t n) {
      for (int64_t j = 0; j < n; ++j) {
        const int64_t base = kept_at[0] + j * kept.row_stride[0];
        gone.rows(0, gone.size, [&](const auto& at, int64_t length) {
          blocks(base + at[0], gone.row_stride[0], length, [&](const char* x, int64_t m, int64_t) {
            step.along(x, m, partial + filled * item());
          });
        });
        if (++filled < kBlock) continue;
        finish(partial, begin, filled);
        begin += filled;
        filled = 0;
        step.start(partial, kBlock);
      }
    });
    finish(partial, begin, filled);
  }

  // Neighbouring results together: their row is the inner loop.
  void by_row(int64_t begin, int64_t end) const {
    alignas(64) char partial[kBlock * kWidest];
    kept.rows(begin, end, [&](const auto& kept_at, int64_t n) {
      for (int64_t j = 0; j < n; j += kBlock) {
        const int64_t width = std::min(kBlock, n - j);
        step.start(partial, width);
        const int64_t base = kept_at[0] + j * kept.row_stride[0];
        for_each_gone([&](int64_t at) {
          blocks(base + at, kept.row_stride[0], width, [&](const char* x, int64_t m, int64_t i) {
            step.across(x, m, partial + i * item());
          });
        });
        finish(partial, begin, width);
        begin += width;
      }
    });
  }
  template <class F>
  void for_each_gone(const F& f) const {
    gone.rows(0, gone.size, [&](const auto& at, int64_t n) {
      for (int64_t i = 0; i < n; ++i) f(at[0] + i * gone.row_stride[0]);
    });
  }

  // One or few results from much data: threads share the reduced axes, and their parts are combined
  // in the order of the parts. The split depends on the size alone, so results do not on threads.
  void split(int threads) const {
    constexpr int64_t kPart = int64_t{1} << 16;
    const int64_t parts = (gone.size + kPart - 1) / kPart;
    std::vector<Complex128> space(static_cast<size_t>(parts * kept.size));  // as wide as any
    char* partial = reinterpret_cast<char*>(space.data());
    int64_t result = 0;
    kept.rows(0, kept.size, [&](const auto& kept_at, int64_t n) {
      for (int64_t j = 0; j < n; ++j, ++result) {
        const int64_t base = kept_at[0] + j * kept.row_stride[0];
        parallel_for(threads, parts, 1, [&](int64_t first, int64_t last) {
          for (int64_t p = first; p < last; ++p) {
            void* mine = partial + (result * parts + p) * item();
            step.start(mine, 1);
            gone.rows(
                p * kPart, std::min(gone.size, (p + 1) * kPart), [&](const auto& at, int64_t m) {
                  blocks(
                      base + at[0], gone.row_stride[0], m,
                      [&](const char* x, int64_t count, int64_t) { step.along(x, count, mine); });
                });
          }
        });
        combine(partial + result * parts * item(), parts, result);
      }
    });
  }
  void combine(void* partial, int64_t parts, int64_t result) const {
    // Partial sums of squares and of absolute values are summed as they are.
    Reduction plain = kind;
    if (kind == Reduction::kNorm2 || kind == Reduction::kSumSquare || kind == Reduction::kSumAbs) {
      plain = Reduction::kSum;
    }
    alignas(kWidest) char total[kWidest];
    step.start(total, 1);
    choose(plain, acc).along(partial, parts, total);
    finish(total, result, 1);
  }

  void run(int threads) const {
    if (kept.size == 0) return;
    const int64_t grain = std::max<int64_t>(1, kGrain / std::max<int64_t>(1, gone.size));
    if (kept.size < 4 && gone.size > 2 * kGrain) return split(threads);
    const bool rows = kept.row_stride[0] == 1 && kept.row >= 8 &&
                      !(gone.row_stride[0] == 1 && gone.row > kept.row);
    parallel_for(threads, kept.size, grain, [&](int64_t begin, int64_t end) {
      rows ? by_row(begin, end) : by_result(begin, end);
    });
  }
};

}  // namespace

void reduce(Reduction kind, const View& in, const Dims& axes, const View& out, int threads) {
  Dims kept_shape, kept_strides, gone_shape, gone_strides;
  size_t next = 0;
  for (int64_t i = 0; i < in.ndim(); ++i) {
    const bool goes = next < axes.size() && axes[next] == i;
    next += goes;
    (goes ? gone_shape : kept_shape).push_back(in.dim(i));
    (goes ? gone_strides : kept_strides).push_back(in.stride(i));
  }
  const View kept{in.data, &kept_shape, &kept_strides, in.dtype, false};
  const View gone{in.data, &gone_shape, &gone_strides, in.dtype, false};
  Job(kind, in, out, kept, gone).run(threads);
}

}  // namespace plait::kernels
