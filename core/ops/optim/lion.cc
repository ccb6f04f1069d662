#include "ops/optim/multi.h"

namespace plait::op {
namespace {

struct Lion : MultiStep {
  static constexpr size_t kStates = 1;
  static constexpr const char* kStateNames[] = {"mom"};
  double beta1, beta2;

  template <class A>
  static void attrs(OpBuilder<A>& b) {
    b.attr("beta1", of<A>(&Lion::beta1), 0.9, "share of the mean in the step")
        .attr("beta2", of<A>(&Lion::beta2), 0.99, "decay of the mean");
  }
  template <class T>
  void run(const Piece<T>& p) const {
    const Clipped<T> clipped(*this);
    const T lr = T(lrs[p.index]), wd = T(wds[p.index]), b1 = T(beta1), b2 = T(beta2);
    each(p, [w = p.weight, g = p.grad, out = p.out, m = p.state[0], clipped, lr, wd, b1,
             b2] PLAIT_EACH(int64_t i) {
      const T grad = clipped(g[i]);
      const T u = b1 * m[i] + (T(1) - b1) * grad;
      m[i] = b2 * m[i] + (T(1) - b2) * grad;
      out[i] = w[i] - lr * (T(u > T(0)) - T(u < T(0)) + wd * w[i]);
    });
  }
};

PLAIT_MULTI_STEP(Lion, "multi_lion_update",
                 "weight - lr (sign(beta1 mom + (1 - beta1) grad) + wd weight), then "
                 "mom = beta2 mom + (1 - beta2) grad.",
                 "Chen and others, NeurIPS (2023)");

}  // namespace
}  // namespace plait::op
