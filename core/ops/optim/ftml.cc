#include <cmath>

#include "ops/optim/multi.h"

namespace plait::op {
namespace {

struct Ftml : MultiStep {
  static constexpr size_t kStates = 3;
  static constexpr const char* kStateNames[] = {"d", "v", "z"};
  double beta1, beta2, epsilon;
  std::vector<double> t;

  template <class A>
  static void attrs(OpBuilder<A>& b) {
    b.required_attr("t", of<A>(&Ftml::t), "number of this step, from 1, for each weight or for all")
        .attr("beta1", of<A>(&Ftml::beta1), 0.6, "decay of the gradients")
        .attr("beta2", of<A>(&Ftml::beta2), 0.999, "decay of the mean square")
        .attr("epsilon", of<A>(&Ftml::epsilon), 1e-8, "added to the root");
  }
  void check_arrays(const Spec* in, size_t stride, size_t index, bool one) const {
    check(t.size() == 1 || t.size() == static_cast<size_t>(num_weights),
          ErrorKind::kInvalidArgument, "t has ", t.size(), " numbers, must be 1 or ", num_weights);
    check_weight(*this, in, stride, index, one);
  }
  template <class T>
  void run(const Piece<T>& p) const {
    const Clipped<T> clipped(*this);
    const double count = t[t.size() > 1 ? p.index : 0];
    const T b1 = T(beta1), b2 = T(beta2), eps = T(epsilon), wd = T(wds[p.index]);
    const T scale = T((1 - std::pow(beta1, count)) / lrs[p.index]);
    const T correct = T(1 / (1 - std::pow(beta2, count)));
    each(p, [w = p.weight, g = p.grad, out = p.out, s = p.state, clipped, b1, b2, eps, wd, scale,
             correct] PLAIT_EACH(int64_t i) {
      T *d = s[0], *v = s[1], *z = s[2];
      const T grad = clipped.limit(g[i] * clipped.rescale + wd * w[i]);
      v[i] = b2 * v[i] + (T(1) - b2) * grad * grad;
      const T next = scale * (std::sqrt(v[i] * correct) + eps);
      z[i] = b1 * z[i] + (T(1) - b1) * grad - (next - b1 * d[i]) * w[i];
      d[i] = next;
      out[i] = -z[i] / next;
    });
  }
};

constexpr const char* kDoc = "One step of follow the moving leader.";
constexpr const char* kSource = "Zheng, Kwok, ICML (2017)";
PLAIT_MULTI_STEP(Ftml, "multi_ftml_update", kDoc, kSource);
const int registered_single =
    single_step<Ftml>("ftml_update", kDoc, kSource, __FILE__, __LINE__, "clip_grad");

}  // namespace
}  // namespace plait::op
