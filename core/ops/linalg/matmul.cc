#include "kernels/gemm.h"
#include "op/functions.h"
#include "op/op.h"

// Matrix products with NumPy's rules: vectors, and batches that broadcast.
namespace plait::ops {
namespace {

using op::KernelArgs;
using op::NoAttrs;

// Both operands as batches of matrices.
struct Product {
  Dims batch, x_batch, y_batch;  // of the result and of the operands
  int64_t m = 1, k = 1, n = 1;
  bool x_vector, y_vector;

  Product(const Dims& x, const Dims& y) : x_vector(x.size() == 1), y_vector(y.size() == 1) {
    check(!x.empty() && !y.empty(), ErrorKind::kShape, "lhs has shape ", x, ", rhs has shape ", y,
          ", must have at least 1 axis");
    k = x.back();
    if (!x_vector) {
      m = x[x.size() - 2];
      x_batch = Dims(x.begin(), x.end() - 2);
    }
    const int64_t rows = y_vector ? y[0] : y[y.size() - 2];
    if (!y_vector) {
      n = y.back();
      y_batch = Dims(y.begin(), y.end() - 2);
    }
    check(rows == k, ErrorKind::kShape, "lhs has shape ", x, ", rhs has shape ", y,
          "; lhs.shape[-1] is ", k, ", must equal ", rows, ", the rows of rhs");
    batch = broadcast_shapes(x_batch, y_batch);
  }
  Dims shape() const {
    Dims out = batch;
    if (!x_vector) out.push_back(m);
    if (!y_vector) out.push_back(n);
    return out;
  }
};

// Offset, in matrices, of each matrix of the broadcast batch.
std::vector<int64_t> matrix_of(const Dims& own, const Dims& batch) {
  Dims strides(batch.size(), 0);
  const Dims dense = contiguous_strides(own);
  const size_t extra = batch.size() - own.size();
  for (size_t i = 0; i < own.size(); ++i) {
    if (own[i] != 1) strides[extra + i] = dense[i];
  }
  std::vector<int64_t> out;
  const int64_t count = num_elements(batch);
  for (int64_t b = 0; b < count; ++b) {
    int64_t rest = b, at = 0;
    for (size_t d = batch.size(); d-- > 0; rest /= batch[d]) at += rest % batch[d] * strides[d];
    out.push_back(at);
  }
  return out;
}

void matmul_kernel(const NoAttrs&, const KernelArgs& k) {
  const View &x = k.in[0], &y = k.in[1], &out = k.out[0];
  const Product p(*x.shape, *y.shape);
  kernels::Gemm g{false, false, num_elements(p.batch), p.m, p.n, p.k};
  if (p.x_batch == p.y_batch) {
    kernels::gemm(g, out.dtype, x.data, y.data, nullptr, out.data, k.threads);
    return;
  }
  if (num_elements(p.y_batch) == 1) {  // the rows of all matrices together
    g.m *= g.batch;
    g.batch = 1;
    kernels::gemm(g, out.dtype, x.data, y.data, nullptr, out.data, k.threads);
    return;
  }
  g.batch = 1;
  const std::vector<int64_t> xs = matrix_of(p.x_batch, p.batch), ys = matrix_of(p.y_batch, p.batch);
  const int64_t item = dtype_size(out.dtype);
  for (size_t b = 0; b < xs.size(); ++b) {
    kernels::gemm(g, out.dtype, x.ptr<char>() + xs[b] * p.m * p.k * item,
                  y.ptr<char>() + ys[b] * p.k * p.n * item, nullptr,
                  out.ptr<char>() + static_cast<int64_t>(b) * p.m * p.n * item, k.threads);
  }
}

Value transposed(const Value& v) {
  static const OpCall swap("swap_axes", {"dim1", "dim2"});
  return swap({v}, {int64_t{-1}, int64_t{-2}});
}

// With X and Y as matrices: dX = dZ Y^T, dY = X^T dZ, summed over the broadcast batch.
Values matmul_grad(const NoAttrs&, const GradArgs& g) {
  static const OpCall matmul("matmul");
  const Dims &xs = g.in_spec(0).shape, &ys = g.in_spec(1).shape;
  const Product p(xs, ys);
  const auto with = [](Dims batch, int64_t rows, int64_t columns) {
    batch.push_back(rows);
    batch.push_back(columns);
    return batch;
  };
  const Dims xm = with(p.x_batch, p.m, p.k), ym = with(p.y_batch, p.k, p.n);
  const Value dz = op::reshape_to(g.dout(), with(p.batch, p.m, p.n));
  Values d(2);
  if (g.needs_grad(0)) {
    const Value y = transposed(op::reshape_to(g.in(1), ym));
    d[0] = op::reshape_to(op::sum_to(matmul({dz, y}), xm), xs);
  }
  if (g.needs_grad(1)) {
    const Value x = transposed(op::reshape_to(g.in(0), xm));
    d[1] = op::reshape_to(op::sum_to(matmul({x, dz}), ym), ys);
  }
  return d;
}

PLAIT_OP(matmul, NoAttrs)
    .doc(
        "Matrix product; leading axes are batches that broadcast, and vectors are rows on the "
        "left and columns on the right.")
    .input("lhs", "(..., m, k) or (k,)")
    .input("rhs", "(..., k, n) or (k,)")
    .output("out", "(..., m, n) without the axes of vectors")
    .infer([](const NoAttrs&, const Specs& in) -> Spec {
      check(in[0].dtype == in[1].dtype, ErrorKind::kType, "rhs has dtype ", in[1].dtype,
            ", must be ", in[0].dtype, " as lhs");
      return {Product(in[0].shape, in[1].shape).shape(), in[0].dtype};
    })
    .cpu(matmul_kernel)
    .portable()
    .flops([](const NoAttrs&, const Specs& in) {
      const Product p(in[0].shape, in[1].shape);
      return 2.0 * static_cast<double>(num_elements(p.batch) * p.m) * static_cast<double>(p.n) *
             static_cast<double>(p.k);
    })
    .takes_complex()
    .grad(matmul_grad, op::saves_inputs());

}  // namespace
}  // namespace plait::ops
