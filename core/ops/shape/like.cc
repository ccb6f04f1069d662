#include "kernels/copy.h"
#include "op/functions.h"
#include "op/op.h"
#include "ops/index/region.h"

// Shapes taken from another array, whose values do not matter.
namespace plait::ops {
namespace {

using op::AttrValue;
using op::KernelArgs;

Spec reshaped(Dims shape, const Specs& in) {
  check(num_elements(shape) == num_elements(in[0].shape), ErrorKind::kShape, "lhs has shape ",
        in[0].shape, ", must have as many elements as the result, ", shape);
  return {std::move(shape), in[0].dtype};
}

// The elements in their order.
void copy_elements(const KernelArgs& k) {
  const Dims flat{k.in[0].size()}, step{1};
  kernels::copy({k.in[0].data, &flat, &step, k.in[0].dtype, true},
                {k.out[0].data, &flat, &step, k.out[0].dtype, true}, k.threads);
}

struct ReshapeLikeAttrs {
  std::optional<int64_t> lhs_begin, lhs_end, rhs_begin, rhs_end;
};

// Axes [begin, end) of an array of ndim axes; negative numbers count from the end.
std::pair<int64_t, int64_t> range_of(std::optional<int64_t> begin, std::optional<int64_t> end,
                                     const Dims& shape, const char* name) {
  const auto ndim = static_cast<int64_t>(shape.size());
  const auto place = [&](int64_t i) { return i < 0 ? i + ndim : i; };
  const int64_t b = place(begin.value_or(0)), e = end ? place(*end) : ndim;
  check(b >= 0 && b <= e && e <= ndim, ErrorKind::kIndex, name, "_begin and ", name, "_end are ", b,
        " and ", e, ", must be a range of the axes of ", shape);
  return {b, e};
}

PLAIT_OP(reshape_like, ReshapeLikeAttrs)
    .doc("The elements of lhs in the shape of rhs; or a range of axes in that of a range of rhs.")
    .input("lhs", "array of any shape")
    .input("rhs", "array that gives the shape")
    .output("out", "array with the elements of lhs")
    .attr("lhs_begin", &ReshapeLikeAttrs::lhs_begin, std::nullopt, "first axis that is replaced")
    .attr("lhs_end", &ReshapeLikeAttrs::lhs_end, std::nullopt, "axis behind the last replaced one")
    .attr("rhs_begin", &ReshapeLikeAttrs::rhs_begin, std::nullopt, "first axis that is taken")
    .attr("rhs_end", &ReshapeLikeAttrs::rhs_end, std::nullopt, "axis behind the last taken one")
    .on("nd sym", "reshape_like")
    .on("npx", "reshape_like")
    .infer([](const ReshapeLikeAttrs& a, const Specs& in) -> Spec {
      const Dims &l = in[0].shape, &r = in[1].shape;
      const auto [lb, le] = range_of(a.lhs_begin, a.lhs_end, l, "lhs");
      const auto [rb, re] = range_of(a.rhs_begin, a.rhs_end, r, "rhs");
      Dims shape(l.begin(), l.begin() + lb);
      shape.append(r.begin() + rb, r.begin() + re);
      shape.append(l.begin() + le, l.end());
      return reshaped(shape, in);
    })
    .cpu([](const ReshapeLikeAttrs&, const KernelArgs& k) { copy_elements(k); })
    .portable()
    .grad(
        [](const ReshapeLikeAttrs&, const GradArgs& g) -> Values {
          return {op::reshape_to(g.dout(), g.in_spec(0).shape), Value{}};
        },
        op::saves_nothing());

PLAIT_OP(identity_with_attr_like_rhs, op::NoAttrs)
    .doc("lhs; rhs gives hints about its storage in MXNet's files and is not read.")
    .input("lhs", "array of any shape")
    .input("rhs", "array of the same shape")
    .output("out", "lhs")
    .on("nd sym", "_identity_with_attr_like_rhs")
    .infer([](const op::NoAttrs&, const Specs& in) -> Spec { return reshaped(in[1].shape, in); })
    .cpu([](const op::NoAttrs&, const KernelArgs& k) { copy_elements(k); })
    .portable()
    .grad(
        [](const op::NoAttrs&, const GradArgs& g) -> Values {
          return {op::reshape_to(g.dout(), g.in_spec(0).shape), Value{}};
        },
        op::saves_nothing());

struct SliceLikeAttrs {
  Dims axes;
};

Region region_of(const SliceLikeAttrs& a, const Dims& data, const Dims& like) {
  const auto ndim = static_cast<int64_t>(data.size());
  Dims axes = a.axes;
  for (int64_t i = 0; axes.size() < data.size() && a.axes.empty() && i < ndim; ++i) {
    axes.push_back(i);
  }
  check(!a.axes.empty() || data.size() == like.size(), ErrorKind::kShape, "shape_like has shape ",
        like, ", must have ", data.size(), " axes as data if axes is ()");
  Region r(data);
  for (int64_t axis : axes) {
    const int64_t at = normalize_axis(axis, ndim, "axes");
    const int64_t from = axis < 0 ? axis + static_cast<int64_t>(like.size()) : axis;
    check(from >= 0 && from < static_cast<int64_t>(like.size()), ErrorKind::kIndex, "axes has ",
          axis, ", must be an axis of shape_like, ", like);
    const int64_t size = like[static_cast<size_t>(from)];
    check(size <= data[static_cast<size_t>(at)], ErrorKind::kShape, "shape_like has shape ", like,
          ", must not be larger than data, ", data, ", along axis ", axis);
    r.slice(at, 0, size, 1);
  }
  return r;
}

PLAIT_OP(slice_like, SliceLikeAttrs)
    .doc("The first elements of data along axes, as many as another array has.")
    .input("data", "array of any shape")
    .input("shape_like", "array that gives the sizes")
    .output("out", "data with the sizes of shape_like along axes")
    .attr("axes", &SliceLikeAttrs::axes, Dims{}, "axes that are cut; (): all")
    .on("nd sym", "slice_like")
    .on("npx", "slice_like")
    .infer([](const SliceLikeAttrs& a, const Specs& in) -> Spec {
      return {region_of(a, in[0].shape, in[1].shape).count, in[0].dtype};
    })
    .cpu([](const SliceLikeAttrs& a, const KernelArgs& k) {
      ViewPlan plan;
      select(k.in[0], region_of(a, *k.in[0].shape, *k.in[1].shape), plan);
      const View part{k.in[0].ptr<char>() + plan.offset * dtype_size(k.in[0].dtype), &plan.shape,
                      &plan.strides, k.in[0].dtype, is_contiguous(plan.shape, plan.strides)};
      kernels::copy(part, k.out[0], k.threads);
    })
    .portable()
    .strided()
    .grad(
        [](const SliceLikeAttrs& a, const GradArgs& g) -> Values {
          const Dims& whole = g.in_spec(0).shape;
          return {place_region(g.dout(), region_of(a, whole, g.in_spec(1).shape), whole), Value{}};
        },
        op::saves_nothing());

struct BroadcastLikeAttrs {
  std::optional<Dims> lhs_axes, rhs_axes;
};

Dims broadcast_shape(const BroadcastLikeAttrs& a, const Dims& l, const Dims& r) {
  check(a.lhs_axes.has_value() == a.rhs_axes.has_value(), ErrorKind::kInvalidArgument,
        "lhs_axes and rhs_axes must be given together");
  Dims shape = l;
  if (!a.lhs_axes) {
    check(l.size() == r.size(), ErrorKind::kShape, "rhs has shape ", r, ", must have ", l.size(),
          " axes as lhs");
    shape = r;
  } else {
    check(!a.lhs_axes->empty() && a.lhs_axes->size() == a.rhs_axes->size(),
          ErrorKind::kInvalidArgument, "lhs_axes is ", *a.lhs_axes, " and rhs_axes is ",
          *a.rhs_axes, ", must have equal length, at least 1");
    for (size_t i = 0; i < a.lhs_axes->size(); ++i) {
      const int64_t to =
          normalize_axis((*a.lhs_axes)[i], static_cast<int64_t>(l.size()), "lhs_axes");
      const int64_t from =
          normalize_axis((*a.rhs_axes)[i], static_cast<int64_t>(r.size()), "rhs_axes");
      shape[static_cast<size_t>(to)] = r[static_cast<size_t>(from)];
    }
  }
  for (size_t i = 0; i < l.size(); ++i) {
    check(shape[i] == l[i] || l[i] == 1, ErrorKind::kShape, "lhs has shape ", l,
          ", must have size 1 where the result ", shape, " differs");
  }
  return shape;
}

PLAIT_OP(broadcast_like, BroadcastLikeAttrs)
    .doc("Repeats axes of size 1 of lhs to the sizes of another array.")
    .input("lhs", "array of any shape")
    .input("rhs", "array that gives the sizes")
    .output("out", "lhs with the sizes of rhs")
    .attr("lhs_axes", &BroadcastLikeAttrs::lhs_axes, std::nullopt,
          "axes that are repeated; None: all")
    .attr("rhs_axes", &BroadcastLikeAttrs::rhs_axes, std::nullopt, "where their sizes stand in rhs")
    .on("nd sym", "broadcast_like")
    .on("npx", "broadcast_like")
    .infer([](const BroadcastLikeAttrs& a, const Specs& in) -> Spec {
      return {broadcast_shape(a, in[0].shape, in[1].shape), in[0].dtype};
    })
    .cpu([](const BroadcastLikeAttrs&, const KernelArgs& k) {
      kernels::copy(k.in[0], k.out[0], k.threads);
    })
    .portable()
    .strided()
    .grad(
        [](const BroadcastLikeAttrs&, const GradArgs& g) -> Values {
          return {op::sum_to(g.dout(), g.in_spec(0).shape), Value{}};
        },
        op::saves_nothing());

template <bool kSize>
void write_shape(const op::NoAttrs&, const KernelArgs& k) {
  int64_t* y = k.out[0].ptr<int64_t>();
  if (kSize) *y = k.in[0].size();
  for (int64_t i = 0; !kSize && i < k.in[0].ndim(); ++i) y[i] = k.in[0].dim(i);
}
Values no_grad(const op::NoAttrs&, const GradArgs&) { return {Value{}}; }

PLAIT_OP(shape_array, op::NoAttrs)
    .doc("The shape as an array.")
    .input("data", "array of any shape")
    .output("out", "int64 vector with the size of each axis")
    .on("nd sym", "shape_array")
    .on("npx", "shape_array")
    .infer([](const op::NoAttrs&, const Specs& in) -> Spec {
      return {{static_cast<int64_t>(in[0].shape.size())}, DType::kInt64};
    })
    .cpu(write_shape<false>)
    .strided()
    .grad(no_grad, op::saves_nothing());

PLAIT_OP(size_array, op::NoAttrs)
    .doc("The number of elements as an array.")
    .input("data", "array of any shape")
    .output("out", "int64, (1,)")
    .on("nd sym", "size_array")
    .infer([](const op::NoAttrs&, const Specs&) -> Spec {
      return {{1}, DType::kInt64};
    })
    .cpu(write_shape<true>)
    .strided()
    .grad(no_grad, op::saves_nothing());

}  // namespace
}  // namespace plait::ops
