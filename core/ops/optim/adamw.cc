#include <cmath>

#include "kernels/copy.h"
#include "ops/optim/from_arrays.h"
#include "ops/optim/moments.h"

namespace plait::op {
namespace {

constexpr const char* kSource = "Loshchilov, Hutter, ICLR (2019)";
PLAIT_MULTI_STEP(AdamW, "multi_adamw_update",
                 "Adam with weight decay apart from the gradient: each weight first loses the "
                 "share wds of itself.",
                 kSource);

// The form of MXNet's programs: rates and decays are multiplied by etas, and the factor of the
// gradients is an array, which loss scaling computes.
struct Rescaled : AdamW {
  std::vector<double> etas;
};

Specs infer(const Rescaled& a, const Specs& in) {
  check(!in.empty(), ErrorKind::kInvalidArgument, "got no arrays, must end with rescale_grad");
  check_numbers(in.back(), "rescale_grad", 1);
  check(a.etas.size() == static_cast<size_t>(a.num_weights), ErrorKind::kInvalidArgument,
        "etas has ", a.etas.size(), " numbers, must be ", a.num_weights);
  return infer_multi_step<Rescaled>(a, Specs(in.begin(), in.end() - 1));
}

void kernel(const Rescaled& a, const KernelArgs& k) {
  Rescaled now = a;
  now.rescale_grad = numbers(k.in.back())[0];
  KernelArgs rest = k;
  rest.in = k.in.first(k.in.size() - 1);
  if (!std::isfinite(now.rescale_grad) || now.rescale_grad == 0) {
    const size_t stride = rest.in.size() / k.out.size();
    for (size_t i = 0; i < k.out.size(); ++i) {
      const View& weight = rest.in[i * stride];
      if (weight.data != k.out[i].data) kernels::copy(weight, k.out[i], k.threads);
    }
    return;
  }
  for (size_t i = 0; i < a.etas.size(); ++i) {
    now.lrs[i] *= a.etas[i];
    now.wds[i] *= a.etas[i];
  }
  multi_step_kernel<Rescaled>(now, rest);
}

const int registered = [] {
  OpBuilder<Rescaled> b(Op::add("rescaled_multi_adamw_update", __FILE__, __LINE__));
  b.required_attr("lrs", of<Rescaled>(&MultiStep::lrs), "learning rate of each weight")
      .required_attr("wds", of<Rescaled>(&MultiStep::wds), "weight decay of each weight")
      .required_attr("etas", &Rescaled::etas, "factor of rate and decay of each weight");
  Moments::attrs(b);
  b.attr("clip_gradient", of<Rescaled>(&MultiStep::clip_gradient), -1.0,
         "largest absolute value after rescaling; < 0: none");
  declare_many(b,
               "weight - eta (lr mean / (sqrt(var) + epsilon) + wd weight) with Adam's means. The "
               "last array is the factor of the gradients: nothing changes if it is 0 or not "
               "finite.",
               kSource, false);
  b.on("nd", "contrib.multi_adamw_update").infer(infer).cpu(kernel);
  return static_cast<int>(b);
}();

}  // namespace
}  // namespace plait::op
