#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/convert.h"
#include "kernels/math.h"
#include "kernels/parallel.h"
#include "kernels/simd.h"
#include "op/op.h"

namespace plait::op {
namespace {

namespace math = kernels::math;

struct SoftmaxAttrs {
  int64_t axis;
  std::optional<double> temperature;
  bool use_length;
};

// Lines of n elements, `step` apart.
struct Lines {
  int64_t outer = 1, n = 1, step = 1;
  Lines(const Dims& shape, int64_t axis) {
    const auto at = static_cast<size_t>(normalize_axis(axis, static_cast<int64_t>(shape.size())));
    for (size_t i = 0; i < shape.size(); ++i) (i < at ? outer : i == at ? n : step) *= shape[i];
  }
  // f(offset of the first element) for every line.
  template <class F>
  void each(int threads, const F& f) const {
    kernels::parallel_for(threads, outer * step,
                          std::max<int64_t>(1, 16384 / std::max<int64_t>(n, 1)),
                          [&](int64_t begin, int64_t end) {
                            for (int64_t i = begin; i < end; ++i) f(i / step * n * step + i % step);
                          });
  }
};

Spec infer(const SoftmaxAttrs& a, const Specs& in) {
  check(in[0].dtype == DType::kFloat32 || in[0].dtype == DType::kFloat64, ErrorKind::kType,
        "data has dtype ", in[0].dtype, ", must be float32 or float64");
  check(!a.temperature || *a.temperature > 0, ErrorKind::kInvalidArgument, "temperature is ",
        a.temperature.value_or(0), ", must be > 0");
  Lines(in[0].shape, a.axis);
  if (a.use_length) {
    Dims lines = in[0].shape;
    lines.erase(static_cast<size_t>(normalize_axis(a.axis, static_cast<int64_t>(lines.size()))));
    check(in[1].shape == lines && is_integer(in[1].dtype), ErrorKind::kShape, "length has shape ",
          in[1].shape, " and dtype ", in[1].dtype, ", must be ", lines, " and whole numbers");
  }
  return in[0];
}

// Elements of each line that count; none: all of them.
std::vector<int64_t> lengths_of(const SoftmaxAttrs& a, const KernelArgs& k, int64_t n) {
  if (!a.use_length) return {};
  std::vector<int64_t> length(static_cast<size_t>(k.in[1].size()));
  kernels::convert(k.in[1].data, k.in[1].dtype, 1, length.data(), DType::kInt64, k.in[1].size());
  for (int64_t& v : length) v = std::clamp<int64_t>(v, 0, n);
  return length;
}

// The maximum is subtracted, so exp stays finite.
template <bool kLog, class T>
void line(const T* x, T* y, int64_t n, int64_t step, T inv_t) {
  if (step == 1) {
    T top = x[0];
    for (int64_t i = 1; i < n; ++i) top = x[i] > top ? x[i] : top;
    kernels::vector_loop(n, [=](int64_t i) { y[i] = math::exp((x[i] - top) * inv_t); });
    T sums[8] = {};
    int64_t i = 0;
    for (; i + 8 <= n; i += 8) {
      for (int64_t j = 0; j < 8; ++j) sums[j] += y[i + j];
    }
    T sum = 0;
    for (; i < n; ++i) sum += y[i];
    for (T s : sums) sum += s;
    if constexpr (kLog) {
      const T shift = std::log(sum);
      kernels::vector_loop(n, [=](int64_t j) { y[j] = (x[j] - top) * inv_t - shift; });
    } else {
      const T scale = T(1) / sum;
      kernels::vector_loop(n, [=](int64_t j) { y[j] *= scale; });
    }
    return;
  }
  T top = x[0], sum = 0;
  for (int64_t i = 1; i < n; ++i) top = std::max(top, x[i * step]);
  for (int64_t i = 0; i < n; ++i) sum += std::exp((x[i * step] - top) * inv_t);
  for (int64_t i = 0; i < n; ++i) {
    const T v = (x[i * step] - top) * inv_t;
    y[i * step] = kLog ? v - std::log(sum) : std::exp(v) / sum;
  }
}

template <bool kLog>
void kernel(const SoftmaxAttrs& a, const KernelArgs& k) {
  const Lines lines(*k.in[0].shape, a.axis);
  const double inv_t = 1 / a.temperature.value_or(1.0);
  const std::vector<int64_t> length = lengths_of(a, k, lines.n);
  dispatch_floating(k.in[0].dtype, [&]<class T>(T) {
    if constexpr (std::is_floating_point_v<T>) {
      const T* x = k.in[0].ptr<T>();
      T* y = k.out[0].ptr<T>();
      lines.each(k.threads, [&](int64_t at) {
        const int64_t number = at / (lines.n * lines.step) * lines.step + at % lines.step;
        const int64_t n = length.empty() ? lines.n : length[static_cast<size_t>(number)];
        if (n > 0) line<kLog, T>(x + at, y + at, n, lines.step, static_cast<T>(inv_t));
        for (int64_t i = n; i < lines.n; ++i) y[at + i * lines.step] = T(0);
      });
    }
  });
}

// softmax: dx = y (dy - sum(dy y)) / t;  log_softmax: dx = (dy - exp(y) sum(dy)) / t
template <bool kLog>
void backward_kernel(const SoftmaxAttrs& a, const KernelArgs& k) {
  const Lines lines(*k.in[0].shape, a.axis);
  const double inv_t = 1 / a.temperature.value_or(1.0);
  dispatch_floating(k.in[0].dtype, [&]<class T>(T) {
    if constexpr (std::is_floating_point_v<T>) {
      const T *dy = k.in[0].ptr<T>(), *y = k.in[1].ptr<T>();
      T* dx = k.out[0].ptr<T>();
      const int64_t n = lines.n, s = lines.step;
      lines.each(k.threads, [&](int64_t at) {
        T sum = 0;
        for (int64_t i = 0; i < n; ++i) sum += dy[at + i * s] * (kLog ? T(1) : y[at + i * s]);
        const T t = static_cast<T>(inv_t);
        const T *dys = dy + at, *ys = y + at;
        T* dxs = dx + at;
        kernels::vector_loop(n, [=](int64_t i) {
          dxs[i * s] = kLog ? (dys[i * s] - math::exp(ys[i * s]) * sum) * t
                            : ys[i * s] * (dys[i * s] - sum) * t;
        });
      });
    }
  });
}

Value scaled(const SoftmaxAttrs& a, const Value& v) {
  return a.temperature ? v / *a.temperature : v;
}

Values backward(const SoftmaxAttrs& a, const GradArgs& g) {
  static const OpCall kFused("softmax_backward", {"axis", "temperature"}),
      kSum("sum", {"axis", "keepdims"});
  const AttrValue t = a.temperature ? AttrValue(*a.temperature) : AttrValue();
  const Value y = g.out(0), dy = g.dout();
  if (!current_tracer().differentiable()) return {kFused({dy, y}, {a.axis, t})};
  return {scaled(a, y * (dy - kSum({dy * y}, {Dims{a.axis}, true})))};
}

Values log_backward(const SoftmaxAttrs& a, const GradArgs& g) {
  static const OpCall kFused("log_softmax_backward", {"axis", "temperature"}),
      kSum("sum", {"axis", "keepdims"}), kExp("exp");
  const AttrValue t = a.temperature ? AttrValue(*a.temperature) : AttrValue();
  const Value y = g.out(0), dy = g.dout();
  if (!current_tracer().differentiable()) return {kFused({dy, y}, {a.axis, t})};
  return {scaled(a, dy - kExp({y}) * kSum({dy}, {Dims{a.axis}, true}))};
}

template <class Builder>
Builder& line_attrs(Builder&& b) {
  return b.attr("axis", &SoftmaxAttrs::axis, -1, "axis of a line; negative counts from the end")
      .attr("temperature", &SoftmaxAttrs::temperature, std::nullopt,
            "data is divided by it; no unit, > 0; default 1");
}

const int registered_softmax =
    line_attrs(OpBuilder<SoftmaxAttrs>(Op::add("softmax", __FILE__, __LINE__)))
        .doc("Exponentials along one axis, scaled so that they sum to 1.")
        .source("Goodfellow, Bengio, Courville: Deep Learning (2016), sec. 4.1")
        .input("data", "floating array of at least one axis")
        .optional_input("length", "whole numbers, shape of data without axis; with use_length")
        .output("output", "shape and dtype of data; every value in [0, 1]")
        .attr("use_length", &SoftmaxAttrs::use_length, false,
              "only the first elements of each line count, as many as length says; others give 0")
        .on("nd", "softmax")
        .on("sym", "softmax")
        .on("npx", "softmax")
        .num_inputs([](const SoftmaxAttrs& a) { return a.use_length ? 2 : 1; })
        .inplace()
        .infer(infer)
        .cpu(kernel<false>)
        .grad(backward, saves_output(0));

const int registered_log_softmax =
    line_attrs(OpBuilder<SoftmaxAttrs>(Op::add("log_softmax", __FILE__, __LINE__)))
        .doc("Logarithm of softmax, computed without forming the softmax.")
        .input("data", "floating array of at least one axis")
        .output("output", "shape and dtype of data; every value <= 0")
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
        .output("ddata", "shape and dtype of dout")
        .infer(infer)
        .cpu(backward_kernel<false>);

const int registered_log_softmax_backward =
    line_attrs(OpBuilder<SoftmaxAttrs>(Op::add("log_softmax_backward", __FILE__, __LINE__)))
        .doc("Gradient of log_softmax from its output.")
        .input("dout", "gradient of the output")
        .input("output", "output of log_softmax")
        .output("ddata", "shape and dtype of dout")
        .infer(infer)
        .cpu(backward_kernel<true>);

}  // namespace
}  // namespace plait::op
