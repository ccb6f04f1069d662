#include <cmath>

#include "ops/optim/multi.h"

namespace plait::op {
namespace {

struct Ftrl : MultiStep {
  static constexpr size_t kStates = 2;
  static constexpr const char* kStateNames[] = {"z", "n"};
  double lamda1, beta;

  template <class A>
  static void attrs(OpBuilder<A>& b) {
    b.attr("lamda1", of<A>(&Ftrl::lamda1), 0.01, "1-norm decay, no unit")
        .attr("beta", of<A>(&Ftrl::beta), 1.0, "added to the root of the summed squares");
  }
  template <class T>
  void run(const Piece<T>& p) const {
    const Clipped<T> clipped(*this);
    const T per_lr = T(1 / lrs[p.index]), wd = T(wds[p.index]), l1 = T(lamda1), b = T(beta);
    each(p, [w = p.weight, g = p.grad, out = p.out, z = p.state[0], n = p.state[1], clipped, per_lr,
             wd, l1, b] PLAIT_EACH(int64_t i) {
      const T grad = clipped(g[i]);
      const T before = std::sqrt(n[i]);
      n[i] += grad * grad;
      const T after = std::sqrt(n[i]);
      z[i] += grad - (after - before) * per_lr * w[i];
      const T excess = z[i] > T(0) ? z[i] - l1 : z[i] + l1;
      out[i] = std::abs(z[i]) <= l1 ? T(0) : -excess / ((b + after) * per_lr + wd);
    });
  }
};

constexpr const char* kDoc = "One step of follow the regularised leader, with sparse weights.";
constexpr const char* kSource = "McMahan and others, KDD (2013)";
PLAIT_MULTI_STEP(Ftrl, "multi_ftrl_update", kDoc, kSource);
PLAIT_SINGLE_STEP(Ftrl, "ftrl_update", kDoc, kSource);

}  // namespace
}  // namespace plait::op
