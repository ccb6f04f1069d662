#include <cmath>

#include "ops/optim/multi.h"

namespace plait::op {
namespace {

struct AdaDelta : MultiStep {
  static constexpr size_t kStates = 2;
  static constexpr const char* kStateNames[] = {"acc_g", "acc_delta"};
  double rho, epsilon;

  template <class A>
  static void attrs(OpBuilder<A>& b) {
    b.attr("rho", of<A>(&AdaDelta::rho), 0.9, "decay of the mean squares")
        .attr("epsilon", of<A>(&AdaDelta::epsilon), 1e-5, "added under the roots");
  }
  template <class T>
  void run(const Piece<T>& p) const {
    const Clipped<T> clipped(*this);
    const T wd = T(wds[p.index]), r = T(rho), eps = T(epsilon);
    each(p, [w = p.weight, g = p.grad, out = p.out, a = p.state[0], d = p.state[1], clipped, wd, r,
             eps] PLAIT_EACH(int64_t i) {
      const T grad = clipped(g[i]);
      a[i] = r * a[i] + (T(1) - r) * grad * grad;
      const T step = std::sqrt(d[i] + eps) / std::sqrt(a[i] + eps) * grad;
      d[i] = r * d[i] + (T(1) - r) * step * step;
      out[i] = w[i] - (step + wd * w[i]);
    });
  }
};

PLAIT_MULTI_STEP(AdaDelta, "multi_adadelta_update",
                 "Steps in the ratio of the mean squares of earlier steps and of gradients; "
                 "learning rates are not used.",
                 "Zeiler (2012)");

}  // namespace
}  // namespace plait::op
