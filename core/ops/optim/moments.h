#pragma once

#include <cmath>

#include "ops/optim/multi.h"

// What Adam and its relatives share. Learning rates come with the bias correction.
namespace plait::op {

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

// Adam's step with the weight decay apart: the weight first loses the share wds of itself.
struct AdamW : Moments {
  template <class T>
  void run(const Piece<T>& p) const {
    const Clipped<T> clipped(*this);
    const T lr = T(lrs[p.index]), keep = T(1 - wds[p.index]);
    const T b1 = T(beta1), b2 = T(beta2), eps = T(epsilon);
    each(p, [w = p.weight, g = p.grad, out = p.out, m = p.state[0], v = p.state[1], clipped, lr,
             keep, b1, b2, eps] PLAIT_EACH(int64_t i) {
      const T grad = clipped(g[i]);
      m[i] = b1 * m[i] + (T(1) - b1) * grad;
      v[i] = b2 * v[i] + (T(1) - b2) * grad * grad;
      out[i] = keep * w[i] - lr * m[i] / (std::sqrt(v[i]) + eps);
    });
  }
};

}  // namespace plait::op
