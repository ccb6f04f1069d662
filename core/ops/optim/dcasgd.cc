#include "ops/optim/multi.h"

namespace plait::op {
namespace {

struct Dcasgd : MultiStep {
  static constexpr size_t kStates = 2;
  static constexpr const char* kStateNames[] = {"mom", "previous"};
  double momentum, lamda;

  template <class A>
  static void attrs(OpBuilder<A>& b) {
    b.attr("momentum", of<A>(&Dcasgd::momentum), 0.0, "share of the last step")
        .attr("lamda", of<A>(&Dcasgd::lamda), 0.04, "strength of the compensation");
  }
  template <class T>
  void run(const Piece<T>& p) const {
    const Clipped<T> clipped(*this);
    const T lr = T(lrs[p.index]), wd = T(wds[p.index]), mu = T(momentum), la = T(lamda);
    each(p, [w = p.weight, g = p.grad, out = p.out, m = p.state[0], old = p.state[1], clipped, lr,
             wd, mu, la] PLAIT_EACH(int64_t i) {
      const T grad = clipped(g[i]), now = w[i];
      m[i] = mu * m[i] - lr * (grad + wd * now + la * grad * grad * (now - old[i]));
      old[i] = now;
      out[i] = now + m[i];
    });
  }
};

PLAIT_MULTI_STEP(Dcasgd, "multi_dcasgd_update",
                 "Gradient descent that makes up for gradients of older weights.",
                 "Zheng and others, ICML (2017)");

}  // namespace
}  // namespace plait::op
