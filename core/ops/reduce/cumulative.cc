#include <algorithm>

#include "kernels/convert.h"
#include "kernels/parallel.h"
#include "op/functions.h"
#include "op/op.h"

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

int64_t axis_of(const ScanAttrs& a, const Dims& shape) {
  return normalize_axis(*a.axis, static_cast<int64_t>(shape.size()));
}

Spec infer_scan(const ScanAttrs& a, const Specs& in) {
  Spec out = in[0];
  if (a.axis) {
    axis_of(a, out.shape);
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

struct Plus {
  template <class T>
  PLAIT_FN static T f(T a, T b) {
    return a + b;
  }
};
struct Times {
  template <class T>
  PLAIT_FN static T f(T a, T b) {
    return a * b;
  }
};

// data as (outer, n, inner); each line is converted, added up in float64, int64 or complex128, and
// stored.
template <class F>
void scan_kernel(const ScanAttrs& a, const KernelArgs& k) {
  const View &in = k.in[0], &out = k.out[0];
  int64_t n = in.size(), inner = 1;
  if (a.axis) {
    const int64_t axis = axis_of(a, *in.shape);
    n = in.dim(axis);
    for (int64_t i = axis + 1; i < in.ndim(); ++i) inner *= in.dim(i);
  }
  const int64_t lines = n ? in.size() / n : 0;
  dispatch_sum(out.dtype, [&](auto type) {
    using T = decltype(type);
    const int64_t grain = std::max<int64_t>(1, kernels::kGrain / 4 / (n + 1));
    kernels::parallel_for(k.threads, lines, grain, [&](int64_t begin, int64_t end) {
      std::vector<T> line(static_cast<size_t>(n));
      for (int64_t i = begin; i < end; ++i) {
        const int64_t start = i / inner * n * inner + i % inner;
        kernels::convert(in.ptr<char>() + start * dtype_size(in.dtype), in.dtype, inner,
                         line.data(), dtype_of<T>(), n);
        if (a.reverse) std::reverse(line.begin(), line.end());
        for (size_t j = 1; j < line.size(); ++j) line[j] = F::f(line[j - 1], line[j]);
        if (a.reverse) std::reverse(line.begin(), line.end());
        kernels::convert_scatter(line.data(), dtype_of<T>(),
                                 out.ptr<char>() + start * dtype_size(out.dtype), out.dtype, inner,
                                 n);
      }
    });
  });
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

PLAIT_SCAN(cumsum, "Sum of the elements up to and with each place, kept in float64.", Plus)
    .on("nd sym np", "cumsum")
    .grad(cumsum_grad, op::saves_nothing());
PLAIT_SCAN(cumprod, "Product of the elements up to and with each place, kept in float64.", Times)
    .on("nd sym np", "cumprod")
    .grad(cumprod_grad, op::saves_inputs() | op::saves_output(0));

}  // namespace
}  // namespace plait::ops
