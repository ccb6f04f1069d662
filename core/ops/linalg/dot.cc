#include "kernels/gemm.h"
#include "op/op.h"

namespace plait::op {
namespace {

struct DotAttrs {
  bool transpose_a, transpose_b;
};

// Both operands as matrices: the axis that is summed over, and all others joined.
kernels::Gemm plan(const DotAttrs& t, const Dims& a, const Dims& b) {
  const auto split = [](const Dims& d, bool first) {  // (summed, others)
    const int64_t summed = d.empty() ? 1 : first ? d[0] : d.back();
    int64_t others = 1;
    for (size_t i = 0; i < d.size(); ++i) others *= i == (first ? 0 : d.size() - 1) ? 1 : d[i];
    return std::pair{summed, others};
  };
  const auto [ka, m] = split(a, t.transpose_a && a.size() > 1);
  const auto [kb, n] = split(b, !(t.transpose_b && b.size() > 1));
  check(ka == kb, ErrorKind::kShape, "lhs has shape ", a, ", rhs has shape ", b, "; lhs.shape[",
        t.transpose_a ? 0 : -1, "] is ", ka, ", must equal rhs.shape[", t.transpose_b ? -1 : 0,
        "], which is ", kb);
  return {t.transpose_a && a.size() > 1, t.transpose_b && b.size() > 1, 1, m, n, ka};
}

Spec infer(const DotAttrs& t, const Specs& in) {
  const Dims &a = in[0].shape, &b = in[1].shape;
  check(!a.empty() && !b.empty(), ErrorKind::kShape, "lhs has shape ", a, ", rhs has shape ", b,
        ", must have at least 1 axis");
  check(in[0].dtype == in[1].dtype, ErrorKind::kType, "rhs has dtype ", in[1].dtype, ", must be ",
        in[0].dtype, " as lhs");
  plan(t, a, b);
  Dims out;
  if (t.transpose_a && a.size() > 1) {
    out.append(a.begin() + 1, a.end());
  } else {
    out.append(a.begin(), a.end() - 1);
  }
  if (t.transpose_b && b.size() > 1) {
    out.append(b.begin(), b.end() - 1);
  } else {
    out.append(b.begin() + 1, b.end());
  }
  if (out.empty()) out.push_back(1);  // MXNet's rule: vectors give an array of one element
  return {out, in[0].dtype};
}

void kernel(const DotAttrs& t, const KernelArgs& k) {
  kernels::gemm(plan(t, *k.in[0].shape, *k.in[1].shape), k.in[0].dtype, k.in[0].data, k.in[1].data,
                nullptr, k.out[0].data, k.threads);
}

Values backward(const DotAttrs& t, const GradArgs& g) {
  static const OpCall kDot("dot", {"transpose_a", "transpose_b"});
  const Dims &sa = g.in_spec(0).shape, &sb = g.in_spec(1).shape;
  const kernels::Gemm p = plan(t, sa, sb);
  const Value dy = reshape_to(g.dout(), {p.m, p.n});
  const Value a = reshape_to(g.in(0), p.transpose_x ? Dims{p.k, p.m} : Dims{p.m, p.k});
  const Value b = reshape_to(g.in(1), p.transpose_y ? Dims{p.n, p.k} : Dims{p.k, p.n});
  Values d(2);
  if (g.needs_grad(0)) {
    const Value da = p.transpose_x ? kDot({b, dy}, {p.transpose_y, true})
                                   : kDot({dy, b}, {false, !p.transpose_y});
    d[0] = reshape_to(da, sa);
  }
  if (g.needs_grad(1)) {
    const Value db = p.transpose_y ? kDot({dy, a}, {true, p.transpose_x})
                                   : kDot({a, dy}, {!p.transpose_x, false});
    d[1] = reshape_to(db, sb);
  }
  return d;
}

PLAIT_OP(dot, DotAttrs)
    .doc("Sum over the last axis of lhs and the first axis of rhs.")
    .input("lhs", "(..., k); with transpose_a (k, ...)")
    .input("rhs", "(k, ...); with transpose_b (..., k)")
    .output("output", "the other axes of lhs, then those of rhs; (1,) for two vectors")
    .attr("transpose_a", &DotAttrs::transpose_a, false, "the first axis of lhs is summed over")
    .attr("transpose_b", &DotAttrs::transpose_b, false, "the last axis of rhs is summed over")
    .on("nd", "dot")
    .on("sym", "dot")
    .infer(infer)
    .takes_complex()
    .cpu(kernel)
    .portable()
    .flops([](const DotAttrs& t, const Specs& in) {
      const kernels::Gemm p = plan(t, in[0].shape, in[1].shape);
      return 2.0 * static_cast<double>(p.m) * static_cast<double>(p.n) * static_cast<double>(p.k);
    })
    .grad(backward, saves_inputs());

kernels::Gemm batch_plan(const DotAttrs& t, const Dims& a, const Dims& b) {
  check(a.size() >= 2 && a.size() == b.size(), ErrorKind::kShape, "lhs has shape ", a,
        ", rhs has shape ", b, ", must have the same number of axes, at least 2");
  int64_t batch = 1;
  for (size_t i = 0; i + 2 < a.size(); ++i) {
    check(a[i] == b[i], ErrorKind::kShape, "lhs has shape ", a, ", rhs has shape ", b, "; axis ", i,
          " must be equal");
    batch *= a[i];
  }
  const int64_t m = a[a.size() - 2], k = a.back(), kb = b[b.size() - 2], n = b.back();
  const kernels::Gemm p{t.transpose_a,         t.transpose_b,          batch,
                        t.transpose_a ? k : m, t.transpose_b ? kb : n, t.transpose_a ? m : k};
  check(p.k == (t.transpose_b ? n : kb), ErrorKind::kShape, "lhs has shape ", a, ", rhs has shape ",
        b, "; the axes summed over must be equal");
  return p;
}

Spec infer_batch(const DotAttrs& t, const Specs& in) {
  check(in[0].dtype == in[1].dtype, ErrorKind::kType, "rhs has dtype ", in[1].dtype, ", must be ",
        in[0].dtype, " as lhs");
  const kernels::Gemm p = batch_plan(t, in[0].shape, in[1].shape);
  Dims out = in[0].shape;
  out[out.size() - 2] = p.m;
  out.back() = p.n;
  return {out, in[0].dtype};
}

void batch_kernel(const DotAttrs& t, const KernelArgs& k) {
  kernels::gemm(batch_plan(t, *k.in[0].shape, *k.in[1].shape), k.in[0].dtype, k.in[0].data,
                k.in[1].data, nullptr, k.out[0].data, k.threads);
}

Values batch_backward(const DotAttrs& t, const GradArgs& g) {
  static const OpCall kDot("batch_dot", {"transpose_a", "transpose_b"});
  const Value dy = g.dout(), a = g.in(0), b = g.in(1);
  return {
      t.transpose_a ? kDot({b, dy}, {t.transpose_b, true}) : kDot({dy, b}, {false, !t.transpose_b}),
      t.transpose_b ? kDot({dy, a}, {true, t.transpose_a})
                    : kDot({a, dy}, {!t.transpose_a, false})};
}

PLAIT_OP(batch_dot, DotAttrs)
    .doc("Matrix product over the last two axes, for each index of the others.")
    .input("lhs", "(..., m, k)")
    .input("rhs", "(..., k, n)")
    .output("output", "(..., m, n)")
    .attr("transpose_a", &DotAttrs::transpose_a, false, "swap the last two axes of lhs first")
    .attr("transpose_b", &DotAttrs::transpose_b, false, "swap the last two axes of rhs first")
    .on("nd", "batch_dot")
    .on("sym", "batch_dot")
    .on("npx", "batch_dot")
    .infer(infer_batch)
    .takes_complex()
    .cpu(batch_kernel)
    .portable()
    .flops([](const DotAttrs& t, const Specs& in) {
      const kernels::Gemm p = batch_plan(t, in[0].shape, in[1].shape);
      return 2.0 * static_cast<double>(p.batch * p.m) * static_cast<double>(p.n) *
             static_cast<double>(p.k);
    })
    .grad(batch_backward, saves_inputs());

}  // namespace
}  // namespace plait::op
