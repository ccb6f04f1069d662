#include "ops/optim/from_arrays.h"
#include "ops/optim/row_step.h"

namespace plait::op {
namespace {

struct SgdMom : MultiStep {
  static constexpr size_t kStates = 1;
  static constexpr const char* kStateNames[] = {"mom"};
  double momentum;
  bool lazy_update;

  template <class A>
  static void attrs(OpBuilder<A>& b) {
    b.attr("momentum", of<A>(&SgdMom::momentum), 0.0, "share of the last step");
  }
  template <class A>
  static void lazy(OpBuilder<A>& b) {
    lazy_attr(b, of<A>(&SgdMom::lazy_update));
  }
  template <class T>
  void run(const Piece<T>& p) const {
    const Clipped<T> clipped(*this);
    const T lr = T(lrs[p.index]), wd = T(wds[p.index]), mu = T(momentum);
    each(p, [w = p.weight, g = p.grad, out = p.out, m = p.state[0], clipped, lr, wd,
             mu] PLAIT_EACH(int64_t i) {
      m[i] = mu * m[i] - lr * (clipped(g[i]) + wd * w[i]);
      out[i] = w[i] + m[i];
    });
  }
};

constexpr const char* kSource = "Polyak, USSR Comp. Math. 4 (1964)";
PLAIT_SINGLE_STEP(SgdMom, "sgd_mom_update",
                  "mom = momentum mom - lr (grad + wd weight); weight + mom.", kSource);
PLAIT_MULTI_STEP(SgdMom, "multi_sgd_mom_update", "sgd_mom_update for many weights in one call.",
                 kSource);
PLAIT_MIXED_STEP(SgdMom, "multi_mp_sgd_mom_update",
                 "sgd_mom_update for many weights of 16 bits with float32 masters.",
                 "Micikevicius and others, ICLR (2018)");
PLAIT_SINGLE_MIXED_STEP(SgdMom, "mp_sgd_mom_update",
                        "sgd_mom_update for a weight of 16 bits with a float32 master.",
                        "Micikevicius and others, ICLR (2018)");
PLAIT_PRELOADED_STEP(SgdMom, "preloaded_multi_sgd_mom_update",
                     "multi_sgd_mom_update with rates and decays from arrays.", kSource);
PLAIT_PRELOADED_MIXED_STEP(SgdMom, "preloaded_multi_mp_sgd_mom_update",
                           "multi_mp_sgd_mom_update with rates and decays from arrays.", kSource);
PLAIT_ROW_STEP(SgdMom, "sgd_mom_row_update",
               "sgd_mom_update of some rows of a weight and its momentum; the others stay.",
               kSource);

}  // namespace
}  // namespace plait::op
