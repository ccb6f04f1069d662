#include "ops/optim/layerwise.h"

namespace plait::op {
namespace {

// Momentum whose gradient is the mean of those of several calls. Pass 0 adds to their sum, pass 1
// makes the step.
struct Lbsgd : MultiStep {
  static constexpr size_t kStates = 2, kScratch = 0;
  static constexpr int kPasses = 2;
  static constexpr const char* kStateNames[] = {"mom", "sum"};
  std::vector<double> counts;
  double momentum;
  int64_t batch_scale;
  bool lars;

  template <class A>
  static void attrs(OpBuilder<A>& b) {
    b.required_attr("counts", of<A>(&Lbsgd::counts),
                    "calls for each weight so far, this one included")
        .attr("batch_scale", of<A>(&Lbsgd::batch_scale), 1, "calls that make one step, > 0")
        .attr("momentum", of<A>(&Lbsgd::momentum), 0.0, "share of the last step")
        .attr("lars", of<A>(&Lbsgd::lars), false,
              "whether rates are scaled by the norm of the weight over that of the gradient");
  }

  int64_t calls(size_t i) const { return static_cast<int64_t>(counts[i]); }
  bool begins(size_t i) const { return calls(i) % batch_scale == 1 % batch_scale; }
  bool ends(size_t i) const { return calls(i) % batch_scale == 0; }

  double rate(size_t i, const Sums& totals) const {
    if (!lars) return lrs[i];
    const double w2 = totals[0], g2 = totals[1] / (double(batch_scale) * double(batch_scale));
    return lrs[i] * std::clamp(std::sqrt(w2 / (g2 + wds[i] * w2 + 1e-18)), 0.01, 100.0);
  }

  template <class T>
  Sums run(int pass, const Block<T>& b) const {
    if (pass == 0) {
      const T keep = T(begins(b.index) ? 0 : 1);
      kernels::vector_loop(b.size, [g = b.grad, sum = b.state[1], keep](int64_t i) {
        sum[i] = keep * sum[i] + g[i];
      });
      if (!lars) return {};
      return {sum_of_squares(b.weight, b.size), sum_of_squares(b.state[1], b.size), 0, 0};
    }
    if (!ends(b.index)) {
      if (b.out != b.weight) std::copy_n(b.weight, b.size, b.out);
      return {};
    }
    const Clipped<T> clipped(*this);
    const T lr = T(rate(b.index, *b.totals)), wd = T(wds[b.index]), mu = T(momentum);
    const T scale = T(batch_scale);
    kernels::vector_loop(b.size, [w = b.weight, sum = b.state[1], out = b.out, m = b.state[0],
                                  clipped, lr, wd, mu, scale](int64_t i) {
      m[i] = mu * m[i] - lr * (clipped(sum[i] / scale) + wd * w[i]);
      out[i] = w[i] + m[i];
    });
    return {};
  }
};

Specs infer_lbsgd(const Lbsgd& a, const Specs& in) {
  check(a.counts.size() == static_cast<size_t>(a.num_weights), ErrorKind::kInvalidArgument,
        "counts has ", a.counts.size(), " numbers, must be ", a.num_weights);
  check(a.batch_scale > 0, ErrorKind::kInvalidArgument, "batch_scale is ", a.batch_scale,
        ", must be > 0");
  return infer_layerwise<Lbsgd>(a, in);
}

const int registered = [] {
  OpBuilder<Lbsgd> b(Op::add("multi_lbsgd_update", __FILE__, __LINE__));
  declare_multi(b, "multi_lbsgd_update",
                "Momentum with one step for batch_scale calls, along the mean of their gradients: "
                "as with batches so many times as large.",
                "You, Gitman, Ginsburg (2017)");
  b.infer(infer_lbsgd).cpu(layerwise_kernel<Lbsgd>);
  return static_cast<int>(b);
}();

}  // namespace
}  // namespace plait::op
