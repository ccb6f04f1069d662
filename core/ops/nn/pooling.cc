#include <array>
#include <limits>

#include "kernels/parallel.h"
#include "op/op.h"

namespace plait::op {
namespace {

struct PoolingAttrs {
  Dims kernel, stride, pad;
  std::string pool_type, pooling_convention;
  bool global_pool, count_include_pad;
  std::optional<std::string> layout;
};

using Axes = std::array<int64_t, 3>;

// A pooling window over up to three spatial axes; missing ones have size 1.
struct Window {
  int64_t planes = 0;
  Axes in{1, 1, 1}, out{1, 1, 1}, kernel{1, 1, 1}, stride{1, 1, 1}, pad{0, 0, 0};
  bool max = true, sum = false, include_pad = true;

  Window(const PoolingAttrs& a, const Dims& data) {
    const size_t n = a.global_pool ? data.size() - 2 : a.kernel.size();
    check(n >= 1 && n <= 3 && data.size() == n + 2, ErrorKind::kShape, "data has shape ", data,
          ", must have ", n + 2, " axes for kernel ", a.kernel);
    for (const auto& [name, d] : {std::pair{"stride", &a.stride}, {"pad", &a.pad}}) {
      check(a.global_pool || d->empty() || d->size() == n, ErrorKind::kInvalidArgument, name,
            " is ", *d, ", must have ", n, " sizes");
    }
    planes = data[0] * data[1];
    max = a.pool_type == "max";
    sum = a.pool_type == "sum";
    include_pad = a.count_include_pad;
    for (size_t i = 0, at = 3 - n; i < n; ++i, ++at) {
      in[at] = data[i + 2];
      if (a.global_pool) {
        kernel[at] = in[at];
        continue;
      }
      kernel[at] = a.kernel[i];
      stride[at] = a.stride.empty() ? 1 : a.stride[i];
      pad[at] = a.pad.empty() ? 0 : a.pad[i];
      check(kernel[at] > 0 && stride[at] > 0, ErrorKind::kInvalidArgument, "kernel is ", a.kernel,
            ", stride is ", a.stride, ", must be > 0");
      check(pad[at] >= 0 && pad[at] < kernel[at], ErrorKind::kInvalidArgument, "pad is ", a.pad,
            ", must be >= 0 and smaller than kernel ", a.kernel);
      const int64_t span = in[at] + 2 * pad[at] - kernel[at];
      check(span >= 0, ErrorKind::kShape, "kernel is ", a.kernel, ", must fit into data of shape ",
            data, " padded by ", a.pad);
      out[at] = size(a.pooling_convention, in[at], span, stride[at]);
    }
  }
  static int64_t size(const std::string& convention, int64_t in, int64_t span, int64_t stride) {
    if (convention == "same") return (in + stride - 1) / stride;
    return (convention == "full" ? (span + stride - 1) / stride : span / stride) + 1;
  }
  int64_t in_size() const { return in[0] * in[1] * in[2]; }
  int64_t out_size() const { return out[0] * out[1] * out[2]; }

  // visit(first, last of the window inside the data, elements of the mean) for output (a, b, c).
  template <class F>
  void at(int64_t a, int64_t b, int64_t c, const F& visit) const {
    Axes first{a * stride[0] - pad[0], b * stride[1] - pad[1], c * stride[2] - pad[2]}, last;
    int64_t whole = 1, inside = 1;
    for (size_t i = 0; i < 3; ++i) {
      last[i] = first[i] + kernel[i];
      whole *= std::min(last[i], in[i] + pad[i]) - first[i];
      first[i] = std::max<int64_t>(first[i], 0);
      last[i] = std::min(last[i], in[i]);
      inside *= std::max<int64_t>(last[i] - first[i], 0);
    }
    visit(first, last, std::max<int64_t>(include_pad ? whole : inside, 1));
  }
};

template <class F>
void each_output(const Window& w, const F& f) {
  int64_t p = 0;
  for (int64_t a = 0; a < w.out[0]; ++a)
    for (int64_t b = 0; b < w.out[1]; ++b)
      for (int64_t c = 0; c < w.out[2]; ++c) f(p++, a, b, c);
}

template <class F>
void each_input(const Window& w, const Axes& first, const Axes& last, const F& f) {
  for (int64_t a = first[0]; a < last[0]; ++a)
    for (int64_t b = first[1]; b < last[1]; ++b)
      for (int64_t c = first[2]; c < last[2]; ++c) f((a * w.in[1] + b) * w.in[2] + c);
}

template <class T>
void forward(const Window& w, const T* x, T* y, int threads) {
  kernels::parallel_for(threads, w.planes, 1, [&](int64_t begin, int64_t end) {
    for (int64_t n = begin; n < end; ++n) {
      const T* xs = x + n * w.in_size();
      T* ys = y + n * w.out_size();
      each_output(w, [&](int64_t p, int64_t a, int64_t b, int64_t c) {
        w.at(a, b, c, [&](const Axes& first, const Axes& last, int64_t count) {
          T best = -std::numeric_limits<T>::infinity(), sum = 0;
          if (w.max) {
            each_input(w, first, last,
                       [&](int64_t q) { best = xs[q] > best || xs[q] != xs[q] ? xs[q] : best; });
          } else {
            each_input(w, first, last, [&](int64_t q) { sum += xs[q]; });
          }
          ys[p] = w.max ? best : w.sum ? sum : sum / static_cast<T>(count);
        });
      });
    }
  });
}

// The gradient of a maximum goes to its first occurrence.
template <class T>
void spread(const Window& w, const T* dy, const T* x, T* dx, int threads) {
  kernels::parallel_for(threads, w.planes, 1, [&](int64_t begin, int64_t end) {
    std::fill(dx + begin * w.in_size(), dx + end * w.in_size(), T(0));
    for (int64_t n = begin; n < end; ++n) {
      const T *xs = x + n * w.in_size(), *dys = dy + n * w.out_size();
      T* dxs = dx + n * w.in_size();
      each_output(w, [&](int64_t p, int64_t a, int64_t b, int64_t c) {
        w.at(a, b, c, [&](const Axes& first, const Axes& last, int64_t count) {
          if (w.max) {
            int64_t best = -1;
            each_input(w, first, last,
                       [&](int64_t q) { best = best < 0 || xs[q] > xs[best] ? q : best; });
            if (best >= 0) dxs[best] += dys[p];
          } else {
            const T d = w.sum ? dys[p] : dys[p] / static_cast<T>(count);
            each_input(w, first, last, [&](int64_t q) { dxs[q] += d; });
          }
        });
      });
    }
  });
}

Spec infer(const PoolingAttrs& a, const Specs& in) {
  const Window w(a, in[0].shape);
  check(in[0].dtype == DType::kFloat32 || in[0].dtype == DType::kFloat64, ErrorKind::kType,
        "data has dtype ", in[0].dtype, ", must be float32 or float64");
  Dims out{in[0].shape[0], in[0].shape[1]};
  for (size_t i = 5 - in[0].shape.size(); i < 3; ++i) out.push_back(w.out[i]);
  return {out, in[0].dtype};
}

void kernel(const PoolingAttrs& a, const KernelArgs& k) {
  const Window w(a, *k.in[0].shape);
  dispatch_floating(k.in[0].dtype, [&]<class T>(T) {
    if constexpr (std::is_floating_point_v<T>)
      forward(w, k.in[0].ptr<T>(), k.out[0].ptr<T>(), k.threads);
  });
}

void backward_kernel(const PoolingAttrs& a, const KernelArgs& k) {
  const Window w(a, *k.in[1].shape);
  dispatch_floating(k.in[0].dtype, [&]<class T>(T) {
    if constexpr (std::is_floating_point_v<T>) {
      spread(w, k.in[0].ptr<T>(), k.in[1].ptr<T>(), k.out[0].ptr<T>(), k.threads);
    }
  });
}

Values backward(const PoolingAttrs& a, const GradArgs& g) {
  static const OpCall kSpread("pooling_backward",
                              {"kernel", "stride", "pad", "pool_type", "pooling_convention",
                               "global_pool", "count_include_pad"});
  return {kSpread({g.dout(), g.in(0)}, {a.kernel, a.stride, a.pad, a.pool_type,
                                        a.pooling_convention, a.global_pool, a.count_include_pad})};
}

// The mean is linear: the gradient of its gradient is the mean again.
Values backward_backward(const PoolingAttrs& a, const GradArgs& g) {
  static const OpCall kPool("pooling", {"kernel", "stride", "pad", "pool_type",
                                        "pooling_convention", "global_pool", "count_include_pad"});
  check(a.pool_type != "max", ErrorKind::kNotImplemented,
        "pooling: the second gradient of pool_type 'max'");
  return {kPool({g.dout()}, {a.kernel, a.stride, a.pad, a.pool_type, a.pooling_convention,
                             a.global_pool, a.count_include_pad}),
          Value{}};
}

template <class Builder>
Builder& window_attrs(Builder&& b) {
  return b
      .attr("kernel", &PoolingAttrs::kernel, Dims{},
            "sizes of the window; not needed with global_pool")
      .attr("pool_type", &PoolingAttrs::pool_type, "max", "what is computed of a window")
      .choices({"max", "avg", "sum"})
      .attr("global_pool", &PoolingAttrs::global_pool, false, "one window over everything")
      .attr("pooling_convention", &PoolingAttrs::pooling_convention, "valid",
            "valid: only whole windows; full: the last may stick out; same: size / stride, rounded "
            "up")
      .choices({"valid", "full", "same"})
      .attr("stride", &PoolingAttrs::stride, Dims{}, "steps of the window; default ones")
      .attr("pad", &PoolingAttrs::pad, Dims{}, "elements added at both ends; default none")
      .attr("count_include_pad", &PoolingAttrs::count_include_pad, true,
            "the mean counts padding as zeros");
}

const int registered_pooling =
    window_attrs(OpBuilder<PoolingAttrs>(Op::add("pooling", __FILE__, __LINE__)))
        .attr("layout", &PoolingAttrs::layout, std::nullopt, "NCW, NCHW or NCDHW")
        .doc("Maximum, mean or sum of a window that slides over 1 to 3 spatial axes.")
        .input("data", "(batch, channels, spatial...)")
        .output("output", "(batch, channels, spatial...)")
        .on("nd", "Pooling")
        .on("sym", "Pooling")
        .on("npx", "pooling")
        .infer(infer)
        .cpu(kernel)
        .grad(backward, saves_input(0));

const int registered_backward =
    window_attrs(OpBuilder<PoolingAttrs>(Op::add("pooling_backward", __FILE__, __LINE__)))
        .doc("Gradient of pooling with respect to data.")
        .input("dout", "gradient of the output")
        .input("data", "as for pooling")
        .output("ddata", "shape of data")
        .infer(+[](const PoolingAttrs&, const Specs& in) { return in[1]; })
        .cpu(backward_kernel)
        .grad(backward_backward, saves_nothing());

}  // namespace
}  // namespace plait::op
