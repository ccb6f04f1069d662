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

// The diagonal becomes the last axis; the two axes go.
void diagonal_of(const DiagonalAttrs& a, const View& in, ViewPlan& out) {
  const int64_t ndim = in.ndim();
  const int64_t rows = normalize_axis(a.axis1, ndim, "axis1");
  const int64_t columns = normalize_axis(a.axis2, ndim, "axis2");
  check(rows != columns, ErrorKind::kInvalidArgument, "axis2 is ", a.axis2,
        ", must differ from axis1, which is ", a.axis1);
  for (int64_t i = 0; i < ndim; ++i) {
    if (i == rows || i == columns) continue;
    out.shape.push_back(in.dim(i));
    out.strides.push_back(in.stride(i));
  }
  const int64_t down = a.offset < 0 ? -a.offset : 0, right = a.offset > 0 ? a.offset : 0;
  const int64_t n = std::min(in.dim(rows) - down, in.dim(columns) - right);
  out.shape.push_back(std::max<int64_t>(0, n));
  out.strides.push_back(in.stride(rows) + in.stride(columns));
  out.offset = num_elements(out.shape) ? down * in.stride(rows) + right * in.stride(columns) : 0;
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
      diagonal_of(a, in, out);
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
      const Dims strides = contiguous_strides(a.shape);
      ViewPlan plan;
      diagonal_of(a, {nullptr, &a.shape, &strides, in[0].dtype, true}, plan);
      check(plan.shape == in[0].shape, ErrorKind::kShape, "data has shape ", in[0].shape,
            ", must be ", plan.shape, ", the diagonal of ", a.shape);
      return {a.shape, in[0].dtype};
    })
    .cpu([](const DiagonalAttrs& a, const op::KernelArgs& k) {
      kernels::fill(k.out[0], 0, k.threads);
      ViewPlan plan;
      diagonal_of(a, k.out[0], plan);
      const View place{k.out[0].ptr<char>() + plan.offset * dtype_size(k.out[0].dtype), &plan.shape,
                       &plan.strides, k.out[0].dtype, is_contiguous(plan.shape, plan.strides)};
      kernels::copy(k.in[0], place, k.threads);
    })
    .grad(
        [](const DiagonalAttrs& a, const GradArgs& g) -> Values {
          static const OpCall diagonal("diagonal", {"offset", "axis1", "axis2"});
          return {diagonal({g.dout()}, {a.offset, a.axis1, a.axis2})};
        },
        op::saves_nothing());

}  // namespace
}  // namespace plait::ops
