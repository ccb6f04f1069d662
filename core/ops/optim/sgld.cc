#include <cmath>

#include "kernels/random.h"
#include "ops/optim/multi.h"

namespace plait::op {
namespace {

struct Sgld : MultiStep {
  static constexpr size_t kStates = 0;
  static constexpr const char* kStateNames[] = {""};

  template <class A>
  static void attrs(OpBuilder<A>&) {}
  template <class T>
  void run(const Piece<T>& p) const {
    const Clipped<T> clipped(*this);
    const T half = T(lrs[p.index] / 2), wd = T(wds[p.index]);
    const double deviation = std::sqrt(lrs[p.index]);
    const kernels::Philox source(p.random.seed, p.random.offset);
    for (int64_t i = 0; i < p.size; ++i) {
      kernels::Draws draws(source, static_cast<uint64_t>(p.place + i));
      const T noise = static_cast<T>(deviation * draws.normal());
      p.out[i] = p.weight[i] - half * (clipped(p.grad[i]) + wd * p.weight[i]) + noise;
    }
  }
};

const int registered = [] {
  OpBuilder<Sgld> b(Op::add("multi_sgld_update", __FILE__, __LINE__));
  declare_multi(b, "multi_sgld_update",
                "weight - lr / 2 (grad + wd weight) + noise of variance lr: the weights become "
                "draws from their posterior.",
                "Welling, Teh, ICML (2011)");
  b.random().infer(infer_multi_step<Sgld>).cpu(multi_step_kernel<Sgld>);
  return static_cast<int>(b);
}();

}  // namespace
}  // namespace plait::op
