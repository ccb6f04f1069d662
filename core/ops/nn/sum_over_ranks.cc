#include "op/ranks.h"

#include "kernels/convert.h"
#include "kernels/copy.h"
#include "op/op.h"

namespace plait::ops {
namespace {

struct SumOverRanksAttrs {
  std::string key;
};

Spec infer(const SumOverRanksAttrs&, const Specs& in) {
  check(is_floating(in[0].dtype), ErrorKind::kType, "data has dtype ", in[0].dtype,
        ", must be floating");
  return in[0];
}

void kernel(const SumOverRanksAttrs& a, const op::KernelArgs& k) {
  const View &in = k.in[0], &out = k.out[0];
  const int64_t n = out.size();
  const auto ranks = op::ranks();
  if (!ranks) {
    kernels::convert(in.data, in.dtype, 1, out.data, out.dtype, n);
    return;
  }
  std::vector<double> numbers(static_cast<size_t>(n));
  kernels::convert(in.data, in.dtype, 1, numbers.data(), DType::kFloat64, n);
  ranks->sum(a.key, numbers.data(), n);
  kernels::convert(numbers.data(), DType::kFloat64, 1, out.data, out.dtype, n);
}

Values backward(const SumOverRanksAttrs& a, const GradArgs& g) {
  static const OpCall kSum("sum_over_ranks", {"key"});
  return {kSum({g.dout()}, {a.key + "'"})};
}

PLAIT_OP(sum_over_ranks, SumOverRanksAttrs)
    .doc(
        "The sum of data over all processes that train together; data itself if there is one. All "
        "make the same calls in the same order.")
    .input("data", "floating array; all processes have the same shape")
    .output("out", "shape and dtype of data, the same bits in all processes")
    .attr("key", &SumOverRanksAttrs::key, "", "name of the call, the same in all processes")
    .on("nd sym", "contrib.sum_over_ranks")
    .infer(infer)
    .cpu(kernel)
    .grad(backward, op::saves_nothing());

const bool kWaits = op::set_waits(plait_op_sum_over_ranks, [](const void*, bool) { return true; });

}  // namespace
}  // namespace plait::ops
