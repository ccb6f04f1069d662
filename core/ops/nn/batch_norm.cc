#include <cmath>
#include <vector>

#include "kernels/convert.h"
#include "kernels/copy.h"
#include "kernels/parallel.h"
#include "kernels/simd.h"
#include "kernels/sum.h"
#include "op/op.h"
#include "ops/expect.h"
#include "ops/nn/batch_norm.h"
#include "ops/nn/channel_blocks.h"

namespace plait::op {
namespace {

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
  check(is_floating(in[0].dtype), ErrorKind::kType, "data has dtype ", in[0].dtype,
        ", must be floating");
  const DType wide = kernels::compute_type(in[0].dtype);  // float32 for float16, as in MXNet
  check(a.eps > 0, ErrorKind::kInvalidArgument, "eps is ", a.eps, ", must be > 0");
  const Dims channel{Layout(in[0].shape, a.axis).channels};
  const char* names[] = {"data", "gamma", "beta", "moving_mean", "moving_var"};
  for (size_t i = 1; i < 5; ++i) {
    check(in[i].shape == channel, ErrorKind::kShape, names[i], " has shape ", in[i].shape,
          ", must be ", channel, " for data of shape ", in[0].shape);
    check(in[i].dtype == wide, ErrorKind::kType, names[i], " has dtype ", in[i].dtype, ", must be ",
          wide, " for data of dtype ", in[0].dtype);
  }
  const Spec statistics{channel, wide};
  return {in[0], statistics, statistics};
}

void complete(const BatchNormAttrs& a, std::vector<Dims>& in, std::vector<bool>& known) {
  if (!known[0]) return;
  for (size_t i = 1; i < in.size(); ++i) {
    if (!known[i]) in[i] = {Layout(in[0], a.axis).channels};
    known[i] = true;
  }
}

// Data as T: the memory itself, or for float16 and bfloat16 a converted copy that `store` writes
// back.
template <class T>
class Operand {
 public:
  Operand(const View& v, bool load) : view_(v) {
    if (v.dtype == dtype_of<T>()) return;
    copy_.resize(static_cast<size_t>(v.size()));
    if (load) kernels::convert(v.data, v.dtype, 1, copy_.data(), dtype_of<T>(), v.size());
  }
  T* data() { return view_.dtype == dtype_of<T>() ? view_.ptr<T>() : copy_.data(); }
  void store() {
    if (view_.dtype == dtype_of<T>()) return;
    kernels::convert(copy_.data(), dtype_of<T>(), 1, view_.data, view_.dtype, view_.size());
  }

 private:
  View view_;
  std::vector<T> copy_;
};

template <class T>
struct Moments {
  T mean = 0, variance = 0;
};

// Two passes: the variance of large means would cancel in one.
template <class T>
inline Moments<T> moments(const Layout& l, const T* x, int64_t c) {
  const double n = static_cast<double>(l.count());
  double sum = 0, squares = 0;
  l.each(c, [&](int64_t at) {
    sum += kernels::sum_of<T, double>(l.inner, [=](int64_t i) { return x[at + i]; });
  });
  const T mean = static_cast<T>(sum / n);
  l.each(c, [&](int64_t at) {
    squares += kernels::sum_of<T, double>(
        l.inner, [=](int64_t i) { return (x[at + i] - mean) * (x[at + i] - mean); });
  });
  return {mean, static_cast<T>(squares / n)};
}

// f(channel) for all channels, compiled for the best instruction set.
template <class F>
void each_channel(const Layout& l, int threads, const F& f) {
  const int64_t grain = std::max<int64_t>(1, kernels::kGrain / std::max<int64_t>(l.count(), 1));
  kernels::parallel_for(threads, l.channels, grain, [&](int64_t begin, int64_t end) {
    kernels::vector_call([&] {
      for (int64_t c = begin; c < end; ++c) f(c);
    });
  });
}

// The pointers of one call.
template <class T>
struct Forward {
  const T *x, *gamma, *beta;
  T *moving_mean, *moving_var, *y, *mean, *var;
  bool own;  // the statistics are those of the batch

  // Takes the moments of channel c into the running ones; y = x scale + shift.
  void finish(const BatchNormAttrs& a, int64_t c, const Moments<T>& m, T& scale, T& shift) const {
    const T momentum = static_cast<T>(a.momentum);
    if (own) {
      moving_mean[c] = momentum * moving_mean[c] + (1 - momentum) * m.mean;
      moving_var[c] = momentum * moving_var[c] + (1 - momentum) * m.variance;
    }
    mean[c] = m.mean;
    var[c] = m.variance;
    scale = (a.fix_gamma ? T(1) : gamma[c]) / std::sqrt(m.variance + static_cast<T>(a.eps));
    shift = beta[c] - m.mean * scale;
  }
};

// Channels are the last axis.
template <class T>
void normalise_last(const BatchNormAttrs& a, const Layout& l, const Forward<T>& f, int threads) {
  const ChannelBlocks blocks{l.outer, l.channels};
  blocks.each(threads, [&](int64_t c, auto n) {
    BlockOf<T> mean{}, variance{}, scale{}, shift{};
    const T *x = f.x, *mu = mean.data();
    if (f.own && l.count()) {
      BlockOf<double> sum;
      blocks.sum<T>(c, n, sum, [=](int64_t i, int64_t) { return x[i]; });
      for (int64_t j = 0; j < n; ++j) mean[j] = static_cast<T>(sum[j] / l.count());
      blocks.sum<T>(c, n, sum,
                    [=](int64_t i, int64_t j) { return (x[i] - mu[j]) * (x[i] - mu[j]); });
      for (int64_t j = 0; j < n; ++j) variance[j] = static_cast<T>(sum[j] / l.count());
    } else {
      std::copy_n(f.moving_mean + c, n, mean.data());
      std::copy_n(f.moving_var + c, n, variance.data());
    }
    for (int64_t j = 0; j < n; ++j) {
      f.finish(a, c + j, {mean[j], variance[j]}, scale[j], shift[j]);
    }
    const T *by = scale.data(), *plus = shift.data();
    T* y = f.y;
    blocks.all(c, n, [=](int64_t i, int64_t j) { y[i] = x[i] * by[j] + plus[j]; });
  });
}

template <class T>
void normalise(const BatchNormAttrs& a, const KernelArgs& k) {
  const Layout l(*k.in[0].shape, a.axis);
  Operand<T> data(k.in[0], true), result(k.out[0], false);
  const Forward<T> f{data.data(),       k.in[1].ptr<T>(),  k.in[2].ptr<T>(),
                     k.in[3].ptr<T>(),  k.in[4].ptr<T>(),  result.data(),
                     k.out[1].ptr<T>(), k.out[2].ptr<T>(), k.is_train && !a.use_global_stats};
  if (l.inner == 1) {
    normalise_last(a, l, f, k.threads);
  } else {
    each_channel(l, k.threads, [&](int64_t c) {
      const T* x = f.x;
      T *y = f.y, scale, shift;
      f.finish(
          a, c,
          f.own && l.count() ? moments(l, x, c) : Moments<T>{f.moving_mean[c], f.moving_var[c]},
          scale, shift);
      l.each(c, [&](int64_t at) {
        for (int64_t i = 0; i < l.inner; ++i) y[at + i] = x[at + i] * scale + shift;
      });
    });
  }
  result.store();
}

void kernel(const BatchNormAttrs& a, const KernelArgs& k) {
  if (k.in[0].dtype == DType::kFloat64)
    normalise<double>(a, k);
  else
    normalise<float>(a, k);
}

// (channels,) as an array that broadcasts against data.
Value per_channel(const BatchNormAttrs& a, const Value& v, const Dims& data) {
  Dims shape(data.size(), 1);
  const int64_t axis = normalize_axis(a.axis, static_cast<int64_t>(data.size()));
  shape[static_cast<size_t>(axis)] = data[static_cast<size_t>(axis)];
  return reshape_to(v, shape);
}

// The three gradients from operators, for higher orders. With s = gamma / sqrt(var + eps) and
// h = (x - mean) / sqrt(var + eps): dgamma = sum(dy h), dbeta = sum(dy) and
// dx = s (dy - own (mean(dy) + h mean(dy h))) (Ioffe, Szegedy 2015). `own` is 1 if the statistics
// are those of the batch, which then depend on x, and 0 if they were given.
Values differentiable(const BatchNormAttrs& a, const GradArgs& g) {
  static const OpCall kSum("sum", {"axis", "exclude"}), kMean("mean", {"axis", "exclude"}),
      kOwn("batch_norm_own_statistics", {"use_global_stats"}), kRoot("rsqrt");
  const Dims &shape = g.in_spec(0).shape, axis{a.axis};
  const DType wide = g.out_spec(1).dtype;
  const auto spread = [&](const Value& v) { return per_channel(a, v, shape); };
  const auto mean_of = [&](const Value& v) { return kMean({v}, {axis, true}); };
  const Value x = cast_to(g.in(0), wide), dy = cast_to(g.dout(), wide);
  const Value own = kOwn({g.out(1)}, {a.use_global_stats}), given = 1.0 - own;
  const Value mean = spread(own * mean_of(x) + given * g.out(1));
  const Value centred = x - mean;
  const Value var = own * mean_of(centred * centred) + given * g.out(2);
  const Value inverse = spread(kRoot({var + a.eps})), h = centred * inverse;
  const Value scale = a.fix_gamma ? inverse : inverse * spread(g.in(1));
  const Value back = spread(own * mean_of(dy)) + h * spread(own * mean_of(dy * h));
  const Value dgamma = kSum({dy * h}, {axis, true});
  return {cast_to(scale * (dy - back), g.in_spec(0).dtype), a.fix_gamma ? dgamma * 0.0 : dgamma,
          kSum({dy}, {axis, true}), Value{}, Value{}};
}

Values backward(const BatchNormAttrs& a, const GradArgs& g) {
  static const OpCall kFused("batch_norm_backward",
                             {"eps", "fix_gamma", "use_global_stats", "axis"});
  if (current_tracer().differentiable()) return differentiable(a, g);
  const Value in[] = {g.dout(), g.in(0), g.in(1), g.out(1), g.out(2)};
  const AttrValue attrs[] = {a.eps, a.fix_gamma, a.use_global_stats, a.axis};
  const Values d = kFused.all(in, attrs);
  Values result(5);
  for (size_t i = 0; i < 3; ++i) result[i] = d[i];
  return result;
}

Specs infer_backward(const BatchNormAttrs& a, const Specs& in) {
  const Specs forward = infer(a, {in[1], in[2], in[2], in[2], in[2]});
  ops::expect(in[0], forward[0], "dout");
  ops::expect(in[3], forward[1], "mean");
  ops::expect(in[4], forward[2], "var");
  return {in[1], in[2], in[2]};
}

// The formulas of `differentiable` in two passes over the data.
template <class T>
struct Backward {
  const T *dy, *x, *gamma, *mean, *var;
  T *dx, *dgamma, *dbeta;
  bool own;

  // From the sums of dy and dy (x - mean) of channel c; then
  // dx = scale (dy - mean_dy - (x - mean) slope).
  void finish(const BatchNormAttrs& a, int64_t c, int64_t count, double sum, double product,
              T& scale, T& mean_dy, T& slope) const {
    const T inv = T(1) / std::sqrt(var[c] + static_cast<T>(a.eps)), n = static_cast<T>(count);
    dbeta[c] = static_cast<T>(sum);
    dgamma[c] = a.fix_gamma ? T(0) : static_cast<T>(product) * inv;
    scale = (a.fix_gamma ? T(1) : gamma[c]) * inv;
    mean_dy = own ? static_cast<T>(sum) / n : T(0);
    slope = own ? static_cast<T>(product) * inv * inv / n : T(0);
  }
};

template <class T>
void differentiate_last(const BatchNormAttrs& a, const Layout& l, const Backward<T>& b,
                        int threads) {
  const ChannelBlocks blocks{l.outer, l.channels};
  blocks.each(threads, [&](int64_t c, auto n) {
    BlockOf<T> scale{}, mean_dy{}, slope{};
    BlockOf<double> sum, product;
    const T *dy = b.dy, *x = b.x, *mu = b.mean + c;
    blocks.sum<T>(c, n, sum, [=](int64_t i, int64_t) { return dy[i]; });
    blocks.sum<T>(c, n, product, [=](int64_t i, int64_t j) { return dy[i] * (x[i] - mu[j]); });
    for (int64_t j = 0; j < n; ++j) {
      b.finish(a, c + j, l.count(), sum[j], product[j], scale[j], mean_dy[j], slope[j]);
    }
    const T *by = scale.data(), *minus = mean_dy.data(), *slant = slope.data();
    T* dx = b.dx;
    blocks.all(c, n, [=](int64_t i, int64_t j) {
      dx[i] = by[j] * (dy[i] - minus[j] - (x[i] - mu[j]) * slant[j]);
    });
  });
}

template <class T>
void differentiate(const BatchNormAttrs& a, const KernelArgs& k) {
  const Layout l(*k.in[1].shape, a.axis);
  Operand<T> grad(k.in[0], true), data(k.in[1], true), result(k.out[0], false);
  const Backward<T> b{grad.data(),       data.data(),       k.in[2].ptr<T>(),
                      k.in[3].ptr<T>(),  k.in[4].ptr<T>(),  result.data(),
                      k.out[1].ptr<T>(), k.out[2].ptr<T>(), k.is_train && !a.use_global_stats};
  if (l.inner == 1) {
    differentiate_last(a, l, b, k.threads);
  } else {
    each_channel(l, k.threads, [&](int64_t c) {
      const T *dy = b.dy, *x = b.x, mu = b.mean[c];
      double sum = 0, product = 0;
      l.each(c, [&](int64_t at) {
        sum += kernels::sum_of<T, double>(l.inner, [=](int64_t i) { return dy[at + i]; });
        product += kernels::sum_of<T, double>(
            l.inner, [=](int64_t i) { return dy[at + i] * (x[at + i] - mu); });
      });
      T *dx = b.dx, scale, mean_dy, slope;
      b.finish(a, c, l.count(), sum, product, scale, mean_dy, slope);
      l.each(c, [&](int64_t at) {
        for (int64_t i = at; i < at + l.inner; ++i) {
          dx[i] = scale * (dy[i] - mean_dy - (x[i] - mu) * slope);
        }
      });
    });
  }
  result.store();
}

void backward_kernel(const BatchNormAttrs& a, const KernelArgs& k) {
  if (k.in[1].dtype == DType::kFloat64)
    differentiate<double>(a, k);
  else
    differentiate<float>(a, k);
}

void own_kernel(const BatchNormAttrs& a, const KernelArgs& k) {
  kernels::fill(k.out[0], k.is_train && !a.use_global_stats, k.threads);
}

const int registered =
    batch_norm_declaration(OpBuilder<BatchNormAttrs>(Op::add("batch_norm", __FILE__, __LINE__)),
                           "shape and dtype of data")
        .doc("Scales each channel to mean beta and standard deviation gamma over the batch.")
        .source("Ioffe, Szegedy, ICML (2015)")
        .on("nd sym", "BatchNorm")
        .on("nd sym", "BatchNorm_v1")
        .on("npx", "batch_norm")
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
    .inplace()
    .uses_train()
    .infer(infer_backward)
    .cpu(backward_kernel);

PLAIT_OP(batch_norm_own_statistics, BatchNormAttrs)
    .doc("1 if batch_norm takes the statistics of the batch, 0 if those given.")
    .input("like", "(channels,), any of the statistics; only its dtype counts")
    .output("own", "(1,), dtype of like")
    .attr("use_global_stats", &BatchNormAttrs::use_global_stats, false, "as for batch_norm")
    .uses_train()
    .infer(+[](const BatchNormAttrs&, const Specs& in) {
      return Spec{{1}, in[0].dtype};
    })
    .cpu(own_kernel);

}  // namespace
}  // namespace plait::op
