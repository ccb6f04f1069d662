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
  int64_t packed;  // columns of the matrix that b was made of; 0: it is that matrix
};
struct PackAttrs {
  int64_t rows;
  bool transpose_b;
};

kernels::Gemm packed_plan(const ProductAttrs& t, const Dims& a) {
  check(a.size() >= 2 && !t.transpose_a, ErrorKind::kShape, "a has shape ", a,
        ", must have at least 2 axes, and no transpose_a with packed");
  kernels::Gemm g{false, false, 1, 1, t.packed, a.back()};
  for (size_t i = 0; i + 1 < a.size(); ++i) g.m *= a[i];
  return g;
}

// With two axes b is one matrix for all rows of a; with more each matrix of a has its own.
kernels::Gemm plan(const ProductAttrs& t, const Dims& a, const Dims& b) {
  if (t.packed) return packed_plan(t, a);
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
  check(!t.packed || in[1].shape == Dims{kernels::gemm_packed_size(g)}, ErrorKind::kShape,
        "b has shape ", in[1].shape, ", must be what product_pack made for these sizes");
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
  const kernels::Gemm g = plan(t, *k.in[0].shape, *k.in[1].shape);
  const kernels::Finish finish = finish_of(t.epilogue, k.in);
  if (t.packed) {
    return kernels::gemm_packed(g, g, k.in[0].ptr<float>(), k.in[1].ptr<float>(),
                                t.has_bias ? k.in[2].ptr<float>() : nullptr, k.out[0].ptr<float>(),
                                k.threads, finish);
  }
  kernels::gemm(g, DType::kFloat32, k.in[0].data, k.in[1].data, t.has_bias ? k.in[2].data : nullptr,
                k.out[0].data, k.threads, finish);
}

kernels::Gemm pack_plan(const PackAttrs& t, const Dims& b) {
  check(b.size() == 2 && t.rows > 0 && num_elements(b) > 0, ErrorKind::kShape, "b has shape ", b,
        ", rows is ", t.rows, ", must have 2 axes and rows be > 0");
  return {false, t.transpose_b, 1, t.rows, b[t.transpose_b ? 0 : 1], b[t.transpose_b ? 1 : 0]};
}

Spec infer_pack(const PackAttrs& t, const Specs& in) {
  check(in[0].dtype == DType::kFloat32, ErrorKind::kType, "b has dtype ", in[0].dtype,
        ", must be float32");
  return {{kernels::gemm_packed_size(pack_plan(t, in[0].shape))}, in[0].dtype};
}

void pack_kernel(const PackAttrs& t, const op::KernelArgs& k) {
  kernels::gemm_pack(pack_plan(t, *k.in[0].shape), k.in[0].ptr<float>(), k.out[0].ptr<float>(),
                     k.threads);
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
    .attr("packed", &ProductAttrs::packed, 0,
          "> 0: b is what product_pack made of a matrix with so many columns")
    .infer(infer)
    .cpu(kernel)
    .flops([](const ProductAttrs& t, const Specs& in) {
      const kernels::Gemm g = plan(t, in[0].shape, in[1].shape);
      return 2.0 * static_cast<double>(g.batch * g.m) * static_cast<double>(g.n) *
             static_cast<double>(g.k);
    });

PLAIT_OP(product_pack, PackAttrs)
    .doc("A matrix in the layout that the kernel of product reads; made by the graph compiler.")
    .input("b", "float32 (k, n); with transpose_b (n, k)")
    .output("packed", "vector of a length that depends on the processor")
    .required_attr("rows", &PackAttrs::rows, "rows of the products, > 0")
    .attr("transpose_b", &PackAttrs::transpose_b, false, "swap the axes of b first")
    .infer(infer_pack)
    .cpu(pack_kernel);

}  // namespace
}  // namespace plait::ops
