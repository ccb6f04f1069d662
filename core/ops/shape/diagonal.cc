#include "ops/shape/diagonal.h"
#include "kernels/copy.h"
#include "op/functions.h"
#include "op/op.h"

// Diagonals of two axes as views, and the reverse.
namespace plait::ops {
namespace {

using op::ViewPlan;

struct DiagonalAttrs {
  int64_t offset, axis1, axis2;
  Dims shape;  // of the whole, for placing a diagonal
};

Diagonal diagonal_of(const DiagonalAttrs& a, const Dims& data, const Dims& steps) {
  return Diagonal(a.offset, a.axis1, a.axis2, data, steps);
}

PLAIT_OP(diagonal, DiagonalAttrs)
    .doc("The diagonal of the matrices that two axes form, as the last axis.")
    .input("data", "array with at least two axes")
    .output("out", "the other axes, then the diagonal")
    .attr("offset", &DiagonalAttrs::offset, 0, "0: main diagonal, > 0: above it, < 0: below it")
    .attr("axis1", &DiagonalAttrs::axis1, 0, "rows of the matrices")
    .attr("axis2", &DiagonalAttrs::axis2, 1, "columns of the matrices")
    .on("np", "diagonal")
    .view([](const DiagonalAttrs& a, const View& in, ViewPlan& out) {
      Diagonal d = diagonal_of(a, *in.shape, *in.strides);
      out = {std::move(d.shape), std::move(d.strides), d.offset};
      return true;
    })
    .grad(
        [](const DiagonalAttrs& a, const GradArgs& g) -> Values {
          static const OpCall place("place_diagonal", {"shape", "offset", "axis1", "axis2"});
          return {place({g.dout()}, {g.in_spec(0).shape, a.offset, a.axis1, a.axis2})};
        },
        op::saves_nothing());

PLAIT_OP(place_diagonal, DiagonalAttrs)
    .doc("Zeros with the data on a diagonal: the gradient of diagonal.")
    .input("data", "array of the shape that diagonal gives")
    .output("out", "array of the given shape")
    .required_attr("shape", &DiagonalAttrs::shape, "shape of the result")
    .attr("offset", &DiagonalAttrs::offset, 0, "as in diagonal")
    .attr("axis1", &DiagonalAttrs::axis1, 0, "as in diagonal")
    .attr("axis2", &DiagonalAttrs::axis2, 1, "as in diagonal")
    .infer([](const DiagonalAttrs& a, const Specs& in) -> Spec {
      check_size(a.shape, 1);
      const Diagonal d = diagonal_of(a, a.shape, contiguous_strides(a.shape));
      check(d.shape == in[0].shape, ErrorKind::kShape, "data has shape ", in[0].shape, ", must be ",
            d.shape, ", the diagonal of ", a.shape);
      return {a.shape, in[0].dtype};
    })
    .takes_complex()
    .cpu([](const DiagonalAttrs& a, const op::KernelArgs& k) {
      kernels::fill(k.out[0], 0, k.threads);
      const Diagonal d = diagonal_of(a, *k.out[0].shape, *k.out[0].strides);
      kernels::copy(k.in[0], d.of(k.out[0]), k.threads);
    })
    .portable()
    .grad(
        [](const DiagonalAttrs& a, const GradArgs& g) -> Values {
          static const OpCall diagonal("diagonal", {"offset", "axis1", "axis2"});
          return {diagonal({g.dout()}, {a.offset, a.axis1, a.axis2})};
        },
        op::saves_nothing());

}  // namespace
}  // namespace plait::ops
