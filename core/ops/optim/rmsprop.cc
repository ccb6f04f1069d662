#include <cmath>

#include "ops/optim/multi.h"

namespace plait::op {
namespace {

template <class T>
PLAIT_FN T limited(T w, T bound) {
  return bound > T(0) ? (w > bound ? bound : w < -bound ? -bound : w) : w;
}

struct RmsProp : MultiStep {
  static constexpr size_t kStates = 1;
  static constexpr const char* kStateNames[] = {"n"};
  double gamma1, epsilon, clip_weights;

  template <class A>
  static void attrs(OpBuilder<A>& b) {
    b.attr("gamma1", of<A>(&RmsProp::gamma1), 0.95, "decay of the mean square")
        .attr("epsilon", of<A>(&RmsProp::epsilon), 1e-8, "added under the root")
        .attr("clip_weights", of<A>(&RmsProp::clip_weights), -1.0,
              "largest absolute value of a weight; <= 0: none");
  }
  template <class T>
  void run(const Piece<T>& p) const {
    const Clipped<T> clipped(*this);
    const T lr = T(lrs[p.index]), wd = T(wds[p.index]);
    const T g1 = T(gamma1), eps = T(epsilon), bound = T(clip_weights);
    each(p, [w = p.weight, g = p.grad, out = p.out, n = p.state[0], clipped, lr, wd, g1, eps,
             bound] PLAIT_EACH(int64_t i) {
      const T grad = clipped.limit(g[i] * clipped.rescale + wd * w[i]);
      n[i] = g1 * n[i] + (T(1) - g1) * grad * grad;
      out[i] = limited(w[i] - lr * grad / std::sqrt(n[i] + eps), bound);
    });
  }
};

struct RmsPropAlex : MultiStep {
  static constexpr size_t kStates = 3;
  static constexpr const char* kStateNames[] = {"n", "g", "delta"};
  double gamma1, gamma2, epsilon, clip_weights;

  template <class A>
  static void attrs(OpBuilder<A>& b) {
    b.attr("gamma1", of<A>(&RmsPropAlex::gamma1), 0.95, "decay of the means")
        .attr("gamma2", of<A>(&RmsPropAlex::gamma2), 0.9, "share of the last step")
        .attr("epsilon", of<A>(&RmsPropAlex::epsilon), 1e-8, "added under the root")
        .attr("clip_weights", of<A>(&RmsPropAlex::clip_weights), -1.0,
              "largest absolute value of a weight; <= 0: none");
  }
  template <class T>
  void run(const Piece<T>& p) const {
    const Clipped<T> clipped(*this);
    const T lr = T(lrs[p.index]), wd = T(wds[p.index]);
    const T g1 = T(gamma1), g2 = T(gamma2), eps = T(epsilon), bound = T(clip_weights);
    each(p, [w = p.weight, g = p.grad, out = p.out, s = p.state, clipped, lr, wd, g1, g2, eps,
             bound] PLAIT_EACH(int64_t i) {
      T *n = s[0], *mean = s[1], *delta = s[2];
      const T grad = clipped.limit(g[i] * clipped.rescale + wd * w[i]);
      n[i] = g1 * n[i] + (T(1) - g1) * grad * grad;
      mean[i] = g1 * mean[i] + (T(1) - g1) * grad;
      delta[i] = g2 * delta[i] - lr * grad / std::sqrt(n[i] - mean[i] * mean[i] + eps);
      out[i] = limited(w[i] + delta[i], bound);
    });
  }
};

constexpr const char* kDoc = "Gradients divided by the root of their mean square n.";
constexpr const char* kSource = "Tieleman, Hinton: lecture 6.5 (2012)";
PLAIT_MULTI_STEP(RmsProp, "multi_rmsprop_update", kDoc, kSource);
PLAIT_SINGLE_STEP(RmsProp, "rmsprop_update", kDoc, kSource);
constexpr const char* kAlexDoc =
    "Gradients divided by the root of their variance, with momentum delta.";
constexpr const char* kAlexSource = "Graves: Generating sequences (2013), eq. 38-45";
PLAIT_MULTI_STEP(RmsPropAlex, "multi_rmspropalex_update", kAlexDoc, kAlexSource);
PLAIT_SINGLE_STEP(RmsPropAlex, "rmspropalex_update", kAlexDoc, kAlexSource);

}  // namespace
}  // namespace plait::op
