#include "ops/expect.h"
#include "ops/nn/row_norm.h"

// Group and instance normalisation: lines are the channels of a group of one sample.
namespace plait::ops {
namespace {

struct GroupNormAttrs {
  int64_t num_groups;
  double eps;
  bool output_mean_var;
};

int64_t features(const Dims& data) { return data[0] == 0 ? 0 : num_elements(data) / data[0]; }

RowNorm rows_of(int64_t groups, const Dims& data) {
  RowNorm r;
  r.rows = data[0] * groups;
  r.n = features(data) / std::max<int64_t>(groups, 1);
  r.scales = std::max<int64_t>(groups, 1);
  r.per_element = false;
  return r;
}

void check_data(const Dims& data, double eps) {
  check(data.size() >= 2, ErrorKind::kShape, "data has shape ", data,
        ", must be (batch, channels, ...)");
  check(eps >= 0, ErrorKind::kInvalidArgument, "eps is ", eps, ", must be >= 0");
}

Specs infer(const GroupNormAttrs& a, const Specs& in) {
  const Dims& data = in[0].shape;
  check_data(data, a.eps);
  check(a.num_groups > 0 && data[1] % a.num_groups == 0, ErrorKind::kInvalidArgument,
        "num_groups is ", a.num_groups, ", must divide ", data[1], " channels");
  check_scales(in, {a.num_groups});
  const Spec statistics{{data[0], a.num_groups}, in[0].dtype};
  return {in[0], statistics, statistics};
}

// Of instance_norm too: each channel is a group then.
Specs infer_backward(const GroupNormAttrs& a, const Specs& in) {
  const Specs forward = infer(a, {in[1], in[2], in[2]});
  expect(in[0], forward[0], "dout");
  expect(in[3], forward[1], "mean");
  expect(in[4], forward[2], "std");
  return {in[1], in[2], in[2]};
}

void complete(const GroupNormAttrs& a, std::vector<Dims>& in, std::vector<bool>& known) {
  for (size_t i = 1; i < in.size(); ++i) {
    if (!known[i]) in[i] = {a.num_groups};
    known[i] = true;
  }
}

void run_forward(int64_t groups, double eps, const op::KernelArgs& k) {
  norm_forward(rows_of(groups, *k.in[0].shape), k, eps);
}

// Gradients for data, gamma and beta; `statistics` are outputs 1 and 2 of the call.
Values run_backward(int64_t groups, double eps, const GradArgs& g) {
  static const OpCall kFused("group_norm_backward", {"num_groups"});
  const Dims& data = g.in_spec(0).shape;
  if (!op::current_tracer().differentiable()) {
    const Value in[] = {g.dout(), g.in(0), g.in(1), g.out(1), g.out(2)};
    const op::AttrValue attrs[] = {groups};
    return kFused.all(in, attrs);
  }
  const Dims lines{data[0], groups, rows_of(groups, data).n};
  Values d = norm_graph(op::reshape_to(g.dout(), lines), op::reshape_to(g.in(0), lines), g.in(1), 2,
                        {1, groups, 1}, eps);
  d[0] = op::reshape_to(d[0], data);
  return d;
}

Values backward(const GroupNormAttrs& a, const GradArgs& g) {
  Values d = run_backward(a.num_groups, a.eps, g);
  const Dims& data = g.in_spec(0).shape;
  const Dims lines{data[0], a.num_groups, rows_of(a.num_groups, data).n},
      one{data[0], a.num_groups, 1};
  const double n = static_cast<double>(lines[2]);
  const auto add = [&](const Value& v) {
    static const OpCall kBroadcast("broadcast_to", {"shape"});
    d[0] = d[0] + op::reshape_to(kBroadcast({v}, {lines}), data);
  };
  if (g.has_dout(1)) add(op::reshape_to(g.dout(1), one) / n);
  if (g.has_dout(2)) {
    add(op::reshape_to(g.dout(2), one) *
        (op::reshape_to(g.in(0), lines) - op::reshape_to(g.out(1), one)) /
        (op::reshape_to(g.out(2), one) * n));
  }
  return d;
}

PLAIT_OP(group_norm, GroupNormAttrs)
    .doc("Brings the channels of each group of each sample to mean 0 and variance 1, then scales.")
    .source("Wu, He: Group normalization, ECCV (2018)")
    .input("data", "floating array (batch, channels, ...)")
    .input("gamma", "(num_groups,), factors")
    .input("beta", "(num_groups,), shifts")
    .output("output", "shape and dtype of data")
    .hidden_output("mean", "(batch, num_groups); given with output_mean_var")
    .hidden_output("std", "sqrt(variance + eps), (batch, num_groups); given with output_mean_var")
    .attr("num_groups", &GroupNormAttrs::num_groups, 1, "must divide the number of channels")
    .attr("eps", &GroupNormAttrs::eps, 1e-5, "added to the variance, >= 0")
    .attr("output_mean_var", &GroupNormAttrs::output_mean_var, false, "return mean and std as well")
    .on("nd sym", "GroupNorm")
    .on("npx", "group_norm")
    .visible_outputs([](const GroupNormAttrs& a) { return a.output_mean_var ? 3 : 1; })
    .infer(infer)
    .complete(complete)
    .cpu([](const GroupNormAttrs& a, const op::KernelArgs& k) {
      run_forward(a.num_groups, a.eps, k);
    })
    .portable()
    .grad(backward,
          op::saves_input(0) | op::saves_input(1) | op::saves_output(1) | op::saves_output(2));

PLAIT_OP(group_norm_backward, GroupNormAttrs)
    .doc("Gradients of group_norm with respect to data, gamma and beta.")
    .input("dout", "gradient of the output")
    .input("data", "as for group_norm")
    .input("gamma", "(num_groups,)")
    .input("mean", "as given by group_norm")
    .input("std", "as given by group_norm")
    .output("ddata", "shape of data")
    .output("dgamma", "(num_groups,)")
    .output("dbeta", "(num_groups,)")
    .required_attr("num_groups", &GroupNormAttrs::num_groups, "as for group_norm")
    .infer(infer_backward)
    .cpu([](const GroupNormAttrs& a, const op::KernelArgs& k) {
      norm_backward(rows_of(a.num_groups, *k.in[0].shape), k);
    })
    .portable();

struct InstanceNormAttrs {
  double eps;
};

Specs infer_instance(const InstanceNormAttrs& a, const Specs& in) {
  const Dims& data = in[0].shape;
  check_data(data, a.eps);
  check_scales(in, {data[1]});
  const Spec statistics{{data[0], data[1]}, in[0].dtype};
  return {in[0], statistics, statistics};
}

PLAIT_OP(instance_norm, InstanceNormAttrs)
    .doc("Brings each channel of each sample to mean 0 and variance 1, then scales and shifts it.")
    .source("Ulyanov, Vedaldi, Lempitsky: Instance normalization (2016)")
    .input("data", "floating array (batch, channels, ...)")
    .input("gamma", "(channels,), factors")
    .input("beta", "(channels,), shifts")
    .output("output", "shape and dtype of data")
    .hidden_output("mean", "(batch, channels)")
    .hidden_output("std", "sqrt(variance + eps), (batch, channels)")
    .attr("eps", &InstanceNormAttrs::eps, 1e-3, "added to the variance, >= 0")
    .on("nd sym", "InstanceNorm")
    .on("npx", "instance_norm")
    .infer(infer_instance)
    .complete([](const InstanceNormAttrs&, std::vector<Dims>& in, std::vector<bool>& known) {
      if (!known[0] || in[0].size() < 2) return;
      for (size_t i = 1; i < in.size(); ++i) {
        if (!known[i]) in[i] = {in[0][1]};
        known[i] = true;
      }
    })
    .cpu([](const InstanceNormAttrs& a, const op::KernelArgs& k) {
      run_forward(k.in[0].dim(1), a.eps, k);
    })
    .portable()
    .grad([](const InstanceNormAttrs& a,
             const GradArgs& g) -> Values { return run_backward(g.in_spec(0).shape[1], a.eps, g); },
          op::saves_input(0) | op::saves_input(1) | op::saves_output(1) | op::saves_output(2));

}  // namespace
}  // namespace plait::ops
