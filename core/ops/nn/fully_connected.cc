#include "kernels/gemm.h"
#include "op/op.h"

namespace plait::op {
namespace {

struct FullyConnectedAttrs {
  int64_t num_hidden;
  bool no_bias, flatten;
};

// Features of one sample: all axes but the first, or the last axis.
int64_t features(const FullyConnectedAttrs& a, const Dims& data) {
  int64_t n = 1;
  for (size_t i = a.flatten ? 1 : data.size() - 1; i < data.size(); ++i) n *= data[i];
  return n;
}

Spec infer(const FullyConnectedAttrs& a, const Specs& in) {
  const Dims& data = in[0].shape;
  check(a.num_hidden > 0, ErrorKind::kInvalidArgument, "num_hidden is ", a.num_hidden,
        ", must be > 0");
  check(!data.empty(), ErrorKind::kShape, "data has shape ", data, ", must have at least 1 axis");
  const Dims weight{a.num_hidden, features(a, data)};
  check(in[1].shape == weight, ErrorKind::kShape, "weight has shape ", in[1].shape, ", must be ",
        weight, " for data of shape ", data);
  if (in.size() > 2) {
    check(in[2].shape == Dims{a.num_hidden}, ErrorKind::kShape, "bias has shape ", in[2].shape,
          ", must be ", Dims{a.num_hidden});
  }
  for (size_t i = 1; i < in.size(); ++i) {
    check(in[i].dtype == in[0].dtype, ErrorKind::kType, i == 1 ? "weight" : "bias", " has dtype ",
          in[i].dtype, ", must be ", in[0].dtype, " as data");
  }
  Dims out = data;
  if (a.flatten) out.resize(1);
  if (a.flatten) {
    out.push_back(a.num_hidden);
  } else {
    out.back() = a.num_hidden;
  }
  return {out, in[0].dtype};
}

void complete(const FullyConnectedAttrs& a, std::vector<Dims>& in, std::vector<bool>& known) {
  if (!known[0] || in[0].empty()) return;
  if (!known[1]) in[1] = {a.num_hidden, features(a, in[0])};
  known[1] = true;
  if (in.size() > 2 && !known[2]) {
    in[2] = {a.num_hidden};
    known[2] = true;
  }
}

void kernel(const FullyConnectedAttrs& a, const KernelArgs& k) {
  const int64_t inputs = k.in[1].dim(1);
  const int64_t rows = k.out[0].size() / a.num_hidden;
  kernels::gemm({false, true, 1, rows, a.num_hidden, inputs}, k.in[0].dtype, k.in[0].data,
                k.in[1].data, k.in.size() > 2 ? k.in[2].data : nullptr, k.out[0].data, k.threads);
}

// dx = dy W, dW = dy^T x, db = sum of dy over the rows.
Values backward(const FullyConnectedAttrs& a, const GradArgs& g) {
  static const OpCall kDot("dot", {"transpose_a", "transpose_b"}), kSum("sum", {"axis"});
  const int64_t rows = num_elements(g.out_spec(0).shape) / a.num_hidden;
  const Value dy = reshape_to(g.dout(), {rows, a.num_hidden});
  Values d(g.num_in());
  if (g.needs_grad(0)) d[0] = reshape_to(kDot({dy, g.in(1)}, {false, false}), g.in_spec(0).shape);
  if (g.needs_grad(1)) {
    d[1] = kDot({dy, reshape_to(g.in(0), {rows, g.in_spec(1).shape[1]})}, {true, false});
  }
  if (g.num_in() > 2 && g.needs_grad(2)) d[2] = kSum({dy}, {Dims{0}});
  return d;
}

PLAIT_OP(fully_connected, FullyConnectedAttrs)
    .doc("data times the transposed weight, plus bias.")
    .input("data", "floating array (batch, ...); with flatten=False (..., features)")
    .input("weight", "(num_hidden, features)")
    .optional_input("bias", "(num_hidden,); left out with no_bias=True")
    .output("output", "(batch, num_hidden); with flatten=False (..., num_hidden)")
    .required_attr("num_hidden", &FullyConnectedAttrs::num_hidden,
                   "number of outputs of a sample, > 0")
    .attr("no_bias", &FullyConnectedAttrs::no_bias, false, "no bias is added")
    .attr("flatten", &FullyConnectedAttrs::flatten, true, "join all axes but the first")
    .on("nd", "FullyConnected")
    .on("sym", "FullyConnected")
    .on("npx", "fully_connected")
    .num_inputs([](const FullyConnectedAttrs& a) { return a.no_bias ? 2 : 3; })
    .infer(infer)
    .complete(complete)
    .cpu(kernel)
    .portable()
    .flops([](const FullyConnectedAttrs& a, const Specs& in) {
      return 2.0 * static_cast<double>(num_elements(in[0].shape)) *
             static_cast<double>(a.num_hidden);
    })
    .grad(backward, saves_input(0) | saves_input(1));

}  // namespace
}  // namespace plait::op
