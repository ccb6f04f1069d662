#include <algorithm>
#include <optional>

#include "kernels/convert.h"
#include "kernels/parallel.h"
#include "kernels/reductions.h"
#include "kernels/simd.h"
#include "op/functions.h"
#include "op/op.h"
#include "ops/lines.h"

// Sums and products of the elements up to each place.
namespace plait::ops {
namespace {

using op::AttrValue;
using op::KernelArgs;

struct ScanAttrs {
  std::optional<int64_t> axis;
  std::optional<DType> dtype;
  bool reverse;
};

Spec infer_scan(const ScanAttrs& a, const Specs& in) {
  Spec out = in[0];
  if (a.axis) {
    normalize_axis(*a.axis, static_cast<int64_t>(out.shape.size()));
  } else {
    out.shape = {num_elements(out.shape)};
  }
  if (a.dtype) out.dtype = *a.dtype;
  if (!a.dtype && out.dtype == DType::kBool) out.dtype = DType::kInt64;
  return out;
}

// Calls f(T{}) with the type in which the numbers are added up.
template <class F>
void dispatch_sum(DType d, const F& f) {
  if (is_complex(d)) return f(Complex128{});
  if (is_floating(d)) return f(double{});
  f(int64_t{});
}

// Numbers of the array are converted to T, added up in T, and stored.
template <class F, class T>
class Scan {
 public:
  Scan(const View& in, const View& out, const Lines& lines, bool reverse)
      : in_(in), out_(out), lines_(lines), reverse_(reverse) {}

  // Lines `first` and after it, together: what one waits for while numbers are added, others do.
  template <int kLines>
  void lines(int64_t first) const {
    T block[kLines][kernels::kBlock], sums[kLines] = {};
    for (int64_t done = 0; done < lines_.n; done += kernels::kBlock) {
      const int64_t m = std::min(kernels::kBlock, lines_.n - done);
      const int64_t at = (reverse_ ? lines_.n - done - m : done) * lines_.inner;
      for (int l = 0; l < kLines; ++l) {
        load(lines_.start(first + l) + at, lines_.inner, block[l], m);
      }
      int64_t place = reverse_ ? m - 1 : 0;
      for (int64_t j = 0; j < m; ++j, place += reverse_ ? -1 : 1) {
#pragma GCC unroll 4
        for (int l = 0; l < kLines; ++l) {
          sums[l] = done + j ? F::combine(sums[l], block[l][place]) : block[l][place];
          block[l][place] = sums[l];
        }
      }
      for (int l = 0; l < kLines; ++l) {
        kernels::convert_scatter(block[l], dtype_of<T>(), out_at(lines_.start(first + l) + at),
                                 out_.dtype, lines_.inner, m);
      }
    }
  }

  // `width` neighbouring lines.
  void lines_aside(int64_t start, int64_t width) const {
    T sums[kernels::kBlock], row[kernels::kBlock];
    for (int64_t j = 0; j < lines_.n; ++j) {
      const int64_t at = start + (reverse_ ? lines_.n - 1 - j : j) * lines_.inner;
      load(at, 1, j ? row : sums, width);
      if (j) {
        kernels::vector_loop(width, [&](int64_t i) { sums[i] = F::combine(sums[i], row[i]); });
      }
      kernels::convert(sums, dtype_of<T>(), 1, out_at(at), out_.dtype, width);
    }
  }

  void run(int threads) const {
    const int64_t cost = std::max<int64_t>(lines_.n, 1);
    if (!LineGroups::pay(lines_)) {
      kernels::parallel_for(threads, lines_.count(), kernels::kGrain / 4 / cost,
                            [&](int64_t begin, int64_t end) {
                              for (; begin + 4 <= end; begin += 4) lines<4>(begin);
                              for (; begin < end; ++begin) lines<1>(begin);
                            });
      return;
    }
    const LineGroups groups{lines_, std::min<int64_t>(lines_.inner, kernels::kBlock)};
    kernels::parallel_for(
        threads, groups.count(), kernels::kGrain / 2 / (cost * groups.most),
        [&](int64_t begin, int64_t end) {
          groups.each(begin, end, [&](int64_t start, int64_t width) { lines_aside(start, width); });
        });
  }

 private:
  void load(int64_t at, int64_t step, T* to, int64_t n) const {
    kernels::convert(in_.ptr<char>() + at * dtype_size(in_.dtype), in_.dtype, step, to,
                     dtype_of<T>(), n);
  }
  char* out_at(int64_t at) const { return out_.ptr<char>() + at * dtype_size(out_.dtype); }

  const View &in_, &out_;
  const Lines& lines_;
  const bool reverse_;
};

template <class F>
void scan_kernel(const ScanAttrs& a, const KernelArgs& k) {
  const Lines lines(*k.in[0].shape, a.axis);
  if (k.in[0].size() == 0) return;
  dispatch_sum(k.out[0].dtype,
               [&]<class T>(T) { Scan<F, T>(k.in[0], k.out[0], lines, a.reverse).run(k.threads); });
}

Value scanned(const Value& v, const ScanAttrs& a, bool reverse) {
  static const OpCall cumsum("cumsum", {"axis", "dtype", "reverse"});
  return cumsum({v}, {a.axis ? AttrValue(*a.axis) : AttrValue{}, AttrValue{}, reverse});
}
Value to_input(const GradArgs& g, const Value& v) {
  return op::cast_to(op::reshape_to(v, g.in_spec(0).shape), g.in_spec(0).dtype);
}

Values cumsum_grad(const ScanAttrs& a, const GradArgs& g) {
  if (!is_inexact(g.in_spec(0).dtype)) return {Value{}};
  return {to_input(g, scanned(g.dout(), a, !a.reverse))};
}
Values cumprod_grad(const ScanAttrs& a, const GradArgs& g) {
  if (!is_inexact(g.in_spec(0).dtype)) return {Value{}};
  const Value flat = op::reshape_to(g.in(0), g.out_spec(0).shape);
  return {to_input(g, scanned(g.dout() * g.out(0), a, !a.reverse) / flat)};
}

#define PLAIT_SCAN(name, text, function)                                                  \
  PLAIT_OP(name, ScanAttrs)                                                               \
      .doc(text)                                                                          \
      .input("data", "array of any shape")                                                \
      .output("out", "shape of data; a vector if axis is None")                           \
      .attr("axis", &ScanAttrs::axis, std::optional<int64_t>(),                           \
            "axis along which the elements follow each other; None: the flattened array") \
      .attr("dtype", &ScanAttrs::dtype, std::optional<DType>(),                           \
            "type of the result; None: as data, int64 of bool")                           \
      .attr("reverse", &ScanAttrs::reverse, false, "start at the end of the axis")        \
      .infer(infer_scan)                                                                  \
      .takes_complex()                                                                    \
      .cpu(scan_kernel<function>)

PLAIT_SCAN(cumsum, "Sum of the elements up to and with each place, kept in float64.", kernels::Sum)
    .on("nd sym np", "cumsum")
    .grad(cumsum_grad, op::saves_nothing());
PLAIT_SCAN(cumprod, "Product of the elements up to and with each place, kept in float64.",
           kernels::Prod)
    .on("nd sym np", "cumprod")
    .grad(cumprod_grad, op::saves_inputs() | op::saves_output(0));

}  // namespace
}  // namespace plait::ops
