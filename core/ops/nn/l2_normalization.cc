#include "ops/nn/row_norm.h"

namespace plait::ops {
namespace {

struct L2Attrs {
  double eps;
  std::string mode;
};

// Data as (outer, n, inner): the norm is taken over n.
Dims lines_of(const L2Attrs& a, const Dims& data) {
  const size_t least = a.mode == "instance" ? 1 : a.mode == "channel" ? 2 : 3;
  check(data.size() >= least, ErrorKind::kShape, "data has shape ", data, ", must have at least ",
        least, " axes for mode '", a.mode, "'");
  Dims lines{1, 1, 1};
  for (size_t i = 0; i < data.size(); ++i) {
    size_t part = 0;
    if (a.mode == "instance") part = i == 0 ? 0 : 1;
    if (a.mode == "channel") part = i == 0 ? 0 : i == 1 ? 1 : 2;
    if (a.mode == "spatial") part = i < 2 ? 0 : 1;
    lines[part] *= data[i];
  }
  return lines;
}

Spec infer(const L2Attrs& a, const Specs& in) {
  check(is_floating(in[0].dtype), ErrorKind::kType, "data has dtype ", in[0].dtype,
        ", must be floating");
  check(a.eps >= 0, ErrorKind::kInvalidArgument, "eps is ", a.eps, ", must be >= 0");
  lines_of(a, in[0].shape);
  return in[0];
}

void kernel(const L2Attrs& a, const op::KernelArgs& k) {
  const Dims lines = lines_of(a, *k.in[0].shape);
  RowNorm r;
  r.rows = lines[0] * lines[2];
  r.n = lines[1];
  r.inner = std::max<int64_t>(lines[2], 1);
  dispatch_floating(k.in[0].dtype, [&]<class T>(T) {
    using A = acc_t<T>;
    const T* x = k.in[0].ptr<T>();
    T* y = k.out[0].ptr<T>();
    kernels::parallel_for(k.threads, r.rows, r.grain(), [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        const T* xs = x + r.start(row);
        T* ys = y + r.start(row);
        const int64_t step = r.inner;
        const auto at = [=](int64_t j) { return static_cast<A>(xs[j * step]); };
        const double squares = line_sum<A>(r.n, [=](int64_t j) { return at(j) * at(j); });
        const A inv = static_cast<A>(1 / std::sqrt(squares + a.eps));
        kernels::vector_loop(r.n, [=](int64_t j) { ys[j * step] = static_cast<T>(at(j) * inv); });
      }
    });
  });
}

// With r = 1 / sqrt(sum x^2 + eps) and y = r x: dx = r (dy - y sum(dy y)).
Values backward(const L2Attrs& a, const GradArgs& g) {
  static const OpCall kSum("sum", {"axis", "keepdims"}), kRsqrt("rsqrt");
  const Dims lines = lines_of(a, g.in_spec(0).shape);
  const auto sum = [&](const Value& v) { return kSum({v}, {Dims{1}, true}); };
  const Value x = op::reshape_to(g.in(0), lines), dy = op::reshape_to(g.dout(), lines);
  const Value r = kRsqrt({sum(x * x) + a.eps}), y = x * r;
  return {op::reshape_to(r * (dy - y * sum(dy * y)), g.in_spec(0).shape)};
}

PLAIT_OP(l2_normalization, L2Attrs)
    .doc("Divides data by the root of the sum of squares over parts of it.")
    .input("data", "floating array (batch, channels, ...)")
    .output("output", "shape and dtype of data")
    .attr("eps", &L2Attrs::eps, 1e-10, "added to the sum of squares, >= 0")
    .attr("mode", &L2Attrs::mode, "instance",
          "the sum runs over a whole sample, over its channels, or over the axes after them")
    .choices({"instance", "channel", "spatial"})
    .on("nd sym", "L2Normalization")
    .on("npx", "l2_normalization")
    .infer(infer)
    .cpu(kernel)
    .grad(backward, op::saves_input(0));

}  // namespace
}  // namespace plait::ops
