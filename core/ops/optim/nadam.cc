#include "ops/optim/moments.h"

namespace plait::op {
namespace {

struct Nadam : Moments {
  std::vector<double> grad_factors, mean_factors, var_factors;

  template <class A>
  static void attrs(OpBuilder<A>& b) {
    b.required_attr("grad_factors", of<A>(&Nadam::grad_factors),
                    "share of the gradient in the step, for each weight")
        .required_attr("mean_factors", of<A>(&Nadam::mean_factors), "share of the mean")
        .required_attr("var_factors", of<A>(&Nadam::var_factors), "correction of the mean square");
    Moments::attrs(b);
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

const int registered_nadam = [] {
  OpBuilder<Nadam> b(Op::add("multi_nadam_update", __FILE__, __LINE__));
  declare_multi(b, "multi_nadam_update", "Adam with the mean taken one step ahead.",
                "Dozat, ICLR workshop (2016)");
  b.infer(infer_nadam).cpu(multi_step_kernel<Nadam>);
  return static_cast<int>(b);
}();

}  // namespace
}  // namespace plait::op
