#include "ops/optim/moments.h"

namespace plait::op {
namespace {

struct Adam : Moments {
  bool lazy_update;

  template <class A>
  static void lazy(OpBuilder<A>& b) {
    lazy_attr(b, of<A>(&Adam::lazy_update));
  }
  template <class T>
  void run(const Piece<T>& p) const {
    const Clipped<T> clipped(*this);
    const T lr = T(lrs[p.index]), wd = T(wds[p.index]);
    const T b1 = T(beta1), b2 = T(beta2), eps = T(epsilon);
    each(p, [w = p.weight, g = p.grad, out = p.out, m = p.state[0], v = p.state[1], clipped, lr, wd,
             b1, b2, eps] PLAIT_EACH(int64_t i) {
      const T grad = clipped.limit(g[i] * clipped.rescale + wd * w[i]);
      m[i] = b1 * m[i] + (T(1) - b1) * grad;
      v[i] = b2 * v[i] + (T(1) - b2) * grad * grad;
      out[i] = w[i] - lr * m[i] / (std::sqrt(v[i]) + eps);
    });
  }
};

constexpr const char* kSource = "Kingma, Ba, ICLR (2015)";
PLAIT_SINGLE_STEP(Adam, "adam_update",
                  "One step of Adam; the weight decay is clipped with the gradient.", kSource);
PLAIT_MULTI_STEP(Adam, "multi_adam_update", "adam_update for many weights in one call.", kSource);

}  // namespace
}  // namespace plait::op
