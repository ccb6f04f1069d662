#include <algorithm>

#include "op/functions.h"
#include "op/op.h"

// Sparse codes of autoencoders: Ng, CS294A lecture notes (2011). The mean activation of each unit
// is pulled towards a target by the Kullback-Leibler divergence of the two.
namespace plait::ops {
namespace {

struct SparseRegAttrs {
  double sparseness_target, penalty, momentum;
};

Specs infer(const SparseRegAttrs& a, const Specs& in) {
  check(in[0].shape.size() == 2 && is_floating(in[0].dtype), ErrorKind::kShape, "data has shape ",
        in[0].shape, " and dtype ", in[0].dtype, ", must be floating (batch, units)");
  check(in[1].shape == Dims{in[0].shape[1]} && in[1].dtype == in[0].dtype, ErrorKind::kShape,
        "moving_avg has shape ", in[1].shape, " and dtype ", in[1].dtype, ", must be (",
        in[0].shape[1], ",) and ", in[0].dtype);
  check(a.sparseness_target > 0 && a.sparseness_target < 1, ErrorKind::kInvalidArgument,
        "sparseness_target is ", a.sparseness_target, ", must be in (0, 1)");
  return {in[0], in[1]};
}

void complete(const SparseRegAttrs&, std::vector<Dims>& in, std::vector<bool>& known) {
  if (!known[0] || known[1] || in[0].size() != 2) return;
  in[1] = {in[0][1]};
  known[1] = true;
}

// In training the running mean moves before it is used, as it does in MXNet.
void kernel(const SparseRegAttrs& a, const op::KernelArgs& k) {
  const int64_t rows = k.in[0].dim(0), units = k.in[0].dim(1);
  dispatch_floating(k.in[0].dtype, [&]<class T>(T) {
    const T* x = k.in[0].ptr<T>();
    if (k.out[0].ptr<T>() != x) std::copy_n(x, rows * units, k.out[0].ptr<T>());
    T* mean = k.in[1].ptr<T>();
    for (int64_t j = 0; j < units && k.is_train && rows > 0; ++j) {
      double sum = 0;
      for (int64_t i = 0; i < rows; ++i) sum += static_cast<double>(x[i * units + j]);
      mean[j] = static_cast<T>(a.momentum * static_cast<double>(mean[j]) +
                               (1 - a.momentum) * sum / static_cast<double>(rows));
    }
    std::copy_n(mean, units, k.out[1].ptr<T>());
  });
}

Values backward(const SparseRegAttrs& a, const GradArgs& g) {
  const double rho = a.sparseness_target;
  const Value mean = g.out(1);
  const Value pull = reciprocal(1.0 - mean) * (1 - rho) - reciprocal(mean) * rho;
  return {g.dout() + pull * a.penalty, Value{}};
}

PLAIT_OP(kl_sparse_reg, SparseRegAttrs)
    .doc("The data; their gradient gets that of a penalty on units whose mean misses a target.")
    .source("Ng: Sparse autoencoder, CS294A lecture notes (2011)")
    .input("data", "floating (batch, units), activations in (0, 1)")
    .aux_input("moving_avg", "(units,), running mean of the activations; moves in train mode")
    .output("output", "shape and dtype of data")
    .hidden_output("mean", "(units,), the running mean that the gradient uses")
    .attr("sparseness_target", &SparseRegAttrs::sparseness_target, 0.1, "wanted mean, in (0, 1)")
    .attr("penalty", &SparseRegAttrs::penalty, 0.001, "factor of the penalty")
    .attr("momentum", &SparseRegAttrs::momentum, 0.9, "share of the old running mean")
    .on("nd sym", "IdentityAttachKLSparseReg")
    .uses_train()
    .infer(infer)
    .complete(complete)
    .cpu(kernel)
    .grad(backward, op::saves_output(1));

}  // namespace
}  // namespace plait::ops
