#include "ops/optim/layerwise.h"

namespace plait::op {
namespace {

struct Lars : MultiStep {
  static constexpr size_t kStates = 1, kScratch = 0;
  static constexpr int kPasses = 2;
  static constexpr const char* kStateNames[] = {"mom"};
  std::vector<double> etas;
  double momentum, epsilon;

  template <class A>
  static void attrs(OpBuilder<A>& b) {
    b.required_attr("etas", of<A>(&Lars::etas), "trust in each weight; 0: its rate is not scaled")
        .attr("momentum", of<A>(&Lars::momentum), 0.0, "share of the last step")
        .attr("epsilon", of<A>(&Lars::epsilon), 0.0, "added to the norms");
  }

  double rate(size_t i, const Sums& totals) const {
    const double w = std::sqrt(totals[0]), g = std::sqrt(totals[1]) * std::abs(rescale_grad);
    if (etas[i] == 0 || w == 0 || g == 0) return lrs[i];
    return lrs[i] * etas[i] * w / (g + wds[i] * w + epsilon);
  }

  template <class T>
  Sums run(int pass, const Block<T>& b) const {
    if (pass == 0) return {sum_of_squares(b.weight, b.size), sum_of_squares(b.grad, b.size), 0, 0};
    const Clipped<T> clipped(*this);
    const T lr = T(rate(b.index, *b.totals)), wd = T(wds[b.index]), mu = T(momentum);
    kernels::vector_loop(b.size, [w = b.weight, g = b.grad, out = b.out, m = b.state[0], clipped,
                                  lr, wd, mu](int64_t i) {
      m[i] = mu * m[i] - lr * (clipped(g[i]) + wd * w[i]);
      out[i] = w[i] + m[i];
    });
    return {};
  }
};

Specs infer_lars(const Lars& a, const Specs& in) {
  check(a.etas.size() == static_cast<size_t>(a.num_weights), ErrorKind::kInvalidArgument,
        "etas has ", a.etas.size(), " numbers, must be ", a.num_weights);
  return infer_layerwise<Lars>(a, in);
}

const int registered = [] {
  OpBuilder<Lars> b(Op::add("multi_lars_update", __FILE__, __LINE__));
  declare_multi(b, "multi_lars_update",
                "Momentum with the rate of each weight scaled by the ratio of its norm to that of "
                "its gradient.",
                "You, Gitman, Ginsburg (2017)");
  b.infer(infer_lars).cpu(layerwise_kernel<Lars>);
  return static_cast<int>(b);
}();

}  // namespace
}  // namespace plait::op
