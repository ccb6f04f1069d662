#include "ops/optim/moments.h"

namespace plait::op {
namespace {

struct AdaBelief : Moments {
  template <class T>
  void run(const Piece<T>& p) const {
    const Clipped<T> clipped(*this);
    const T lr = T(lrs[p.index]), wd = T(wds[p.index]);
    const T b1 = T(beta1), b2 = T(beta2), eps = T(epsilon);
    each(p, [w = p.weight, g = p.grad, out = p.out, m = p.state[0], v = p.state[1], clipped, lr, wd,
             b1, b2, eps] PLAIT_EACH(int64_t i) {
      const T grad = clipped(g[i]) + wd * w[i];
      m[i] = b1 * m[i] + (T(1) - b1) * grad;
      v[i] = b2 * v[i] + (T(1) - b2) * (grad - m[i]) * (grad - m[i]) + eps;
      out[i] = w[i] - lr * m[i] / (std::sqrt(v[i]) + eps);
    });
  }
};

PLAIT_MULTI_STEP(AdaBelief, "multi_adabelief_update",
                 "Adam with the mean square of what the mean did not foresee.",
                 "Zhuang and others, NeurIPS (2020)");

}  // namespace
}  // namespace plait::op
