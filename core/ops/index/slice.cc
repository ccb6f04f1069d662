#include "op/functions.h"
#include "op/op.h"
#include "ops/index/region.h"

// Slices: parts of an array that are views of its memory.
namespace plait::ops {
namespace {

struct BasicAttrs {
  Dims begin, end, step, squeeze;
};
struct SliceAttrs {
  Dims begin, end, step;
};
struct AxisAttrs {
  int64_t axis, begin;
  std::optional<int64_t> end;
};

Region region_of(const SliceAttrs& a, const Dims& shape) {
  check(a.begin.size() == a.end.size() && a.begin.size() <= shape.size(),
        ErrorKind::kInvalidArgument, "begin is ", a.begin, " and end is ", a.end,
        ", must have equal length, at most ", shape.size());
  check(a.step.empty() || a.step.size() == a.begin.size(), ErrorKind::kInvalidArgument, "step is ",
        a.step, ", must be empty or as long as begin");
  Region r(shape);
  for (size_t i = 0; i < a.begin.size(); ++i) {
    r.slice(static_cast<int64_t>(i), a.begin[i], a.end[i], a.step.empty() ? 1 : a.step[i]);
  }
  return r;
}

PLAIT_OP(slice, SliceAttrs)
    .doc("Part of an array: begin <= index < end along the first axes, by step.")
    .input("data", "array of any shape")
    .output("out", "array with as many axes")
    .required_attr("begin", &SliceAttrs::begin,
                   "first index of each axis; negative counts from the end, None: all")
    .required_attr("end", &SliceAttrs::end, "index behind the last one; None: up to the end")
    .attr("step", &SliceAttrs::step, Dims{}, "distance; negative runs backwards; (): 1")
    .on("nd sym", "slice")
    .on("nd sym", "crop")
    .on("npx", "slice")
    .view([](const SliceAttrs& a, const View& in, ViewPlan& out) {
      select(in, region_of(a, *in.shape), out);
      return true;
    })
    .grad(
        [](const SliceAttrs& a, const GradArgs& g) -> Values {
          const Dims& whole = g.in_spec(0).shape;
          return {place_region(g.dout(), region_of(a, whole), whole)};
        },
        op::saves_nothing());

Region region_of(const BasicAttrs& a, const Dims& shape) {
  check(a.begin.size() == shape.size() && a.end.size() == shape.size() &&
            a.step.size() == shape.size(),
        ErrorKind::kInvalidArgument, "begin is ", a.begin, ", begin, end and step must have ",
        shape.size(), " entries");
  Region r(shape);
  for (size_t i = 0; i < shape.size(); ++i) {
    const int64_t begin = a.begin[i], end = a.end[i], step = a.step[i], n = shape[i];
    check(step > kNone && step != 0, ErrorKind::kInvalidArgument, "step is ", a.step,
          ", must not be 0");
    const bool is_empty = step > 0 ? begin >= end : begin <= end;
    check(is_empty || (begin >= 0 && begin < n && end >= -1 && end <= n), ErrorKind::kIndex,
          "begin is ", a.begin, " and end is ", a.end, ", must lie in shape ", shape);
    const int64_t count = is_empty ? 0 : (std::abs(end - begin) - 1) / std::abs(step) + 1;
    r.set(static_cast<int64_t>(i), begin, count, step);
  }
  return r;
}

PLAIT_OP(basic_index, BasicAttrs)
    .doc(
        "What an index of integers and slices selects, with bounds as slice.indices(n) gives them: "
        "indices begin, begin + step, ... before end along every axis.")
    .input("data", "array of any shape")
    .output("out", "the selected part, without the axes in squeeze")
    .required_attr("begin", &BasicAttrs::begin, "first index along each axis, >= 0")
    .required_attr("end", &BasicAttrs::end, "first index that is not taken; -1 backwards from 0")
    .required_attr("step", &BasicAttrs::step, "distance, not 0")
    .attr("squeeze", &BasicAttrs::squeeze, Dims{},
          "axes that are dropped; they must have one index")
    .view([](const BasicAttrs& a, const View& in, ViewPlan& out) {
      select(in, region_of(a, *in.shape), out);
      std::vector<bool> goes(in.shape->size(), false);
      for (int64_t axis : a.squeeze) {
        const int64_t i = normalize_axis(axis, in.ndim(), "squeeze");
        check(out.shape[i] == 1, ErrorKind::kInvalidArgument, "squeeze is ", a.squeeze,
              ", must name axes with one index");
        goes[static_cast<size_t>(i)] = true;
      }
      for (size_t i = goes.size(); i-- > 0;) {
        if (!goes[i]) continue;
        out.shape.erase(i);
        out.strides.erase(i);
      }
      return true;
    })
    .grad(
        [](const BasicAttrs& a, const GradArgs& g) -> Values {
          const Dims& whole = g.in_spec(0).shape;
          return {place_region(g.dout(), region_of(a, whole), whole)};
        },
        op::saves_nothing());

Region region_of(const AxisAttrs& a, const Dims& shape) {
  const int64_t axis = normalize_axis(a.axis, static_cast<int64_t>(shape.size()));
  Region r(shape);
  r.slice(axis, a.begin, a.end.value_or(kNone), 1);
  return r;
}

PLAIT_OP(slice_axis, AxisAttrs)
    .doc("Part of an array along one axis.")
    .input("data", "array of any shape")
    .output("out", "array with end - begin indices along axis")
    .required_attr("axis", &AxisAttrs::axis, "axis; negative counts from the end")
    .required_attr("begin", &AxisAttrs::begin, "first index; negative counts from the end")
    .attr("end", &AxisAttrs::end, std::optional<int64_t>(),
          "index behind the last one; None: up to the end")
    .on("nd sym", "slice_axis")
    .view([](const AxisAttrs& a, const View& in, ViewPlan& out) {
      select(in, region_of(a, *in.shape), out);
      return true;
    })
    .grad(
        [](const AxisAttrs& a, const GradArgs& g) -> Values {
          const Dims& whole = g.in_spec(0).shape;
          return {place_region(g.dout(), region_of(a, whole), whole)};
        },
        op::saves_nothing());

}  // namespace
}  // namespace plait::ops
