#include <cmath>

#include "ops/optim/multi.h"

namespace plait::op {
namespace {

struct AdaGrad : MultiStep {
  static constexpr size_t kStates = 1;
  static constexpr const char* kStateNames[] = {"history"};
  double epsilon;

  template <class A>
  static void attrs(OpBuilder<A>& b) {
    b.attr("epsilon", of<A>(&AdaGrad::epsilon), 1e-7, "added under the root");
  }
  template <class T>
  void run(const Piece<T>& p) const {
    const Clipped<T> clipped(*this);
    const T lr = T(lrs[p.index]), wd = T(wds[p.index]), eps = T(epsilon);
    each(p, [w = p.weight, g = p.grad, out = p.out, h = p.state[0], clipped, lr, wd,
             eps] PLAIT_EACH(int64_t i) {
      const T grad = clipped(g[i]);
      h[i] += grad * grad;
      out[i] = w[i] - lr * (grad / std::sqrt(h[i] + eps) + wd * w[i]);
    });
  }
};

constexpr const char* kDoc =
    "history += grad^2; weight - lr (grad / sqrt(history + epsilon) + wd weight).";
constexpr const char* kSource = "Duchi, Hazan, Singer, JMLR 12 (2011)";
PLAIT_MULTI_STEP(AdaGrad, "multi_adagrad_update", kDoc, kSource);
PLAIT_SINGLE_STEP(AdaGrad, "adagrad_update", kDoc, kSource);

}  // namespace
}  // namespace plait::op
