#include <algorithm>
#include <vector>

#include "kernels/convert.h"
#include "kernels/math.h"
#include "kernels/parallel.h"
#include "kernels/simd.h"
#include "kernels/sum.h"
#include "op/op.h"
#include "ops/lines.h"

namespace plait::op {
namespace {

namespace math = kernels::math;

struct SoftmaxAttrs {
  int64_t axis;
  std::optional<double> temperature;
  std::optional<DType> dtype;
  bool use_length;
};

struct Lines : ops::Lines {
  using ops::Lines::Lines;
  // Calls start(run) once on each thread; run(f) calls f(offset of the first element) for the lines
  // of this thread, compiled for the best instruction set.
  template <class F>
  void each(int threads, const F& start) const {
    const int64_t grain = std::max<int64_t>(1, 16384 / std::max<int64_t>(n, 1));
    kernels::parallel_for(threads, count(), grain, [&](int64_t begin, int64_t end) {
      start([&](const auto& f) {
        kernels::vector_call([&] {
          for (int64_t i = begin; i < end; ++i) f(ops::Lines::start(i));
        });
      });
    });
  }
};

Spec infer(const SoftmaxAttrs& a, const Specs& in) {
  check(is_floating(in[0].dtype), ErrorKind::kType, "data has dtype ", in[0].dtype,
        ", must be floating");
  check(!a.dtype || is_floating(*a.dtype), ErrorKind::kType, "dtype is ",
        a.dtype.value_or(DType::kFloat32), ", must be floating");
  check(!a.temperature || *a.temperature > 0, ErrorKind::kInvalidArgument, "temperature is ",
        a.temperature.value_or(0), ", must be > 0");
  Lines(in[0].shape, a.axis);
  if (a.use_length) {
    Dims lines = in[0].shape;
    lines.erase(static_cast<size_t>(normalize_axis(a.axis, static_cast<int64_t>(lines.size()))));
    check(in[1].shape == lines, ErrorKind::kShape, "length has shape ", in[1].shape, ", must be ",
          lines);
    check(is_integer(in[1].dtype), ErrorKind::kType, "length has dtype ", in[1].dtype,
          ", must be whole numbers");
  }
  return {in[0].shape, a.dtype.value_or(in[0].dtype)};
}

// Gradients have the dtype of data, which `dtype` names where it is not that of the output.
Spec infer_backward(const SoftmaxAttrs& a, const Specs& in) {
  check(in[1].shape == in[0].shape, ErrorKind::kShape, "output has shape ", in[1].shape,
        ", must be ", in[0].shape, " as dout");
  return infer(a, in);
}

// f(T) for the type in which `dtype` is computed.
template <class F>
void with_real(DType dtype, const F& f) {
  if (dtype == DType::kFloat64) return f(double{});
  f(float{});
}

// A line as contiguous numbers of type T, in place or in a buffer.
template <class T>
const T* gathered(const View& v, int64_t at, int64_t n, int64_t step, std::vector<T>& buffer) {
  if (v.dtype == dtype_of<T>() && step == 1) return v.ptr<T>() + at;
  kernels::convert(v.ptr<char>() + at * dtype_size(v.dtype), v.dtype, step, buffer.data(),
                   dtype_of<T>(), n);
  return buffer.data();
}

// Elements of each line that count; none: all of them.
std::vector<int64_t> lengths_of(const SoftmaxAttrs& a, const KernelArgs& k, int64_t n) {
  if (!a.use_length) return {};
  std::vector<int64_t> length(static_cast<size_t>(k.in[1].size()));
  kernels::convert(k.in[1].data, k.in[1].dtype, 1, length.data(), DType::kInt64, k.in[1].size());
  for (int64_t& v : length) v = std::clamp<int64_t>(v, 0, n);
  return length;
}

// f(line as T..., result as T, number of the line) for every line of the first input, and of the
// second if there are `kInputs` 2: float16 and bfloat16 and lines with gaps go through buffers.
template <class T, int kInputs, class F>
void each_line(const Lines& lines, const KernelArgs& k, const F& f) {
  const View& out = k.out[0];
  const bool direct = out.dtype == dtype_of<T>() && lines.inner == 1;
  const int64_t n = lines.n, step = lines.inner;
  lines.each(k.threads, [&](auto begin_lines) {
    std::vector<T> a(static_cast<size_t>(n)), b(a.size()), result(direct ? 0 : a.size());
    begin_lines([&](int64_t at) {
      const T* x = gathered(k.in[0], at, n, step, a);
      const T* y = kInputs > 1 ? gathered(k.in[1], at, n, step, b) : nullptr;
      const int64_t number = at / (n * step) * step + at % step;
      if (direct) return f(x, y, out.ptr<T>() + at, number);
      f(x, y, result.data(), number);
      kernels::convert_scatter(result.data(), dtype_of<T>(),
                               out.ptr<char>() + at * dtype_size(out.dtype), out.dtype, step, n);
    });
  });
}

constexpr int64_t kAside = 64;  // most neighbouring lines that are computed together

// Whether lines lie side by side in the type in which they are computed.
template <class T>
bool lie_aside(const Lines& lines, const KernelArgs& k, const SoftmaxAttrs& a) {
  bool same = k.out[0].dtype == dtype_of<T>();
  for (const View& v : k.in) same = same && v.dtype == dtype_of<T>();
  return same && !a.use_length && ops::LineGroups::pay(lines);
}

// f(offset of the first element, number of lines) for neighbouring lines, compiled for the best
// instruction set.
template <class F>
void each_group(const Lines& lines, int threads, const F& f) {
  const ops::LineGroups groups{lines, kAside};
  const int64_t grain = std::max<int64_t>(1, 16384 / std::max<int64_t>(lines.n * kAside, 1));
  kernels::parallel_for(threads, groups.count(), grain, [&](int64_t begin, int64_t end) {
    kernels::vector_call([&] { groups.each(begin, end, f); });
  });
}

// f(offset, number) for every number of `width` lines side by side.
template <class F>
inline void each_number(int64_t n, int64_t step, int64_t width, const F& f) {
  for (int64_t j = 0; j < n; ++j) {
#pragma GCC ivdep
    for (int64_t l = 0; l < width; ++l) f(j * step + l, l);
  }
}

template <bool kLog, class T>
inline void lines_aside(const T* x, T* y, int64_t n, int64_t step, int64_t width, T inv_t) {
  T top[kAside], sum[kAside] = {};
  std::copy_n(x, width, top);
  each_number(n, step, width, [&](int64_t i, int64_t l) { top[l] = std::max(top[l], x[i]); });
  each_number(n, step, width, [&](int64_t i, int64_t l) {
    const T e = math::exp((x[i] - top[l]) * inv_t);
    sum[l] += e;
    if constexpr (!kLog) y[i] = e;
  });
  for (int64_t l = 0; l < width; ++l) sum[l] = kLog ? math::log(sum[l]) : T(1) / sum[l];
  each_number(n, step, width, [&](int64_t i, int64_t l) {
    y[i] = kLog ? (x[i] - top[l]) * inv_t - sum[l] : y[i] * sum[l];
  });
}

template <bool kLog, class T>
inline void backward_aside(const T* dy, const T* y, T* dx, int64_t n, int64_t step, int64_t width,
                           T t) {
  T sum[kAside] = {};
  each_number(n, step, width, [&](int64_t i, int64_t l) { sum[l] += kLog ? dy[i] : dy[i] * y[i]; });
  each_number(n, step, width, [&](int64_t i, int64_t l) {
    dx[i] = kLog ? (dy[i] - math::exp(y[i]) * sum[l]) * t : y[i] * (dy[i] - sum[l]) * t;
  });
}

// The maximum is subtracted, so exp stays finite.
template <bool kLog, class T>
inline void line(const T* x, T* y, int64_t n, T inv_t) {
  const T top = kernels::largest(x, n);
  if constexpr (kLog) {
    const T sum = kernels::sum_of<T>(n, [=](int64_t i) { return math::exp((x[i] - top) * inv_t); });
    const T shift = math::log(sum);
    for (int64_t i = 0; i < n; ++i) y[i] = (x[i] - top) * inv_t - shift;
  } else {
    const T sum =
        kernels::sum_of<T>(n, [=](int64_t i) { return y[i] = math::exp((x[i] - top) * inv_t); });
    const T scale = T(1) / sum;
    for (int64_t i = 0; i < n; ++i) y[i] *= scale;
  }
}

template <bool kLog>
void kernel(const SoftmaxAttrs& a, const KernelArgs& k) {
  const Lines lines(*k.in[0].shape, a.axis);
  const std::vector<int64_t> length = lengths_of(a, k, lines.n);
  const bool wide = k.in[0].dtype == DType::kFloat64 || k.out[0].dtype == DType::kFloat64;
  with_real(wide ? DType::kFloat64 : DType::kFloat32, [&]<class T>(T) {
    const T inv_t = static_cast<T>(1 / a.temperature.value_or(1.0));
    if (lie_aside<T>(lines, k, a)) {
      const T* x = k.in[0].ptr<T>();
      T* y = k.out[0].ptr<T>();
      return each_group(lines, k.threads, [=](int64_t at, int64_t width) {
        lines_aside<kLog>(x + at, y + at, lines.n, lines.inner, width, inv_t);
      });
    }
    each_line<T, 1>(lines, k, [&](const T* x, const T*, T* y, int64_t number) {
      const int64_t n = length.empty() ? lines.n : length[static_cast<size_t>(number)];
      if (n > 0) line<kLog>(x, y, n, inv_t);
      std::fill(y + n, y + lines.n, T(0));
    });
  });
}

// softmax: dx = y (dy - sum(dy y)) / t;  log_softmax: dx = (dy - exp(y) sum(dy)) / t
template <bool kLog>
void backward_kernel(const SoftmaxAttrs& a, const KernelArgs& k) {
  const Lines lines(*k.in[0].shape, a.axis);
  const bool wide = k.in[0].dtype == DType::kFloat64 || k.out[0].dtype == DType::kFloat64;
  with_real(wide ? DType::kFloat64 : DType::kFloat32, [&]<class T>(T) {
    const T t = static_cast<T>(1 / a.temperature.value_or(1.0));
    if (lie_aside<T>(lines, k, a)) {
      const T *dy = k.in[0].ptr<T>(), *y = k.in[1].ptr<T>();
      T* dx = k.out[0].ptr<T>();
      return each_group(lines, k.threads, [=](int64_t at, int64_t width) {
        backward_aside<kLog>(dy + at, y + at, dx + at, lines.n, lines.inner, width, t);
      });
    }
    each_line<T, 2>(lines, k, [=, n = lines.n](const T* dy, const T* y, T* dx, int64_t) {
      const T sum = kernels::sum_of<T>(n, [=](int64_t i) { return kLog ? dy[i] : dy[i] * y[i]; });
      for (int64_t i = 0; i < n; ++i) {
        dx[i] = kLog ? (dy[i] - math::exp(y[i]) * sum) * t : y[i] * (dy[i] - sum) * t;
      }
    });
  });
}

Value scaled(const SoftmaxAttrs& a, const Value& v) {
  return a.temperature ? v / *a.temperature : v;
}

// y and dy in the dtype of data, in which the gradient is computed if it must be differentiable.
Values in_dtype_of_data(const GradArgs& g) {
  const DType d = g.in_spec(0).dtype;
  if (g.out_spec(0).dtype == d) return {g.out(0), g.dout()};
  return {cast_to(g.out(0), d), cast_to(g.dout(), d)};
}
AttrValue temperature_of(const SoftmaxAttrs& a) {
  return a.temperature ? AttrValue(*a.temperature) : AttrValue();
}

Values backward(const SoftmaxAttrs& a, const GradArgs& g) {
  static const OpCall kFused("softmax_backward", {"axis", "temperature", "dtype"}),
      kSum("sum", {"axis", "keepdims"});
  if (!current_tracer().differentiable()) {
    return {kFused({g.dout(), g.out(0)},
                   {a.axis, temperature_of(a), std::string(dtype_name(g.in_spec(0).dtype))})};
  }
  const Values v = in_dtype_of_data(g);
  const Value &y = v[0], &dy = v[1];
  return {scaled(a, y * (dy - kSum({dy * y}, {Dims{a.axis}, true})))};
}

Values log_backward(const SoftmaxAttrs& a, const GradArgs& g) {
  static const OpCall kFused("log_softmax_backward", {"axis", "temperature", "dtype"}),
      kSum("sum", {"axis", "keepdims"}), kExp("exp");
  if (!current_tracer().differentiable()) {
    return {kFused({g.dout(), g.out(0)},
                   {a.axis, temperature_of(a), std::string(dtype_name(g.in_spec(0).dtype))})};
  }
  const Values v = in_dtype_of_data(g);
  const Value &y = v[0], &dy = v[1];
  return {scaled(a, dy - kExp({y}) * kSum({dy}, {Dims{a.axis}, true}))};
}

template <class Builder>
Builder& line_attrs(Builder&& b) {
  return b.attr("axis", &SoftmaxAttrs::axis, -1, "axis of a line; negative counts from the end")
      .attr("temperature", &SoftmaxAttrs::temperature, std::nullopt,
            "data is divided by it; no unit, > 0; default 1")
      .attr("dtype", &SoftmaxAttrs::dtype, std::nullopt,
            "floating type of the result; default that of data");
}

const int registered_softmax =
    line_attrs(OpBuilder<SoftmaxAttrs>(Op::add("softmax", __FILE__, __LINE__)))
        .doc("Exponentials along one axis, scaled so that they sum to 1.")
        .source("Goodfellow, Bengio, Courville: Deep Learning (2016), sec. 4.1")
        .input("data", "floating array of at least one axis")
        .optional_input("length", "whole numbers, shape of data without axis; with use_length")
        .output("output", "shape of data; every value in [0, 1]")
        .attr("use_length", &SoftmaxAttrs::use_length, false,
              "only the first elements of each line count, as many as length says; others give 0")
        .on("nd", "softmax")
        .on("sym", "softmax")
        .on("npx", "softmax")
        .num_inputs([](const SoftmaxAttrs& a) { return a.use_length ? 2 : 1; })
        .infer(infer)
        .cpu(kernel<false>)
        .grad(backward, saves_output(0));

const int registered_log_softmax =
    line_attrs(OpBuilder<SoftmaxAttrs>(Op::add("log_softmax", __FILE__, __LINE__)))
        .doc("Logarithm of softmax, computed without forming the softmax.")
        .input("data", "floating array of at least one axis")
        .output("output", "shape of data; every value <= 0")
        .on("nd", "log_softmax")
        .on("sym", "log_softmax")
        .on("npx", "log_softmax")
        .infer(infer)
        .cpu(kernel<true>)
        .grad(log_backward, saves_output(0));

const int registered_softmax_backward =
    line_attrs(OpBuilder<SoftmaxAttrs>(Op::add("softmax_backward", __FILE__, __LINE__)))
        .doc("Gradient of softmax from its output.")
        .input("dout", "gradient of the output")
        .input("output", "output of softmax")
        .output("ddata", "shape of dout")
        .infer(infer_backward)
        .cpu(backward_kernel<false>);

const int registered_log_softmax_backward =
    line_attrs(OpBuilder<SoftmaxAttrs>(Op::add("log_softmax_backward", __FILE__, __LINE__)))
        .doc("Gradient of log_softmax from its output.")
        .input("dout", "gradient of the output")
        .input("output", "output of log_softmax")
        .output("ddata", "shape of dout")
        .infer(infer_backward)
        .cpu(backward_kernel<true>);

}  // namespace
}  // namespace plait::op
