#include "kernels/gemm.h"
#include "op/op.h"
#include "ops/fused/epilogue.h"

// Product of matrices with a bias and an epilogue; made by the graph compiler of fully connected
// layers and products whose results go through element-wise operators. float32 only.
namespace plait::ops {
namespace {

struct ProductAttrs {
  bool transpose_a, transpose_b, has_bias;
  EpilogueRef epilogue;
};

// With two axes b is one matrix for all rows of a; with more each matrix of a has its own.
kernels::Gemm plan(const ProductAttrs& t, const Dims& a, const Dims& b) {
  check(a.size() >= 2 && b.size() >= 2, ErrorKind::kShape, "a has shape ", a, ", b has shape ", b,
        ", must have at least 2 axes");
  kernels::Gemm g{t.transpose_a, t.transpose_b, 1, a[a.size() - 2], b.back(), a.back()};
  if (t.transpose_a) std::swap(g.m, g.k);
  int64_t summed = b[b.size() - 2];
  if (t.transpose_b) std::swap(g.n, summed);
  int64_t matrices = 1;
  for (size_t i = 0; i + 2 < a.size(); ++i) matrices *= a[i];
  if (b.size() > 2) {
    g.batch = matrices;
  } else {
    check(!t.transpose_a || a.size() == 2, ErrorKind::kShape, "a has shape ", a,
          ", must have 2 axes with transpose_a");
    g.m *= matrices;
  }
  const bool same =
      b.size() == 2 || (b.size() == a.size() && std::equal(a.begin(), a.end() - 2, b.begin()));
  check(same && summed == g.k, ErrorKind::kShape, "a has shape ", a, ", b has shape ", b,
        ", must be (..., m, k) and (k, n) or (..., k, n), or transposed");
  return g;
}

Spec infer(const ProductAttrs& t, const Specs& in) {
  for (const Spec& s : in) {
    check(s.dtype == DType::kFloat32, ErrorKind::kType, "an input has dtype ", s.dtype,
          ", must be float32");
    check(num_elements(s.shape) > 0, ErrorKind::kShape, "an input has shape ", s.shape,
          ", must not be empty");
  }
  const kernels::Gemm g = plan(t, in[0].shape, in[1].shape);
  check(static_cast<int>(in.size()) == 2 + t.has_bias + num_operands(t.epilogue),
        ErrorKind::kInvalidArgument, "got ", in.size(), " arrays, must be a, b, the bias with ",
        "has_bias, and one for each step add of the epilogue");
  check(!t.has_bias || in[2].shape == Dims{g.n}, ErrorKind::kShape, "bias has shape ",
        t.has_bias ? in[2].shape : Dims{}, ", must be ", Dims{g.n});
  Dims out = in[0].shape;
  if (t.transpose_a) out[out.size() - 2] = g.m;
  out.back() = g.n;
  check_operands(t.epilogue, in, out);
  return {out, in[0].dtype};
}

void kernel(const ProductAttrs& t, const op::KernelArgs& k) {
  kernels::gemm(plan(t, *k.in[0].shape, *k.in[1].shape), DType::kFloat32, k.in[0].data,
                k.in[1].data, t.has_bias ? k.in[2].data : nullptr, k.out[0].data, k.threads,
                finish_of(t.epilogue, k.in));
}

PLAIT_OP(product, ProductAttrs)
    .doc("Product of matrices, a bias, and an epilogue; made by the graph compiler.")
    .input("a", "float32 (..., m, k); with transpose_a (..., k, m)")
    .input("b", "(k, n) or (..., k, n); with transpose_b (n, k) or (..., n, k)")
    .variadic_input("rest", "bias (n,) with has_bias; one array as the output for each step add")
    .output("output", "(..., m, n)")
    .attr("transpose_a", &ProductAttrs::transpose_a, false, "swap the last two axes of a first")
    .attr("transpose_b", &ProductAttrs::transpose_b, false, "swap the last two axes of b first")
    .attr("has_bias", &ProductAttrs::has_bias, false, "a bias is given")
    .attr("epilogue", &ProductAttrs::epilogue, EpilogueRef(),
          "what is done to each result, as 'add; relu'; see kernels/epilogue.h")
    .infer(infer)
    .cpu(kernel)
    .flops([](const ProductAttrs& t, const Specs& in) {
      const kernels::Gemm g = plan(t, in[0].shape, in[1].shape);
      return 2.0 * static_cast<double>(g.batch * g.m) * static_cast<double>(g.n) *
             static_cast<double>(g.k);
    });

}  // namespace
}  // namespace plait::ops
