#include "ops/optim/multi.h"

namespace plait::op {
namespace {

struct Nag : MultiStep {
  static constexpr size_t kStates = 1;
  static constexpr const char* kStateNames[] = {"mom"};
  double momentum;

  template <class A>
  static void attrs(OpBuilder<A>& b) {
    b.attr("momentum", of<A>(&Nag::momentum), 0.0, "share of the last step");
  }
  template <class T>
  void run(const Piece<T>& p) const {
    const Clipped<T> clipped(*this);
    const T lr = T(lrs[p.index]), wd = T(wds[p.index]), mu = T(momentum);
    each(p, [w = p.weight, g = p.grad, out = p.out, m = p.state[0], clipped, lr, wd,
             mu] PLAIT_EACH(int64_t i) {
      const T step = lr * (clipped(g[i]) + wd * w[i]);
      m[i] = mu * m[i] - step;
      out[i] = w[i] + mu * m[i] - step;
    });
  }
};

constexpr const char* kDoc =
    "Momentum with the gradient taken ahead: s = lr (grad + wd weight), mom = momentum mom - s, "
    "weight + momentum mom - s.";
constexpr const char* kSource = "Sutskever, Martens, Dahl, Hinton, ICML (2013)";
PLAIT_MULTI_STEP(Nag, "multi_nag_mom_update", kDoc, kSource);
PLAIT_SINGLE_STEP(Nag, "nag_mom_update", kDoc, kSource);
PLAIT_SINGLE_MIXED_STEP(Nag, "mp_nag_mom_update",
                        "nag_mom_update for a weight of 16 bits with a float32 master.", kSource);

}  // namespace
}  // namespace plait::op
