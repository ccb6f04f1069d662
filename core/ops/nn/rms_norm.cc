#include "ops/nn/row_norm.h"

namespace plait::ops {
namespace {

struct RmsNormAttrs {
  double eps;
};

RowNorm rows_of(const Dims& data) {
  RowNorm r;
  r.n = data.back();
  r.rows = 1;
  for (size_t i = 0; i + 1 < data.size(); ++i) r.rows *= data[i];
  return r;
}

Specs infer(const RmsNormAttrs& a, const Specs& in) {
  check(!in[0].shape.empty(), ErrorKind::kShape, "data has shape (), must have an axis");
  check(a.eps >= 0, ErrorKind::kInvalidArgument, "eps is ", a.eps, ", must be >= 0");
  check_scales(in, {in[0].shape.back()});
  Dims inverse = in[0].shape;
  inverse.back() = 1;
  return {in[0], {inverse, in[0].dtype}};
}

template <class T>
void forward(const RmsNormAttrs& a, const op::KernelArgs& k) {
  using A = acc_t<T>;
  const RowNorm r = rows_of(*k.in[0].shape);
  const T *x = k.in[0].ptr<T>(), *gamma = k.in[1].ptr<T>();
  T *y = k.out[0].ptr<T>(), *inverse = k.out[1].ptr<T>();
  kernels::parallel_for(k.threads, r.rows, r.grain(), [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const T* xs = x + row * r.n;
      T* ys = y + row * r.n;
      const double squares = line_sum<A>(
          r.n, [=](int64_t j) { return static_cast<A>(xs[j]) * static_cast<A>(xs[j]); });
      const A inv = static_cast<A>(
          1 / std::sqrt(squares / static_cast<double>(std::max<int64_t>(r.n, 1)) + a.eps));
      inverse[row] = static_cast<T>(inv);
      kernels::vector_loop(r.n, [=](int64_t j) {
        ys[j] = static_cast<T>(static_cast<A>(xs[j]) * inv * static_cast<A>(gamma[j]));
      });
    }
  });
}

// With h = x / rms and q = dy gamma: dx = (q - h mean(q h)) / rms, dgamma = sum(dy h).
Values backward(const RmsNormAttrs& a, const GradArgs& g) {
  static const OpCall kMean("mean", {"axis", "keepdims"}), kRsqrt("rsqrt");
  const auto mean = [&](const Value& v) { return kMean({v}, {Dims{-1}, true}); };
  const Value x = g.in(0), dy = g.dout();
  const Value inv =
      op::current_tracer().differentiable() ? kRsqrt({mean(x * x) + a.eps}) : g.out(1);
  const Value h = x * inv, q = dy * g.in(1);
  return {inv * (q - h * mean(q * h)), op::sum_to(dy * h, g.in_spec(1).shape)};
}

PLAIT_OP(rms_norm, RmsNormAttrs)
    .doc("Divides each line along the last axis by its root mean square, then scales it.")
    .source("Zhang, Sennrich: Root mean square layer normalization, NeurIPS (2019)")
    .input("data", "floating array (..., n)")
    .input("gamma", "(n,), factors")
    .output("output", "shape and dtype of data")
    .hidden_output("inverse", "1 / sqrt(mean square + eps), (..., 1)")
    .attr("eps", &RmsNormAttrs::eps, 1e-5, "added to the mean square, >= 0")
    .on("nd sym", "RMSNorm")
    .on("npx", "rms_norm")
    .infer(infer)
    .complete([](const RmsNormAttrs&, std::vector<Dims>& in, std::vector<bool>& known) {
      if (!known[0] || in[0].empty()) return;
      if (!known[1]) in[1] = {in[0].back()};
      known[1] = true;
    })
    .cpu([](const RmsNormAttrs& a, const op::KernelArgs& k) {
      dispatch_floating(k.in[0].dtype, [&]<class T>(T) { forward<T>(a, k); });
    })
    .grad(backward, op::saves_inputs() | op::saves_output(1));

}  // namespace
}  // namespace plait::ops
