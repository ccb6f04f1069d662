#pragma once

#include <utility>

#include "op/op.h"

namespace plait::op {

// Of batch_norm and the operators that contain it.
struct BatchNormAttrs {
  double eps, momentum;
  bool fix_gamma, use_global_stats, output_mean_var, cudnn_off;
  int64_t axis;
};

// The inputs and the first attributes, which all of them share.
template <class A>
OpBuilder<A>& batch_norm_inputs(OpBuilder<A>&& b) {
  return b.input("data", "floating array with a channel axis")
      .input("gamma", "(channels,)")
      .input("beta", "(channels,)")
      .aux_input("moving_mean", "(channels,), running mean; updated in train mode")
      .aux_input("moving_var", "(channels,), running variance; updated in train mode")
      .attr("eps", &A::eps, 1e-3, "added to the variance, > 0")
      .attr("momentum", &A::momentum, 0.9, "share of the old value in the running statistics")
      .attr("fix_gamma", &A::fix_gamma, true, "take 1 for gamma")
      .attr("use_global_stats", &A::use_global_stats, false,
            "use the running statistics in train mode too");
}

// What batch_norm and batch_norm_relu declare alike; `output`: of the result.
inline OpBuilder<BatchNormAttrs>& batch_norm_declaration(OpBuilder<BatchNormAttrs>&& b,
                                                         const char* output) {
  return batch_norm_inputs(std::move(b))
      .output("output", output)
      .hidden_output("mean", "(channels,), mean used")
      .hidden_output("var", "(channels,), variance used")
      .attr("output_mean_var", &BatchNormAttrs::output_mean_var, false, "kept for MXNet's files")
      .attr("axis", &BatchNormAttrs::axis, 1, "axis of the channels")
      .attr("cudnn_off", &BatchNormAttrs::cudnn_off, false,
            "kept for MXNet's programs; without effect")
      .uses_train();
}

}  // namespace plait::op
