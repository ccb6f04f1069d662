#include "ops/shape/reshape.h"

#include "op/functions.h"
#include "op/op.h"

// Operators that keep the elements in order and change the axes.
namespace plait::ops {
namespace {

struct ReshapeAttrs {
  Dims shape;
  bool reverse;
  std::string order;
  Dims target_shape;
  bool keep_highest;
};
struct ShapeAttrs {
  Dims shape;
};
struct AxisAttrs {
  int64_t axis;
};
struct AxesAttrs {
  std::optional<Dims> axis;
};

Value back_to_input(const GradArgs& g) { return op::reshape_to(g.dout(), g.in_spec(0).shape); }

// The shape that the older attributes ask for: one size may be 0, it takes what is left.
Dims shape_of_target(const ReshapeAttrs& a, const Dims& in) {
  Dims out = a.target_shape;
  if (a.keep_highest && !in.empty()) out[0] = in[0];
  for (int64_t& size : out) size = size == 0 ? -1 : size;
  complete_shape(out, in);
  return out;
}

PLAIT_OP(reshape, ReshapeAttrs)
    .doc(
        "The same elements in other axes. In shape, 0 keeps the size of that axis, -1 takes what "
        "is "
        "left, -2 copies the remaining axes, -3 merges two axes, -4 splits one into the two sizes "
        "that follow.")
    .input("data", "array of any shape")
    .output("out", "array with as many elements")
    .attr("shape", &ReshapeAttrs::shape, Dims{}, "sizes or codes")
    .attr("reverse", &ReshapeAttrs::reverse, false, "match axes from the last to the first")
    .attr("order", &ReshapeAttrs::order, "C", "row-major order is the only one")
    .choices({"C"})
    .attr("target_shape", &ReshapeAttrs::target_shape, Dims{},
          "older form of shape; a size of 0 takes what is left")
    .attr("keep_highest", &ReshapeAttrs::keep_highest, false,
          "the first axis of target_shape keeps its size")
    .on("nd sym", "Reshape")
    .on("nd sym", "reshape")
    .view([](const ReshapeAttrs& a, const View& in, ViewPlan& out) {
      out.shape = a.shape.empty() && !a.target_shape.empty()
                      ? shape_of_target(a, *in.shape)
                      : expand_reshape_codes(a.shape, *in.shape, a.reverse);
      return reshape_strides(in, out);
    })
    .grad([](const ReshapeAttrs&, const GradArgs& g) -> Values { return {back_to_input(g)}; },
          op::saves_nothing());

PLAIT_OP(view_shape, ShapeAttrs)
    .doc("The same elements in the given shape; one size may be -1: what is left.")
    .input("data", "array of any shape")
    .output("out", "array with as many elements")
    .required_attr("shape", &ShapeAttrs::shape, "sizes of the axes")
    .on("np", "reshape")
    .view([](const ShapeAttrs& a, const View& in, ViewPlan& out) {
      out.shape = a.shape;
      complete_shape(out.shape, *in.shape);
      return reshape_strides(in, out);
    })
    .grad([](const ShapeAttrs&, const GradArgs& g) -> Values { return {back_to_input(g)}; },
          op::saves_nothing());

PLAIT_OP(flatten, op::NoAttrs)
    .doc("Merges all axes but the first.")
    .input("data", "array of shape (n, ...)")
    .output("out", "array of shape (n, m)")
    .on("nd sym", "Flatten")
    .on("nd sym npx", "flatten")
    .on("npx", "batch_flatten")
    .view([](const op::NoAttrs&, const View& in, ViewPlan& out) {
      check(in.ndim() > 0, ErrorKind::kShape, "data has shape (), must have an axis");
      out.shape = {in.dim(0), 1};
      for (int64_t i = 1; i < in.ndim(); ++i) out.shape[1] *= in.dim(i);
      return reshape_strides(in, out);
    })
    .grad([](const op::NoAttrs&, const GradArgs& g) -> Values { return {back_to_input(g)}; },
          op::saves_nothing());

PLAIT_OP(expand_dims, AxisAttrs)
    .doc("Inserts an axis of size 1.")
    .input("data", "array of any shape")
    .output("out", "array with one more axis")
    .required_attr("axis", &AxisAttrs::axis, "place of the new axis; negative counts from the end")
    .on("nd sym np", "expand_dims")
    .view([](const AxisAttrs& a, const View& in, ViewPlan& out) {
      const size_t axis = static_cast<size_t>(normalize_axis(a.axis, in.ndim() + 1));
      out.shape = *in.shape;
      out.strides = *in.strides;
      const int64_t step = axis < out.shape.size() ? out.shape[axis] * out.strides[axis] : 1;
      out.shape.insert(axis, 1);
      out.strides.insert(axis, step);
      return true;
    })
    .grad([](const AxisAttrs&, const GradArgs& g) -> Values { return {back_to_input(g)}; },
          op::saves_nothing());

PLAIT_OP(squeeze, AxesAttrs)
    .doc("Removes axes of size 1.")
    .input("data", "array of any shape")
    .output("out", "array without these axes")
    .attr("axis", &AxesAttrs::axis, std::optional<Dims>(), "axes of size 1; None: all of them")
    .on("nd sym np", "squeeze")
    .view([](const AxesAttrs& a, const View& in, ViewPlan& out) {
      std::vector<bool> goes(in.shape->size(), false);
      if (a.axis) {
        for (int64_t axis : *a.axis) {
          const int64_t i = normalize_axis(axis, in.ndim());
          check(in.dim(i) == 1, ErrorKind::kInvalidArgument, "axis is ", axis, " of size ",
                in.dim(i), ", must have size 1");
          goes[static_cast<size_t>(i)] = true;
        }
      }
      for (int64_t i = 0; i < in.ndim(); ++i) {
        if (a.axis ? goes[static_cast<size_t>(i)] : in.dim(i) == 1) continue;
        out.shape.push_back(in.dim(i));
        out.strides.push_back(in.stride(i));
      }
      return true;
    })
    .grad([](const AxesAttrs&, const GradArgs& g) -> Values { return {back_to_input(g)}; },
          op::saves_nothing());

}  // namespace
}  // namespace plait::ops
