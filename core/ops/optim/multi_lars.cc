#include <cmath>

#include "ops/optim/from_arrays.h"

namespace plait::op {
namespace {

struct Attrs {
  double eta, eps, rescale_grad;
};

Spec infer(const Attrs&, const Specs& in) {
  static constexpr const char* kNames[] = {"lrs", "weights_sum_sq", "grads_sum_sq", "wds"};
  const int64_t count = num_elements(in[0].shape);
  for (size_t i = 0; i < in.size(); ++i) check_numbers(in[i], kNames[i], count);
  return in[0];
}

void kernel(const Attrs& a, const KernelArgs& k) {
  std::vector<double> lrs = numbers(k.in[0]);
  const std::vector<double> weights = numbers(k.in[1]), grads = numbers(k.in[2]),
                            wds = numbers(k.in[3]);
  for (size_t i = 0; i < lrs.size(); ++i) {
    const double w = std::sqrt(weights[i]), g = std::sqrt(grads[i]);
    if (w > 0 && g > 0) lrs[i] *= a.eta * w / (g * a.rescale_grad + wds[i] * w + a.eps);
  }
  store(lrs.data(), k.out[0], 0, k.out[0].size());
}

const int registered = [] {
  OpBuilder<Attrs> b(Op::add("multi_lars", __FILE__, __LINE__));
  b.doc("lr eta |w| / (|g| rescale_grad + wd |w| + eps) for each weight; lr where a norm is 0.")
      .source("You, Gitman, Ginsburg (2017)")
      .input("lrs", "floating array: learning rate of each weight")
      .input("weights_sum_sq", "as many numbers: squared norms of the weights")
      .input("grads_sum_sq", "as many numbers: squared norms of the gradients")
      .input("wds", "as many numbers: weight decays")
      .output("output", "as lrs")
      .required_attr("eta", &Attrs::eta, "trust, no unit")
      .required_attr("eps", &Attrs::eps, "added to the norms")
      .attr("rescale_grad", &Attrs::rescale_grad, 1.0, "factor of the gradients")
      .on("nd", "multi_lars")
      .inplace()
      .infer(infer)
      .cpu(kernel);
  return static_cast<int>(b);
}();

}  // namespace
}  // namespace plait::op
