#include <cmath>

#include "ops/optim/multi.h"

// Adam and its relatives over a whole model. Learning rates come with the bias correction.
namespace plait::op {
namespace {

struct Moments : MultiStep {
  static constexpr size_t kStates = 2;
  static constexpr const char* kStateNames[] = {"mean", "var"};
  double beta1, beta2, epsilon;

  template <class A>
  static void attrs(OpBuilder<A>& b) {
    b.attr("beta1", of<A>(&Moments::beta1), 0.9, "decay of the mean")
        .attr("beta2", of<A>(&Moments::beta2), 0.999, "decay of the mean square")
        .attr("epsilon", of<A>(&Moments::epsilon), 1e-8, "added to the root");
  }
};

struct Adam : Moments {
  template <class T>
  void run(const Piece<T>& p) const {
    const Clipped<T> clipped(*this);
    const T lr = T(lrs[p.index]), wd = T(wds[p.index]);
    const T b1 = T(beta1), b2 = T(beta2), eps = T(epsilon);
    each(p, [w = p.weight, g = p.grad, out = p.out, m = p.state[0], v = p.state[1], clipped, lr, wd,
             b1, b2, eps](int64_t i) {
      const T grad = clipped.limit(g[i] * clipped.rescale + wd * w[i]);
      m[i] = b1 * m[i] + (T(1) - b1) * grad;
      v[i] = b2 * v[i] + (T(1) - b2) * grad * grad;
      out[i] = w[i] - lr * m[i] / (std::sqrt(v[i]) + eps);
    });
  }
};

struct AdamW : Moments {
  template <class T>
  void run(const Piece<T>& p) const {
    const Clipped<T> clipped(*this);
    const T lr = T(lrs[p.index]), keep = T(1 - wds[p.index]);
    const T b1 = T(beta1), b2 = T(beta2), eps = T(epsilon);
    each(p, [w = p.weight, g = p.grad, out = p.out, m = p.state[0], v = p.state[1], clipped, lr,
             keep, b1, b2, eps](int64_t i) {
      const T grad = clipped(g[i]);
      m[i] = b1 * m[i] + (T(1) - b1) * grad;
      v[i] = b2 * v[i] + (T(1) - b2) * grad * grad;
      out[i] = keep * w[i] - lr * m[i] / (std::sqrt(v[i]) + eps);
    });
  }
};

struct AdaBelief : Moments {
  template <class T>
  void run(const Piece<T>& p) const {
    const Clipped<T> clipped(*this);
    const T lr = T(lrs[p.index]), wd = T(wds[p.index]);
    const T b1 = T(beta1), b2 = T(beta2), eps = T(epsilon);
    each(p, [w = p.weight, g = p.grad, out = p.out, m = p.state[0], v = p.state[1], clipped, lr, wd,
             b1, b2, eps](int64_t i) {
      const T grad = clipped(g[i]) + wd * w[i];
      m[i] = b1 * m[i] + (T(1) - b1) * grad;
      v[i] = b2 * v[i] + (T(1) - b2) * (grad - m[i]) * (grad - m[i]) + eps;
      out[i] = w[i] - lr * m[i] / (std::sqrt(v[i]) + eps);
    });
  }
};

PLAIT_MULTI_STEP(Adam, "multi_adam_update", "adam_update for many weights in one call.",
                 "Kingma, Ba, ICLR (2015)");
PLAIT_MULTI_STEP(AdamW, "multi_adamw_update",
                 "Adam with weight decay apart from the gradient: each weight first loses the "
                 "share wds of itself.",
                 "Loshchilov, Hutter, ICLR (2019)");
PLAIT_MULTI_STEP(AdaBelief, "multi_adabelief_update",
                 "Adam with the mean square of what the mean did not foresee.",
                 "Zhuang and others, NeurIPS (2020)");

}  // namespace
}  // namespace plait::op
