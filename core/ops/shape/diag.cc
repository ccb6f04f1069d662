#include "kernels/copy.h"
#include "op/functions.h"
#include "op/op.h"
#include "ops/shape/diagonal.h"
#include "ops/sizes.h"

// Diagonals of matrices, and matrices made of diagonals.
namespace plait::ops {
namespace {

struct DiagAttrs {
  int64_t k, axis1, axis2;
  Dims shape;  // of the matrices, for place_diag only
};

// The diagonal of matrices; unlike NumPy's, one that they do not have is an error.
Diagonal diagonal_of(const DiagAttrs& a, const Dims& data, const Dims& steps) {
  Diagonal d(a.k, a.axis1, a.axis2, data, steps);
  const auto ndim = static_cast<int64_t>(data.size());
  check(d.shape.back() > 0 || num_elements(data) == 0, ErrorKind::kInvalidArgument, "k is ", a.k,
        ", must name a diagonal of matrices of ", data[normalize_axis(a.axis1, ndim)], " x ",
        data[normalize_axis(a.axis2, ndim)]);
  return d;
}

// A matrix that has a vector of n numbers on its diagonal k.
Dims square(int64_t n, int64_t k) {
  check_diagonal(k, "k");
  const int64_t side = n + std::abs(k);
  return {side, side};
}

PLAIT_OP(diag, DiagAttrs)
    .doc("A diagonal of matrices; or, from a vector, the matrix that has it on its diagonal.")
    .input("data", "vector, or array of at least 2 axes")
    .output("out", "the other axes, then the diagonal; for a vector a square matrix")
    .attr("k", &DiagAttrs::k, 0, "which diagonal: > 0 above the main one, < 0 below")
    .attr("axis1", &DiagAttrs::axis1, 0, "axis of the rows")
    .attr("axis2", &DiagAttrs::axis2, 1, "axis of the columns")
    .on("nd sym", "diag")
    .infer([](const DiagAttrs& a, const Specs& in) -> Spec {
      const Dims& d = in[0].shape;
      check(!d.empty(), ErrorKind::kShape, "data has shape (), must have an axis");
      if (d.size() == 1) return {square(d[0], a.k), in[0].dtype};
      return {diagonal_of(a, d, contiguous_strides(d)).shape, in[0].dtype};
    })
    .takes_complex()
    .cpu([](const DiagAttrs& a, const op::KernelArgs& k) {
      if (k.in[0].ndim() > 1) {
        const Diagonal d = diagonal_of(a, *k.in[0].shape, *k.in[0].strides);
        return kernels::copy(d.of(k.in[0]), k.out[0], k.threads);
      }
      kernels::fill(k.out[0], 0, k.threads);
      const Diagonal d(a.k, 0, 1, *k.out[0].shape, *k.out[0].strides);
      kernels::copy(k.in[0], d.of(k.out[0]), k.threads);
    })
    .portable()
    .strided()
    .grad(
        [](const DiagAttrs& a, const GradArgs& g) -> Values {
          static const OpCall kDiag("diag", {"k"}),
              kPlace("place_diag", {"k", "axis1", "axis2", "shape"});
          const Dims& shape = g.in_spec(0).shape;
          if (shape.size() == 1) return {kDiag({g.dout()}, {a.k})};
          return {kPlace({g.dout()}, {a.k, a.axis1, a.axis2, shape})};
        },
        op::saves_nothing());

PLAIT_OP(place_diag, DiagAttrs)
    .doc("Zeros with data on a diagonal: the gradient of diag.")
    .input("data", "what diag gives for the result")
    .output("out", "array of the given shape")
    .attr("k", &DiagAttrs::k, 0, "as for diag")
    .attr("axis1", &DiagAttrs::axis1, 0, "as for diag")
    .attr("axis2", &DiagAttrs::axis2, 1, "as for diag")
    .required_attr("shape", &DiagAttrs::shape, "shape of the result, at least 2 axes")
    .infer([](const DiagAttrs& a, const Specs& in) -> Spec {
      check_size(a.shape, 1);
      const Diagonal d = diagonal_of(a, a.shape, contiguous_strides(a.shape));
      check(in[0].shape == d.shape, ErrorKind::kShape, "data has shape ", in[0].shape, ", must be ",
            d.shape);
      return {a.shape, in[0].dtype};
    })
    .takes_complex()
    .cpu([](const DiagAttrs& a, const op::KernelArgs& k) {
      kernels::fill(k.out[0], 0, k.threads);
      const Diagonal d = diagonal_of(a, a.shape, *k.out[0].strides);
      kernels::copy(k.in[0], d.of(k.out[0]), k.threads);
    })
    .portable()
    .strided()
    .grad(
        [](const DiagAttrs& a, const GradArgs& g) -> Values {
          static const OpCall kDiag("diag", {"k", "axis1", "axis2"});
          return {kDiag({g.dout()}, {a.k, a.axis1, a.axis2})};
        },
        op::saves_nothing());

}  // namespace
}  // namespace plait::ops
