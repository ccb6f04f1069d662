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
             b1, b2](int64_t i) {
      const T grad = clipped.limit(g[i] * clipped.rescale + wd * w[i]);
      m[i] = b1 * m[i] + (T(1) - b1) * grad;
      u[i] = std::max(b2 * u[i], std::abs(grad));
      // A weight that never had a gradient stays as it is.
      out[i] = u[i] > T(0) ? w[i] - lr * m[i] / u[i] : w[i];
    });
  }
};

struct Nadam : MultiStep {
  static constexpr size_t kStates = 2;
  static constexpr const char* kStateNames[] = {"mean", "var"};
  double beta1, beta2, epsilon;
  std::vector<double> grad_factors, mean_factors, var_factors;

  template <class A>
  static void attrs(OpBuilder<A>& b) {
    b.required_attr("grad_factors", of<A>(&Nadam::grad_factors),
                    "share of the gradient in the step, for each weight")
        .required_attr("mean_factors", of<A>(&Nadam::mean_factors), "share of the mean")
        .required_attr("var_factors", of<A>(&Nadam::var_factors), "correction of the mean square")
        .attr("beta1", of<A>(&Nadam::beta1), 0.9, "decay of the mean")
        .attr("beta2", of<A>(&Nadam::beta2), 0.999, "decay of the mean square")
        .attr("epsilon", of<A>(&Nadam::epsilon), 1e-8, "added to the root");
  }
  template <class T>
  void run(const Piece<T>& p) const {
    const Clipped<T> clipped(*this);
    const size_t k = p.index;
    const T lr = T(lrs[k]), wd = T(wds[k]), b1 = T(beta1), b2 = T(beta2), eps = T(epsilon);
    const T of_grad = T(grad_factors[k]), of_mean = T(mean_factors[k]), of_var = T(var_factors[k]);
    each(p, [w = p.weight, g = p.grad, out = p.out, m = p.state[0], v = p.state[1], clipped, lr, wd,
             b1, b2, eps, of_grad, of_mean, of_var](int64_t i) {
      const T grad = clipped.limit(g[i] * clipped.rescale + wd * w[i]);
      m[i] = b1 * m[i] + (T(1) - b1) * grad;
      v[i] = b2 * v[i] + (T(1) - b2) * grad * grad;
      out[i] = w[i] - lr * (of_grad * grad + of_mean * m[i]) / (std::sqrt(of_var * v[i]) + eps);
    });
  }
};

Specs infer_nadam(const Nadam& a, const Specs& in) {
  const auto n = static_cast<size_t>(a.num_weights);
  check(a.grad_factors.size() == n && a.mean_factors.size() == n && a.var_factors.size() == n,
        ErrorKind::kInvalidArgument, "grad_factors, mean_factors and var_factors have ",
        a.grad_factors.size(), ", ", a.mean_factors.size(), " and ", a.var_factors.size(),
        " numbers, must be ", n);
  return infer_multi_step<Nadam>(a, in);
}

PLAIT_MULTI_STEP(Adamax, "multi_adamax_update",
                 "Adam with the largest gradient in place of the mean square; learning rates come "
                 "with the bias correction.",
                 "Kingma, Ba, ICLR (2015), sec. 7.1");
const int registered_nadam = [] {
  OpBuilder<Nadam> b(Op::add("multi_nadam_update", __FILE__, __LINE__));
  declare_multi(b, "multi_nadam_update", "Adam with the mean taken one step ahead.",
                "Dozat, ICLR workshop (2016)");
  b.infer(infer_nadam).cpu(multi_step_kernel<Nadam>);
  return static_cast<int>(b);
}();

}  // namespace
}  // namespace plait::op
