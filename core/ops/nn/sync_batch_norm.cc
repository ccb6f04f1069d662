#include "op/functions.h"
#include "op/op.h"

// Batch normalisation by the names that MXNet's contrib namespace has for it.
namespace plait::ops {
namespace {

struct NormAttrs {
  double eps, momentum;
  bool fix_gamma, use_global_stats, output_mean_var;
  int64_t axis, ndev;
  std::string key;
};

const op::Op& batch_norm() {
  static const op::Op& found = op::Op::get("batch_norm");
  return found;
}

// The same attributes for batch_norm.
op::AttrsRef attrs_of(const NormAttrs& a) {
  static const int kField[] = {
      batch_norm().field_index("eps"), batch_norm().field_index("momentum"),
      batch_norm().field_index("fix_gamma"), batch_norm().field_index("use_global_stats"),
      batch_norm().field_index("axis")};
  const std::pair<int, op::AttrValue> values[] = {{kField[0], a.eps},
                                                  {kField[1], a.momentum},
                                                  {kField[2], a.fix_gamma},
                                                  {kField[3], a.use_global_stats},
                                                  {kField[4], a.axis}};
  return batch_norm().make_attrs(values);
}

Specs infer(const NormAttrs& a, const Specs& in) {
  const op::AttrsRef attrs = attrs_of(a);
  Specs out;
  batch_norm().infer(batch_norm(), batch_norm().data_of(attrs), in, out);
  return out;
}
void complete(const NormAttrs& a, std::vector<Dims>& in, std::vector<bool>& known) {
  const op::AttrsRef attrs = attrs_of(a);
  batch_norm().complete(batch_norm(), batch_norm().data_of(attrs), in, known);
}
void kernel(const NormAttrs& a, const op::KernelArgs& k) {
  const op::AttrsRef attrs = attrs_of(a);
  batch_norm().kernel(batch_norm(), batch_norm().data_of(attrs), k);
}
Values backward(const NormAttrs& a, const GradArgs& g) {
  const op::AttrsRef attrs = attrs_of(a);
  return batch_norm().grad(batch_norm(), batch_norm().data_of(attrs), g);
}

PLAIT_OP(sync_batch_norm, NormAttrs)
    .doc("batch_norm: one process normalises over all of its batch at once.")
    .source("Ioffe, Szegedy, ICML (2015)")
    .input("data", "floating array with a channel axis")
    .input("gamma", "(channels,)")
    .input("beta", "(channels,)")
    .aux_input("moving_mean", "(channels,), running mean; updated in train mode")
    .aux_input("moving_var", "(channels,), running variance; updated in train mode")
    .output("output", "shape and dtype of data")
    .hidden_output("mean", "(channels,), mean used")
    .hidden_output("var", "(channels,), variance used")
    .attr("eps", &NormAttrs::eps, 1e-3, "added to the variance, > 0")
    .attr("momentum", &NormAttrs::momentum, 0.9, "share of the old value in the running statistics")
    .attr("fix_gamma", &NormAttrs::fix_gamma, true, "take 1 for gamma")
    .attr("use_global_stats", &NormAttrs::use_global_stats, false,
          "use the running statistics in train mode too")
    .attr("output_mean_var", &NormAttrs::output_mean_var, false, "return mean and var as well")
    .attr("ndev", &NormAttrs::ndev, 1, "devices that MXNet would average over; kept for files")
    .attr("key", &NormAttrs::key, "", "name of the group of devices; kept for files")
    .attr("axis", &NormAttrs::axis, 1, "axis of the channels")
    .on("nd sym", "_contrib_SyncBatchNorm")
    .on("nd sym", "contrib.SyncBatchNorm")
    .visible_outputs([](const NormAttrs& a) { return a.output_mean_var ? 3 : 1; })
    .uses_train()
    .infer(infer)
    .complete(complete)
    .cpu(kernel)
    .grad(backward,
          op::saves_input(0) | op::saves_input(1) | op::saves_output(1) | op::saves_output(2));

}  // namespace
}  // namespace plait::ops
