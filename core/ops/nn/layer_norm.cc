#include "ops/expect.h"
#include "ops/lines.h"
#include "ops/nn/row_norm.h"

namespace plait::ops {
namespace {

struct LayerNormAttrs {
  int64_t axis;
  double eps;
  bool output_mean_var;
};

int64_t axis_of(const LayerNormAttrs& a, const Dims& data) {
  return normalize_axis(a.axis, static_cast<int64_t>(data.size()));
}

RowNorm rows_of(const LayerNormAttrs& a, const Dims& data) {
  const Lines lines(data, a.axis);
  RowNorm r;
  r.rows = lines.count();
  r.n = lines.n;
  r.inner = lines.inner;
  return r;
}

Specs infer(const LayerNormAttrs& a, const Specs& in) {
  Dims statistics = in[0].shape;
  const int64_t axis = axis_of(a, statistics);
  check(a.eps >= 0, ErrorKind::kInvalidArgument, "eps is ", a.eps, ", must be >= 0");
  check_scales(in, {statistics[axis]});
  statistics[axis] = 1;
  return {in[0], {statistics, in[0].dtype}, {statistics, in[0].dtype}};
}

Specs infer_backward(const LayerNormAttrs& a, const Specs& in) {
  const Specs forward = infer(a, {in[1], in[2], in[2]});
  expect(in[0], forward[0], "dout");
  expect(in[3], forward[1], "mean");
  expect(in[4], forward[2], "std");
  return {in[1], in[2], in[2]};
}

void complete(const LayerNormAttrs& a, std::vector<Dims>& in, std::vector<bool>& known) {
  if (!known[0]) return;
  for (size_t i = 1; i < in.size(); ++i) {
    if (!known[i]) in[i] = {in[0][axis_of(a, in[0])]};
    known[i] = true;
  }
}

void kernel(const LayerNormAttrs& a, const op::KernelArgs& k) {
  norm_forward(rows_of(a, *k.in[0].shape), k, a.eps);
}

void backward_kernel(const LayerNormAttrs& a, const op::KernelArgs& k) {
  norm_backward(rows_of(a, *k.in[0].shape), k);
}

// Gradients that flow into the statistics: mean gives 1 / n, deviation (x - mean) / (n deviation).
Value through_statistics(const LayerNormAttrs& a, const GradArgs& g, Value dx) {
  const double n = static_cast<double>(g.in_spec(0).shape[axis_of(a, g.in_spec(0).shape)]);
  if (g.has_dout(1)) dx = dx + g.dout(1) / n;
  if (g.has_dout(2)) dx = dx + g.dout(2) * (g.in(0) - g.out(1)) / (g.out(2) * n);
  return dx;
}

Values backward(const LayerNormAttrs& a, const GradArgs& g) {
  static const OpCall kFused("layer_norm_backward", {"axis", "eps"});
  const Dims& data = g.in_spec(0).shape;
  if (op::current_tracer().differentiable()) {
    Dims scale(data.size(), 1);
    scale[axis_of(a, data)] = data[axis_of(a, data)];
    Values d = norm_graph(g.dout(), g.in(0), g.in(1), axis_of(a, data), scale, a.eps);
    d[0] = through_statistics(a, g, d[0]);
    return d;
  }
  const Value in[] = {g.dout(), g.in(0), g.in(1), g.out(1), g.out(2)};
  const op::AttrValue attrs[] = {a.axis, a.eps};
  Values d = kFused.all(in, attrs);
  d[0] = through_statistics(a, g, d[0]);
  return d;
}

PLAIT_OP(layer_norm, LayerNormAttrs)
    .doc("Brings each line along an axis to mean 0 and variance 1, then scales and shifts it.")
    .source("Ba, Kiros, Hinton: Layer normalization (2016)")
    .input("data", "floating array (..., n, ...)")
    .input("gamma", "(n,), factors")
    .input("beta", "(n,), shifts")
    .output("output", "shape and dtype of data")
    .hidden_output("mean", "data with size 1 along axis; given with output_mean_var")
    .hidden_output("std", "sqrt(variance + eps), shape of mean; given with output_mean_var")
    .attr("axis", &LayerNormAttrs::axis, -1, "axis of a line; negative counts from the end")
    .attr("eps", &LayerNormAttrs::eps, 1e-5, "added to the variance, >= 0")
    .attr("output_mean_var", &LayerNormAttrs::output_mean_var, false, "return mean and std as well")
    .on("nd sym", "LayerNorm")
    .on("npx", "layer_norm")
    .visible_outputs([](const LayerNormAttrs& a) { return a.output_mean_var ? 3 : 1; })
    .infer(infer)
    .complete(complete)
    .cpu(kernel)
    .portable()
    .grad(backward,
          op::saves_input(0) | op::saves_input(1) | op::saves_output(1) | op::saves_output(2));

PLAIT_OP(layer_norm_backward, LayerNormAttrs)
    .doc("Gradients of layer_norm with respect to data, gamma and beta.")
    .input("dout", "gradient of the output")
    .input("data", "as for layer_norm")
    .input("gamma", "(n,)")
    .input("mean", "as given by layer_norm")
    .input("std", "as given by layer_norm")
    .output("ddata", "shape of data")
    .output("dgamma", "(n,)")
    .output("dbeta", "(n,)")
    .attr("axis", &LayerNormAttrs::axis, -1, "as for layer_norm")
    .attr("eps", &LayerNormAttrs::eps, 1e-5, "as for layer_norm")
    .infer(infer_backward)
    .cpu(backward_kernel)
    .portable();

}  // namespace
}  // namespace plait::ops
