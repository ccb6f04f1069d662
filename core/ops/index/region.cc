#include "ops/index/region.h"

#include <algorithm>

#include "kernels/copy.h"
#include "op/functions.h"

namespace plait::ops {

void Region::slice(int64_t axis, int64_t begin, int64_t end, int64_t stride) {
  const int64_t n = count[axis];
  if (stride == kNone) stride = 1;
  check(stride != 0, ErrorKind::kInvalidArgument, "step is 0, must not be 0");
  const int64_t low = stride > 0 ? 0 : -1, high = stride > 0 ? n : n - 1;
  const auto place = [&](int64_t at, int64_t fallback) {
    if (at == kNone) return fallback;
    return std::clamp(at < 0 ? at + n : at, low, high);
  };
  const int64_t a = place(begin, stride > 0 ? low : high), b = place(end, stride > 0 ? high : low);
  const int64_t span = stride > 0 ? b - a : a - b;
  set(axis, a, span > 0 ? (span - 1) / std::abs(stride) + 1 : 0, stride);
}

namespace {

struct RegionAttrs {
  Dims first, step, shape, count;
};
// Checked: anybody may call these operators.
Region region_of(const RegionAttrs& a) {
  const size_t ndim = a.shape.size();
  check(a.first.size() == ndim && a.step.size() == ndim && a.count.size() == ndim,
        ErrorKind::kInvalidArgument, "first is ", a.first, ", step is ", a.step, ", count is ",
        a.count, ", must have one number for each axis of shape ", a.shape);
  check_size(a.shape, 1);
  Region r(a.shape);
  for (size_t i = 0; i < ndim; ++i) {
    const int64_t n = a.shape[i], first = a.first[i], count = a.count[i], step = a.step[i];
    const auto room = [&] { return step > 0 ? n - 1 - first : first; };  // in front of the last
    const bool fits =
        count == 0 ||
        (count > 0 && first >= 0 && first < n &&
         (count == 1 || (step != 0 && step > -n && room() / std::abs(step) >= count - 1)));
    check(fits, ErrorKind::kInvalidArgument, "first is ", a.first, ", step is ", a.step,
          ", count is ", a.count, ", must lie in shape ", a.shape);
    r.set(static_cast<int64_t>(i), first, count, step);
  }
  return r;
}

PLAIT_OP(place_region, RegionAttrs)
    .doc("Zeros with the data in a box with steps: the gradient of slicing.")
    .input("data", "array with as many elements as the box")
    .output("out", "array of the given shape")
    .required_attr("first", &RegionAttrs::first, "index of the first element along each axis")
    .required_attr("step", &RegionAttrs::step, "distance along each axis")
    .required_attr("count", &RegionAttrs::count, "number of elements along each axis")
    .required_attr("shape", &RegionAttrs::shape, "shape of the result")
    .infer([](const RegionAttrs& a, const Specs& in) -> Spec {
      check(num_elements(in[0].shape) == num_elements(region_of(a).count), ErrorKind::kShape,
            "data has shape ", in[0].shape, ", must have the elements of count ", a.count);
      return {a.shape, in[0].dtype};
    })
    .takes_complex()
    .cpu([](const RegionAttrs& a, const op::KernelArgs& k) {
      kernels::fill(k.out[0], 0, k.threads);
      ViewPlan plan;
      select(k.out[0], region_of(a), plan);
      const View box{k.out[0].ptr<char>() + plan.offset * dtype_size(k.out[0].dtype), &plan.shape,
                     &plan.strides, k.out[0].dtype, is_contiguous(plan.shape, plan.strides)};
      const Dims strides = contiguous_strides(plan.shape);
      const View data{k.in[0].data, &plan.shape, &strides, k.in[0].dtype, true};
      kernels::copy(data, box, k.threads);
    })
    .portable()
    .grad(
        [](const RegionAttrs& a, const GradArgs& g) -> Values {
          static const OpCall take("take_region", {"first", "step", "count", "shape"});
          return {op::reshape_to(take({g.dout()}, {a.first, a.step, a.count, a.shape}),
                                 g.in_spec(0).shape)};
        },
        op::saves_nothing());

PLAIT_OP(take_region, RegionAttrs)
    .doc("The elements in a box with steps.")
    .input("data", "array of the given shape")
    .output("out", "array of shape count")
    .required_attr("first", &RegionAttrs::first, "index of the first element along each axis")
    .required_attr("step", &RegionAttrs::step, "distance along each axis")
    .required_attr("count", &RegionAttrs::count, "number of elements along each axis")
    .required_attr("shape", &RegionAttrs::shape, "shape of data")
    .view([](const RegionAttrs& a, const View& in, ViewPlan& out) {
      check(*in.shape == a.shape, ErrorKind::kShape, "data has shape ", *in.shape, ", must have ",
            a.shape);
      select(in, region_of(a), out);
      return true;
    })
    .grad([](const RegionAttrs& a, const GradArgs& g)
              -> Values { return {place_region(g.dout(), region_of(a), a.shape)}; },
          op::saves_nothing());

}  // namespace

op::Value place_region(const op::Value& dout, const Region& r, const Dims& whole) {
  static const OpCall place("place_region", {"first", "step", "count", "shape"});
  return place({dout}, {r.first, r.step, r.count, whole});
}

}  // namespace plait::ops
