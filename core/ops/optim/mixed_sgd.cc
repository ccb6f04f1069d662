#include "ops/optim/multi.h"

// Gradient descent for weights of 16 bits that have a float32 master.
namespace plait::op {
namespace {

struct MixedSgd : MultiStep {
  static constexpr size_t kStates = 0;

  template <class A>
  static void attrs(OpBuilder<A>&) {}
  template <class T>
  void run(const Piece<T>& p) const {
    const Clipped<T> clipped(*this);
    const T lr = T(lrs[p.index]), wd = T(wds[p.index]);
    each(p, [w = p.weight, g = p.grad, out = p.out, clipped, lr, wd](int64_t i) {
      out[i] = w[i] - lr * (clipped(g[i]) + wd * w[i]);
    });
  }
};

struct MixedMomentum : MultiStep {
  static constexpr size_t kStates = 1;
  double momentum;

  template <class A>
  static void attrs(OpBuilder<A>& b) {
    b.attr("momentum", of<A>(&MixedMomentum::momentum), 0.0, "share of the last step");
  }
  template <class T>
  void run(const Piece<T>& p) const {
    const Clipped<T> clipped(*this);
    const T lr = T(lrs[p.index]), wd = T(wds[p.index]), mu = T(momentum);
    each(p,
         [w = p.weight, g = p.grad, out = p.out, m = p.state[0], clipped, lr, wd, mu](int64_t i) {
           m[i] = mu * m[i] - lr * (clipped(g[i]) + wd * w[i]);
           out[i] = w[i] + m[i];
         });
  }
};

template <class Rule>
int add(const char* name, const char* doc, int line) {
  OpBuilder<Rule> b(Op::add(name, __FILE__, line));
  declare_multi(b, name, doc, "Micikevicius and others, ICLR (2018)", true);
  b.infer(infer_multi_step<Rule>).cpu(multi_step_kernel<Rule>);
  return b;
}

const int registered_plain =
    add<MixedSgd>("multi_mp_sgd_update",
                  "sgd_update for many weights of 16 bits with float32 masters.", __LINE__);
const int registered_momentum = add<MixedMomentum>(
    "multi_mp_sgd_mom_update", "sgd_mom_update for many weights of 16 bits with float32 masters.",
    __LINE__);

}  // namespace
}  // namespace plait::op
