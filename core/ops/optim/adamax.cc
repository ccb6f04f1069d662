#include <algorithm>
#include <cmath>

#include "ops/optim/multi.h"

namespace plait::op {
namespace {

struct Adamax : MultiStep {
  static constexpr size_t kStates = 2;
  static constexpr const char* kStateNames[] = {"mean", "largest"};
  double beta1, beta2;

  template <class A>
  static void attrs(OpBuilder<A>& b) {
    b.attr("beta1", of<A>(&Adamax::beta1), 0.9, "decay of the mean")
        .attr("beta2", of<A>(&Adamax::beta2), 0.999, "decay of the largest value");
  }
  template <class T>
  void run(const Piece<T>& p) const {
    const Clipped<T> clipped(*this);
    const T lr = T(lrs[p.index]), wd = T(wds[p.index]), b1 = T(beta1), b2 = T(beta2);
    each(p, [w = p.weight, g = p.grad, out = p.out, m = p.state[0], u = p.state[1], clipped, lr, wd,
             b1, b2] PLAIT_EACH(int64_t i) {
      const T grad = clipped.limit(g[i] * clipped.rescale + wd * w[i]);
      m[i] = b1 * m[i] + (T(1) - b1) * grad;
      u[i] = std::max(b2 * u[i], std::abs(grad));
      // A weight that never had a gradient stays as it is.
      out[i] = u[i] > T(0) ? w[i] - lr * m[i] / u[i] : w[i];
    });
  }
};

PLAIT_MULTI_STEP(Adamax, "multi_adamax_update",
                 "Adam with the largest gradient in place of the mean square; learning rates come "
                 "with the bias correction.",
                 "Kingma, Ba, ICLR (2015), sec. 7.1");

}  // namespace
}  // namespace plait::op
