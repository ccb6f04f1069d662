#include "op/functions.h"
#include "op/op.h"

// Operators that repeat axes of size 1 without copying.
namespace plait::ops {
namespace {

using op::ViewPlan;

struct ShapeAttrs {
  Dims shape;
};
struct AxisAttrs {
  Dims axis, size;
};

// `in` stretched to `shape`, which has at least as many axes.
void stretch(const View& in, const Dims& shape, ViewPlan& out) {
  check(static_cast<int64_t>(shape.size()) >= in.ndim(), ErrorKind::kShape, "shape is ", shape,
        ", must have at least the axes of ", *in.shape);
  check_size(shape, dtype_size(in.dtype));
  const size_t extra = shape.size() - in.shape->size();
  out.shape = shape;
  out.strides = Dims(shape.size(), 0);
  for (size_t i = extra; i < shape.size(); ++i) {
    const int64_t from = in.dim(static_cast<int64_t>(i - extra));
    check(from == shape[i] || from == 1, ErrorKind::kShape, "shape is ", shape,
          ", must be that of data ", *in.shape, " except where data has size 1");
    if (from != 1) out.strides[i] = in.stride(static_cast<int64_t>(i - extra));
  }
}

template <class A>
Values back(const A&, const GradArgs& g) {
  return {op::sum_to(g.dout(), g.in_spec(0).shape)};
}

PLAIT_OP(broadcast_to, ShapeAttrs)
    .doc(
        "Repeats axes of size 1. A size of 0 in shape keeps that of data where both have as many "
        "axes.")
    .input("data", "array that broadcasts to shape")
    .output("out", "array of the given shape")
    .attr("shape", &ShapeAttrs::shape, Dims{}, "shape of the result")
    .on("nd sym np", "broadcast_to")
    .view([](const ShapeAttrs& a, const View& in, ViewPlan& out) {
      Dims shape = a.shape;
      if (shape.size() == in.shape->size()) {
        for (size_t i = 0; i < shape.size(); ++i) {
          if (shape[i] == 0) shape[i] = in.dim(static_cast<int64_t>(i));
        }
      }
      stretch(in, shape, out);
      return true;
    })
    .grad(back<ShapeAttrs>, op::saves_nothing());

PLAIT_OP(broadcast_axis, AxisAttrs)
    .doc("Repeats the given axes, which must have size 1.")
    .input("data", "array of any shape")
    .output("out", "data with axis[i] of size size[i]")
    .attr("axis", &AxisAttrs::axis, Dims{}, "axes of size 1")
    .attr("size", &AxisAttrs::size, Dims{}, "their new sizes")
    .on("nd sym", "broadcast_axis")
    .on("nd sym", "broadcast_axes")
    .view([](const AxisAttrs& a, const View& in, ViewPlan& out) {
      check(a.axis.size() == a.size.size(), ErrorKind::kInvalidArgument, "size is ", a.size,
            ", must have one entry for each of axis ", a.axis);
      Dims shape = *in.shape;
      for (size_t i = 0; i < a.axis.size(); ++i) {
        const int64_t axis = normalize_axis(a.axis[i], in.ndim());
        check(in.dim(axis) == 1, ErrorKind::kShape, "axis is ", a.axis[i], " of size ",
              in.dim(axis), ", must have size 1");
        shape[axis] = a.size[i];
      }
      stretch(in, shape, out);
      return true;
    })
    .grad(back<AxisAttrs>, op::saves_nothing());

}  // namespace
}  // namespace plait::ops
