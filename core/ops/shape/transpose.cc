#include <algorithm>

#include "op/functions.h"
#include "op/op.h"

// Operators that exchange or turn round axes.
namespace plait::ops {
namespace {

using op::ViewPlan;

struct AxesAttrs {
  Dims axes;
};

// The permutation that `axes` means: () reverses all axes.
Dims permutation(const Dims& axes, int64_t ndim) {
  Dims order(static_cast<size_t>(ndim));
  if (axes.empty()) {
    for (int64_t i = 0; i < ndim; ++i) order[i] = ndim - 1 - i;
    return order;
  }
  check(static_cast<int64_t>(axes.size()) == ndim, ErrorKind::kInvalidArgument, "axes is ", axes,
        ", must name all ", ndim, " axes of data");
  std::vector<bool> seen(axes.size(), false);
  for (size_t i = 0; i < axes.size(); ++i) {
    order[i] = normalize_axis(axes[i], ndim, "axes");
    check(!seen[order[i]], ErrorKind::kInvalidArgument, "axes is ", axes,
          ", must not repeat an axis");
    seen[order[i]] = true;
  }
  return order;
}

void permute(const View& in, const Dims& order, ViewPlan& out) {
  for (int64_t axis : order) {
    out.shape.push_back(in.dim(axis));
    out.strides.push_back(in.stride(axis));
  }
}

Value transposed(const Value& v, const Dims& axes) {
  static const OpCall transpose("transpose", {"axes"});
  return transpose({v}, {axes});
}

PLAIT_OP(transpose, AxesAttrs)
    .doc("Axes in another order.")
    .input("data", "array of any shape")
    .output("out", "axis i of the result is axis axes[i] of data")
    .attr("axes", &AxesAttrs::axes, Dims{}, "order of the axes; (): the reverse order")
    .on("nd sym np", "transpose")
    .view([](const AxesAttrs& a, const View& in, ViewPlan& out) {
      permute(in, permutation(a.axes, in.ndim()), out);
      return true;
    })
    .grad(
        [](const AxesAttrs& a, const GradArgs& g) -> Values {
          const Dims order = permutation(a.axes, static_cast<int64_t>(g.in_spec(0).shape.size()));
          Dims back(order.size());
          for (size_t i = 0; i < order.size(); ++i) back[order[i]] = static_cast<int64_t>(i);
          return {order.empty() ? g.dout() : transposed(g.dout(), back)};
        },
        op::saves_nothing());

struct SwapAttrs {
  int64_t dim1, dim2;
};
Dims swapped(const SwapAttrs& a, int64_t ndim) {
  Dims order(static_cast<size_t>(ndim));
  for (int64_t i = 0; i < ndim; ++i) order[i] = i;
  std::swap(order[normalize_axis(a.dim1, ndim, "dim1")],
            order[normalize_axis(a.dim2, ndim, "dim2")]);
  return order;
}

PLAIT_OP(swap_axes, SwapAttrs)
    .doc("Exchanges two axes.")
    .input("data", "array with the two axes")
    .output("out", "data with dim1 and dim2 exchanged")
    .attr("dim1", &SwapAttrs::dim1, 0, "first axis")
    .attr("dim2", &SwapAttrs::dim2, 0, "second axis")
    .on("nd sym", "SwapAxis")
    .on("nd sym np", "swapaxes")
    .view([](const SwapAttrs& a, const View& in, ViewPlan& out) {
      permute(in, swapped(a, in.ndim()), out);
      return true;
    })
    .grad(
        [](const SwapAttrs& a, const GradArgs& g) -> Values {
          return {
              transposed(g.dout(), swapped(a, static_cast<int64_t>(g.in_spec(0).shape.size())))};
        },
        op::saves_nothing());

struct FlipAttrs {
  std::optional<Dims> axis;
};

PLAIT_OP(flip, FlipAttrs)
    .doc("Turns axes round: the last element comes first.")
    .input("data", "array of any shape")
    .output("out", "shape of data")
    .attr("axis", &FlipAttrs::axis, std::optional<Dims>(), "axes that are turned; None: all")
    .on("nd sym np", "flip")
    .on("nd sym", "reverse")
    .view([](const FlipAttrs& a, const View& in, ViewPlan& out) {
      out.shape = *in.shape;
      out.strides = *in.strides;
      Dims axes;
      if (a.axis)
        axes = *a.axis;
      else
        for (int64_t i = 0; i < in.ndim(); ++i) axes.push_back(i);
      for (int64_t axis : axes) {
        const int64_t i = normalize_axis(axis, in.ndim());
        if (out.shape[i] > 0) out.offset += (out.shape[i] - 1) * out.strides[i];
        out.strides[i] = -out.strides[i];
      }
      return true;
    })
    .grad(
        [](const FlipAttrs& a, const GradArgs& g) -> Values {
          static const OpCall flip("flip", {"axis"});
          return {a.axis ? flip({g.dout()}, {*a.axis}) : flip({g.dout()})};
        },
        op::saves_nothing());

}  // namespace
}  // namespace plait::ops
