#include "ops/nn/batch_norm.h"

#include "op/functions.h"
#include "op/op.h"

// Batch normalization and a rectifier as one node, as MXNet 1.9 writes them into files.
namespace plait::op {
namespace {

const Op& norm() {
  static const Op& kNorm = Op::get("batch_norm");
  return kNorm;
}

Specs infer(const BatchNormAttrs& a, const Specs& in) {
  Specs out;
  norm().infer(norm(), &a, in, out);
  return out;
}

void complete(const BatchNormAttrs& a, std::vector<Dims>& in, std::vector<bool>& known) {
  norm().complete(norm(), &a, in, known);
}

void kernel(const BatchNormAttrs& a, const KernelArgs& k) {
  static const Op& kRelu = Op::get("relu");
  norm().kernel(norm(), &a, k);
  kRelu.kernel(kRelu, nullptr, {k.out.first(1), k.out.first(1), k.is_train, k.threads, {}});
}

Values backward(const BatchNormAttrs& a, const GradArgs& g) {
  GradArgs inner = g;
  inner.dout_values[0] = g.dout() * greater(g.out(0), 0.0);
  return norm().grad(norm(), &a, inner);
}

const int registered =
    batch_norm_declaration(
        OpBuilder<BatchNormAttrs>(Op::add("batch_norm_relu", __FILE__, __LINE__)),
        "shape and dtype of data, >= 0")
        .doc("batch_norm, and 0 in place of its negative results.")
        .source("Ioffe, Szegedy, ICML (2015)")
        .on("nd sym", "_contrib_BatchNormWithReLU")
        .on("nd sym", "contrib.BatchNormWithReLU")
        .infer(infer)
        .complete(complete)
        .cpu(kernel)
        .grad(backward, saves_input(0) | saves_input(1) | saves_output(0) | saves_output(1) |
                            saves_output(2));

}  // namespace
}  // namespace plait::op
