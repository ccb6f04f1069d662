#include "ops/optim/multi.h"

namespace plait::op {
namespace {

template <class T>
PLAIT_FN T sign(T x) {
  return T(x > T(0)) - T(x < T(0));
}

struct SignSgd : MultiStep {
  static constexpr size_t kStates = 0;
  static constexpr const char* kStateNames[] = {""};

  template <class A>
  static void attrs(OpBuilder<A>&) {}
  template <class T>
  void run(const Piece<T>& p) const {
    const T lr = T(lrs[p.index]), keep = T(1 - lrs[p.index] * wds[p.index]);
    each(p, [w = p.weight, g = p.grad, out = p.out, lr, keep] PLAIT_EACH(int64_t i) {
      out[i] = keep * w[i] - lr * sign(g[i]);
    });
  }
};

struct Signum : MultiStep {
  static constexpr size_t kStates = 1;
  static constexpr const char* kStateNames[] = {"mom"};
  double momentum, wd_lh;

  template <class A>
  static void attrs(OpBuilder<A>& b) {
    b.attr("momentum", of<A>(&Signum::momentum), 0.0, "share of the last step")
        .attr("wd_lh", of<A>(&Signum::wd_lh), 0.0, "weight decay apart from the momentum");
  }
  template <class T>
  void run(const Piece<T>& p) const {
    const Clipped<T> clipped(*this);
    const T lr = T(lrs[p.index]), wd = T(wds[p.index]), mu = T(momentum);
    const T keep = T(1 - lrs[p.index] * wd_lh);
    each(p, [w = p.weight, g = p.grad, out = p.out, m = p.state[0], clipped, lr, wd, mu,
             keep] PLAIT_EACH(int64_t i) {
      m[i] = mu * m[i] - (T(1) - mu) * (clipped(g[i]) + wd * w[i]);
      out[i] = keep * w[i] + lr * sign(m[i]);
    });
  }
};

constexpr const char* kSource = "Bernstein, Wang, Azizzadenesheli, Anandkumar, ICML (2018)";
constexpr const char* kSignDoc = "(1 - lr wd) weight - lr sign(grad).";
constexpr const char* kDoc =
    "mom = momentum mom - (1 - momentum) (grad + wd weight); "
    "(1 - lr wd_lh) weight + lr sign(mom).";
PLAIT_MULTI_STEP(SignSgd, "multi_signsgd_update", kSignDoc, kSource);
PLAIT_SINGLE_STEP(SignSgd, "signsgd_update", kSignDoc, kSource);
PLAIT_MULTI_STEP(Signum, "multi_signum_update", kDoc, kSource);
PLAIT_SINGLE_STEP(Signum, "signum_update", kDoc, kSource);

}  // namespace
}  // namespace plait::op
