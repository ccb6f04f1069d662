#include "ops/optim/from_arrays.h"
#include "ops/optim/row_step.h"

namespace plait::op {
namespace {

struct Sgd : MultiStep {
  static constexpr size_t kStates = 0;
  static constexpr const char* kStateNames[] = {""};
  bool lazy_update;

  template <class A>
  static void attrs(OpBuilder<A>&) {}
  template <class A>
  static void lazy(OpBuilder<A>& b) {
    lazy_attr(b, of<A>(&Sgd::lazy_update));
  }
  template <class T>
  void run(const Piece<T>& p) const {
    const Clipped<T> clipped(*this);
    const T lr = T(lrs[p.index]), wd = T(wds[p.index]);
    each(p, [w = p.weight, g = p.grad, out = p.out, clipped, lr, wd] PLAIT_EACH(int64_t i) {
      out[i] = w[i] - lr * (clipped(g[i]) + wd * w[i]);
    });
  }
};

constexpr const char* kSource = "Robbins, Monro, Ann. Math. Stat. 22 (1951)";
PLAIT_SINGLE_STEP(Sgd, "sgd_update", "weight - lr (grad + wd weight).", kSource);
PLAIT_MULTI_STEP(Sgd, "multi_sgd_update", "sgd_update for many weights in one call.", kSource);
PLAIT_MIXED_STEP(Sgd, "multi_mp_sgd_update",
                 "sgd_update for many weights of 16 bits with float32 masters.",
                 "Micikevicius and others, ICLR (2018)");
PLAIT_SINGLE_MIXED_STEP(Sgd, "mp_sgd_update", "sgd_update for a weight of 16 bits with a master.",
                        "Micikevicius and others, ICLR (2018)");
PLAIT_PRELOADED_STEP(Sgd, "preloaded_multi_sgd_update",
                     "multi_sgd_update with rates and decays from arrays.", kSource);
PLAIT_PRELOADED_MIXED_STEP(Sgd, "preloaded_multi_mp_sgd_update",
                           "multi_mp_sgd_update with rates and decays from arrays.", kSource);
PLAIT_ROW_STEP(Sgd, "sgd_row_update", "sgd_update of some rows of a weight; the others stay.",
               kSource);

}  // namespace
}  // namespace plait::op
