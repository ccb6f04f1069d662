#include <cmath>

#include "kernels/parallel.h"
#include "kernels/simd.h"
#include "op/op.h"

namespace plait::op {
namespace {

struct BatchNormAttrs {
  double eps, momentum;
  bool fix_gamma, use_global_stats, output_mean_var;
  int64_t axis;
};

// Data as (outer, channels, inner).
struct Layout {
  int64_t outer = 1, channels = 1, inner = 1;
  Layout(const Dims& shape, int64_t axis) {
    const auto at = static_cast<size_t>(normalize_axis(axis, static_cast<int64_t>(shape.size())));
    for (size_t i = 0; i < shape.size(); ++i)
      (i < at ? outer : i == at ? channels : inner) *= shape[i];
  }
  // f(first element, elements) for each stretch of channel c.
  template <class F>
  void each(int64_t c, const F& f) const {
    for (int64_t o = 0; o < outer; ++o) f((o * channels + c) * inner);
  }
  int64_t count() const { return outer * inner; }
};

Specs infer(const BatchNormAttrs& a, const Specs& in) {
  check(in[0].dtype == DType::kFloat32 || in[0].dtype == DType::kFloat64, ErrorKind::kType,
        "data has dtype ", in[0].dtype, ", must be float32 or float64");
  check(a.eps > 0, ErrorKind::kInvalidArgument, "eps is ", a.eps, ", must be > 0");
  const Dims channel{Layout(in[0].shape, a.axis).channels};
  const char* names[] = {"data", "gamma", "beta", "moving_mean", "moving_var"};
  for (size_t i = 1; i < 5; ++i) {
    check(in[i].shape == channel, ErrorKind::kShape, names[i], " has shape ", in[i].shape,
          ", must be ", channel, " for data of shape ", in[0].shape);
    check(in[i].dtype == in[0].dtype, ErrorKind::kType, names[i], " has dtype ", in[i].dtype,
          ", must be ", in[0].dtype, " as data");
  }
  const Spec statistics{channel, in[0].dtype};
  return {in[0], statistics, statistics};
}

void complete(const BatchNormAttrs& a, std::vector<Dims>& in, std::vector<bool>& known) {
  if (!known[0]) return;
  for (size_t i = 1; i < in.size(); ++i) {
    if (!known[i]) in[i] = {Layout(in[0], a.axis).channels};
    known[i] = true;
  }
}

template <class T>
struct Moments {
  T mean = 0, variance = 0;
};

// Two passes: the variance of large means would cancel in one.
template <class T>
Moments<T> moments(const Layout& l, const T* x, int64_t c) {
  const double n = static_cast<double>(l.count());
  double sum = 0, squares = 0;
  l.each(c, [&](int64_t at) {
    T parts[16] = {};
    int64_t i = 0;
    for (; i + 16 <= l.inner; i += 16) {
      for (int64_t j = 0; j < 16; ++j) parts[j] += x[at + i + j];
    }
    for (; i < l.inner; ++i) sum += x[at + i];
    for (T p : parts) sum += p;
  });
  const T mean = static_cast<T>(sum / n);
  l.each(c, [&](int64_t at) {
    T parts[16] = {};
    int64_t i = 0;
    for (; i + 16 <= l.inner; i += 16) {
      for (int64_t j = 0; j < 16; ++j) parts[j] += (x[at + i + j] - mean) * (x[at + i + j] - mean);
    }
    for (; i < l.inner; ++i) squares += (x[at + i] - mean) * (x[at + i] - mean);
    for (T p : parts) squares += p;
  });
  return {mean, static_cast<T>(squares / n)};
}

template <class T>
void normalise(const BatchNormAttrs& a, const KernelArgs& k) {
  const Layout l(*k.in[0].shape, a.axis);
  const T *x = k.in[0].ptr<T>(), *gamma = k.in[1].ptr<T>(), *beta = k.in[2].ptr<T>();
  T *moving_mean = k.in[3].ptr<T>(), *moving_var = k.in[4].ptr<T>();
  T *y = k.out[0].ptr<T>(), *out_mean = k.out[1].ptr<T>(), *out_var = k.out[2].ptr<T>();
  const bool own = k.is_train && !a.use_global_stats;
  const T momentum = static_cast<T>(a.momentum);
  kernels::parallel_for(
      k.threads, l.channels,
      std::max<int64_t>(1, kernels::kGrain / std::max<int64_t>(l.count(), 1)),
      [&](int64_t begin, int64_t end) {
        for (int64_t c = begin; c < end; ++c) {
          const Moments<T> m =
              own && l.count() ? moments(l, x, c) : Moments<T>{moving_mean[c], moving_var[c]};
          if (own) {
            moving_mean[c] = momentum * moving_mean[c] + (1 - momentum) * m.mean;
            moving_var[c] = momentum * moving_var[c] + (1 - momentum) * m.variance;
          }
          out_mean[c] = m.mean;
          out_var[c] = m.variance;
          const T scale =
              (a.fix_gamma ? T(1) : gamma[c]) / std::sqrt(m.variance + static_cast<T>(a.eps));
          const T shift = beta[c] - m.mean * scale;
          l.each(c, [&](int64_t at) {
            const T* xs = x + at;
            T* ys = y + at;
            kernels::vector_loop(l.inner, [=](int64_t i) { ys[i] = xs[i] * scale + shift; });
          });
        }
      });
}

void kernel(const BatchNormAttrs& a, const KernelArgs& k) {
  if (k.in[0].dtype == DType::kFloat64)
    normalise<double>(a, k);
  else
    normalise<float>(a, k);
}

Values backward(const BatchNormAttrs& a, const GradArgs& g) {
  static const OpCall kFused("batch_norm_backward",
                             {"eps", "fix_gamma", "use_global_stats", "axis"});
  const Value in[] = {g.dout(), g.in(0), g.in(1), g.out(1), g.out(2)};
  const AttrValue attrs[] = {a.eps, a.fix_gamma, a.use_global_stats, a.axis};
  const Values d = kFused.all(in, attrs);
  Values result(5);
  for (size_t i = 0; i < 3; ++i) result[i] = d[i];
  return result;
}

Specs infer_backward(const BatchNormAttrs&, const Specs& in) { return {in[1], in[2], in[2]}; }

// With s = gamma / sqrt(var + eps) and h = (x - mean) / sqrt(var + eps):
// dgamma = sum(dy h), dbeta = sum(dy), dx = s (dy - mean(dy) - h mean(dy h)), or s dy when the
// statistics were given (Ioffe, Szegedy 2015).
template <class T>
void differentiate(const BatchNormAttrs& a, const KernelArgs& k) {
  const Layout l(*k.in[1].shape, a.axis);
  const T *dy = k.in[0].ptr<T>(), *x = k.in[1].ptr<T>(), *gamma = k.in[2].ptr<T>();
  const T *mean = k.in[3].ptr<T>(), *var = k.in[4].ptr<T>();
  T *dx = k.out[0].ptr<T>(), *dgamma = k.out[1].ptr<T>(), *dbeta = k.out[2].ptr<T>();
  const bool own = k.is_train && !a.use_global_stats;
  kernels::parallel_for(
      k.threads, l.channels,
      std::max<int64_t>(1, kernels::kGrain / std::max<int64_t>(l.count(), 1)),
      [&](int64_t begin, int64_t end) {
        for (int64_t c = begin; c < end; ++c) {
          const T inv = T(1) / std::sqrt(var[c] + static_cast<T>(a.eps)), mu = mean[c];
          double sum = 0, product = 0;
          l.each(c, [&](int64_t at) {
            T s[8] = {}, p[8] = {};
            int64_t i = 0;
            for (; i + 8 <= l.inner; i += 8) {
              for (int64_t j = 0; j < 8; ++j) {
                s[j] += dy[at + i + j];
                p[j] += dy[at + i + j] * (x[at + i + j] - mu);
              }
            }
            for (; i < l.inner; ++i) {
              sum += dy[at + i];
              product += dy[at + i] * (x[at + i] - mu);
            }
            for (int64_t j = 0; j < 8; ++j) {
              sum += s[j];
              product += p[j];
            }
          });
          dbeta[c] = static_cast<T>(sum);
          dgamma[c] = a.fix_gamma ? T(0) : static_cast<T>(product) * inv;
          const T scale = (a.fix_gamma ? T(1) : gamma[c]) * inv, n = static_cast<T>(l.count());
          const T mean_dy = own ? static_cast<T>(sum) / n : T(0);
          const T slope = own ? static_cast<T>(product) * inv * inv / n : T(0);
          l.each(c, [&](int64_t at) {
            const T *dys = dy + at, *xs = x + at;
            T* dxs = dx + at;
            kernels::vector_loop(l.inner, [=](int64_t i) {
              dxs[i] = scale * (dys[i] - mean_dy - (xs[i] - mu) * slope);
            });
          });
        }
      });
}

void backward_kernel(const BatchNormAttrs& a, const KernelArgs& k) {
  if (k.in[1].dtype == DType::kFloat64)
    differentiate<double>(a, k);
  else
    differentiate<float>(a, k);
}

Values refuse(const BatchNormAttrs&, const GradArgs&) {
  fail(ErrorKind::kNotImplemented, "batch_norm: second gradients are not implemented");
}

PLAIT_OP(batch_norm, BatchNormAttrs)
    .doc("Scales each channel to mean beta and standard deviation gamma over the batch.")
    .source("Ioffe, Szegedy, ICML (2015)")
    .input("data", "floating array with a channel axis")
    .input("gamma", "(channels,)")
    .input("beta", "(channels,)")
    .aux_input("moving_mean", "(channels,), running mean; updated in train mode")
    .aux_input("moving_var", "(channels,), running variance; updated in train mode")
    .output("output", "shape and dtype of data")
    .hidden_output("mean", "(channels,), mean used")
    .hidden_output("var", "(channels,), variance used")
    .attr("eps", &BatchNormAttrs::eps, 1e-3, "added to the variance, > 0")
    .attr("momentum", &BatchNormAttrs::momentum, 0.9,
          "share of the old value in the running statistics")
    .attr("fix_gamma", &BatchNormAttrs::fix_gamma, true, "take 1 for gamma")
    .attr("use_global_stats", &BatchNormAttrs::use_global_stats, false,
          "use the running statistics in train mode too")
    .attr("output_mean_var", &BatchNormAttrs::output_mean_var, false, "kept for MXNet's files")
    .attr("axis", &BatchNormAttrs::axis, 1, "axis of the channels")
    .on("nd", "BatchNorm")
    .on("sym", "BatchNorm")
    .on("npx", "batch_norm")
    .uses_train()
    .infer(infer)
    .complete(complete)
    .cpu(kernel)
    .grad(backward, saves_input(0) | saves_input(1) | saves_output(1) | saves_output(2));

PLAIT_OP(batch_norm_backward, BatchNormAttrs)
    .doc("Gradients of batch_norm with respect to data, gamma and beta.")
    .input("dout", "gradient of the output")
    .input("data", "as for batch_norm")
    .input("gamma", "(channels,)")
    .input("mean", "(channels,), as used")
    .input("var", "(channels,), as used")
    .output("ddata", "shape of data")
    .output("dgamma", "(channels,)")
    .output("dbeta", "(channels,)")
    .attr("eps", &BatchNormAttrs::eps, 1e-3, "as for batch_norm")
    .attr("fix_gamma", &BatchNormAttrs::fix_gamma, true, "as for batch_norm")
    .attr("use_global_stats", &BatchNormAttrs::use_global_stats, false, "as for batch_norm")
    .attr("axis", &BatchNormAttrs::axis, 1, "as for batch_norm")
    .uses_train()
    .infer(infer_backward)
    .cpu(backward_kernel)
    .grad(refuse, saves_nothing());

}  // namespace
}  // namespace plait::op
