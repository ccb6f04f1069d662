#include <algorithm>

#include "kernels/reduce.h"

#include "kernels/copy.h"
#include "op/functions.h"
#include "op/op.h"

// Reductions over any axes. `axis` None or () means all; `exclude` means all but those given.
namespace plait::ops {
namespace {

using kernels::Reduction;

struct ReduceAttrs {
  std::optional<Dims> axis;
  bool keepdims, exclude;
  std::optional<DType> dtype;
};

// Sorted and counted from the front.
Dims reduced_axes(const std::optional<Dims>& axis, bool exclude, int64_t ndim) {
  const bool all = !axis || axis->empty();
  std::vector<bool> listed(static_cast<size_t>(ndim), all);
  if (!all) {
    for (int64_t a : *axis) {
      const size_t i = static_cast<size_t>(normalize_axis(a, ndim));
      check(!listed[i], ErrorKind::kInvalidArgument, "axis is ", *axis,
            ", must not repeat an axis");
      listed[i] = true;
    }
  }
  Dims axes;
  for (int64_t i = 0; i < ndim; ++i) {
    if (listed[static_cast<size_t>(i)] != (exclude && !all)) axes.push_back(i);
  }
  return axes;
}

Dims reduced_shape(const Dims& shape, const Dims& axes, bool keepdims) {
  Dims out;
  size_t next = 0;
  for (size_t i = 0; i < shape.size(); ++i) {
    const bool goes = next < axes.size() && axes[next] == static_cast<int64_t>(i);
    next += goes;
    if (!goes) out.push_back(shape[i]);
    if (goes && keepdims) out.push_back(1);
  }
  return out;
}

Dims axes_of(const ReduceAttrs& a, const Dims& shape) {
  return reduced_axes(a.axis, a.exclude, static_cast<int64_t>(shape.size()));
}

// Complex numbers have no order; their norm is not among the sums.
bool has_complex(Reduction kind) {
  return kind == Reduction::kSum || kind == Reduction::kMean || kind == Reduction::kProd;
}

Spec infer_reduce(const ReduceAttrs& a, const Specs& in) {
  const Dims axes = axes_of(a, in[0].shape);
  return {reduced_shape(in[0].shape, axes, a.keepdims), a.dtype.value_or(in[0].dtype)};
}
// Sums and products of bool are counts.
Spec infer_sum(const ReduceAttrs& a, const Specs& in) {
  Spec out = infer_reduce(a, in);
  if (!a.dtype && out.dtype == DType::kBool) out.dtype = DType::kInt64;
  return out;
}
Spec infer_mean(const ReduceAttrs& a, const Specs& in) {
  Spec out = infer_reduce(a, in);
  if (!a.dtype && !is_inexact(out.dtype)) out.dtype = DType::kFloat32;
  return out;
}
Spec infer_extreme(const ReduceAttrs& a, const Specs& in) {
  Spec out = infer_reduce(a, in);
  check(num_elements(out.shape) == 0 || num_elements(in[0].shape) > 0, ErrorKind::kInvalidArgument,
        "data has shape ", in[0].shape,
        ", must have elements along axis: an extreme of none is undefined");
  return out;
}

// MXNet has no arrays without axes: over all axes its reductions give (1,).
template <Spec (*kRule)(const ReduceAttrs&, const Specs&)>
Spec infer_nd(const ReduceAttrs& a, const Specs& in) {
  Spec out = kRule(a, in);
  if (out.shape.empty()) out.shape.push_back(1);
  return out;
}

void reduce_into(Reduction kind, const View& in, const Dims& axes, const View& out, int threads) {
  static const Dims kNone(0);
  const bool whole = axes.size() == in.shape->size() && out.ndim() == 1;
  kernels::reduce(kind, in, axes, whole ? View{out.data, &kNone, &kNone, out.dtype, true} : out,
                  threads);
}
template <Reduction kKind>
void reduce_kernel(const ReduceAttrs& a, const op::KernelArgs& k) {
  reduce_into(kKind, k.in[0], axes_of(a, *k.in[0].shape), k.out[0], k.threads);
}

// `v` of the reduced shape stretched to the shape of the data.
Value stretch(const ReduceAttrs& a, const GradArgs& g, Value v) {
  static const OpCall broadcast("broadcast_to", {"shape"});
  const Spec& to = g.in_spec(0);
  v = op::reshape_to(v, reduced_shape(to.shape, axes_of(a, to.shape), true));
  if (v.dtype() != to.dtype) v = op::cast_to(v, to.dtype);
  return broadcast({v}, {to.shape});
}
bool no_flow(const GradArgs& g) { return !is_inexact(g.in_spec(0).dtype); }

Values sum_grad(const ReduceAttrs& a, const GradArgs& g) {
  if (no_flow(g)) return {Value{}};
  return {stretch(a, g, g.dout())};
}
Values mean_grad(const ReduceAttrs& a, const GradArgs& g) {
  if (no_flow(g)) return {Value{}};
  const double n = static_cast<double>(num_elements(g.in_spec(0).shape)) /
                   static_cast<double>(std::max<int64_t>(1, num_elements(g.out_spec(0).shape)));
  return {stretch(a, g, g.dout() / n)};
}
// dout times the product of the other elements of `x`, which are all there is if one of them is 0.
Value product_of_others(const ReduceAttrs& a, const GradArgs& g, const Value& x) {
  static const OpCall kProd("prod", {"axis", "exclude"}), kSum("sum", {"axis", "exclude"});
  const op::AttrValue axis = a.axis ? op::AttrValue(*a.axis) : op::AttrValue();
  const Value is_zero = equal(x, 0.0), without = x + is_zero;
  const Value product = kProd({without}, {axis, a.exclude});
  const Value others = stretch(a, g, kSum({is_zero}, {axis, a.exclude})) - is_zero;
  return stretch(a, g, g.dout()) * stretch(a, g, product) / without * equal(others, 0.0);
}
Values prod_grad(const ReduceAttrs& a, const GradArgs& g) {
  if (no_flow(g)) return {Value{}};
  return {product_of_others(a, g, g.in(0))};
}
// Every element that equals the extreme gets the whole gradient.
Values extreme_grad(const ReduceAttrs& a, const GradArgs& g) {
  if (no_flow(g)) return {Value{}};
  return {stretch(a, g, g.dout()) * equal(g.in(0), stretch(a, g, g.out(0)))};
}
Values nansum_grad(const ReduceAttrs& a, const GradArgs& g) {
  if (no_flow(g)) return {Value{}};
  return {stretch(a, g, g.dout()) * equal(g.in(0), g.in(0))};
}
Values nanprod_grad(const ReduceAttrs& a, const GradArgs& g) {
  static const OpCall where("where");
  if (no_flow(g)) return {Value{}};
  const Value known = equal(g.in(0), g.in(0)), none = op::full_of(g.in_spec(0), 0.0);
  const Value x = where({known, g.in(0), op::full_of(g.in_spec(0), 1.0)});
  return {where({known, product_of_others(a, g, x), none})};
}

#define PLAIT_REDUCTION(name, text, kind, infer_rule)                                        \
  PLAIT_OP(name, ReduceAttrs)                                                                \
      .doc(text)                                                                             \
      .input("data", "array of any shape")                                                   \
      .output("out", "the axes that stay")                                                   \
      .attr("axis", &ReduceAttrs::axis, std::optional<Dims>(),                               \
            "axes that are reduced; None or (): all")                                        \
      .attr("keepdims", &ReduceAttrs::keepdims, false, "keep reduced axes with size 1")      \
      .attr("exclude", &ReduceAttrs::exclude, false, "reduce the axes that are not in axis") \
      .attr("dtype", &ReduceAttrs::dtype, std::optional<DType>(),                            \
            "type of the result; None: as data")                                             \
      .infer(infer_rule)                                                                     \
      .cpu(reduce_kernel<kind>)                                                              \
      .portable()                                                                            \
      .strided()                                                                             \
      .takes_complex(has_complex(kind))

// The operators of mx.nd and of mx.np.
#define PLAIT_REDUCTIONS(name, text, kind, infer_rule, gradient, saves)                         \
  PLAIT_REDUCTION(name, text, kind, infer_rule).on("np", #name).grad(gradient, saves);          \
  PLAIT_REDUCTION(nd_##name, text " Over all axes: an array (1,).", kind, infer_nd<infer_rule>) \
      .on("nd sym", #name)                                                                      \
      .grad(gradient, saves)

PLAIT_REDUCTIONS(sum, "Sum of the elements over axes.", Reduction::kSum, infer_sum, sum_grad,
                 op::saves_nothing())
    .on("nd sym", "sum_axis");
PLAIT_REDUCTIONS(mean, "Mean of the elements over axes.", Reduction::kMean, infer_mean, mean_grad,
                 op::saves_nothing());
PLAIT_REDUCTIONS(prod, "Product of the elements over axes.", Reduction::kProd, infer_sum, prod_grad,
                 op::saves_inputs());
PLAIT_REDUCTIONS(max, "Largest element over axes; NaN if there is one.", Reduction::kMax,
                 infer_extreme, extreme_grad, op::saves_inputs() | op::saves_output(0))
    .on("nd sym", "max_axis")
    .on("np", "amax");
PLAIT_REDUCTIONS(min, "Smallest element over axes; NaN if there is one.", Reduction::kMin,
                 infer_extreme, extreme_grad, op::saves_inputs() | op::saves_output(0))
    .on("nd sym", "min_axis")
    .on("np", "amin");
PLAIT_REDUCTIONS(nansum, "Sum over axes of the elements that are not NaN.", Reduction::kNansum,
                 infer_sum, nansum_grad, op::saves_inputs());
PLAIT_REDUCTIONS(nanprod, "Product over axes of the elements that are not NaN.",
                 Reduction::kNanprod, infer_sum, nanprod_grad, op::saves_inputs());

Values square_sum_grad(const ReduceAttrs& a, const GradArgs& g) {
  if (no_flow(g)) return {Value{}};
  return {stretch(a, g, g.dout()) * g.in(0) * 2.0};
}

PLAIT_REDUCTION(square_sum, "Sum of the squares over axes. Over all axes: an array (1,).",
                Reduction::kSumSquare, infer_nd<infer_sum>)
    .on("nd sym", "_square_sum")
    .grad(square_sum_grad, op::saves_inputs());

struct NormAttrs {
  int64_t ord;
  std::optional<Dims> axis;
  bool keepdims;
};
ReduceAttrs reduce_attrs(const NormAttrs& a) { return {a.axis, a.keepdims, false, std::nullopt}; }

Values norm_grad(const NormAttrs& a, const GradArgs& g) {
  if (no_flow(g)) return {Value{}};
  const ReduceAttrs r = reduce_attrs(a);
  if (a.ord == 1) return {stretch(r, g, g.dout()) * sign(g.in(0))};
  // 0 at the origin, where the norm has no derivative.
  const Value inverse = greater(g.out(0), 0.0) / maximum(g.out(0), 1e-30);
  return {stretch(r, g, g.dout() * inverse) * g.in(0)};
}

Spec infer_norm(const NormAttrs& a, const Specs& in) {
  check(a.ord == 1 || a.ord == 2, ErrorKind::kInvalidArgument, "ord is ", a.ord,
        ", must be 1 or 2");
  return infer_reduce(reduce_attrs(a), in);
}
Spec infer_nd_norm(const NormAttrs& a, const Specs& in) {
  Spec out = infer_norm(a, in);
  if (out.shape.empty()) out.shape.push_back(1);
  return out;
}

#define PLAIT_NORM(name, text, infer_rule)                                                         \
  PLAIT_OP(name, NormAttrs)                                                                        \
      .doc("Sum of absolute values (ord 1) or root of the sum of squares (ord 2) over axes." text) \
      .input("data", "array of any shape")                                                         \
      .output("out", "the axes that stay")                                                         \
      .attr("ord", &NormAttrs::ord, 2, "1 or 2")                                                   \
      .attr("axis", &NormAttrs::axis, std::optional<Dims>(),                                       \
            "axes that are reduced; None or (): all")                                              \
      .attr("keepdims", &NormAttrs::keepdims, false, "keep reduced axes with size 1")              \
      .infer(infer_rule)                                                                           \
      .cpu(norm_kernel)                                                                            \
      .portable()                                                                                  \
      .strided()                                                                                   \
      .grad(norm_grad, op::saves_inputs() | op::saves_output(0))

void norm_kernel(const NormAttrs& a, const op::KernelArgs& k) {
  const Reduction kind = a.ord == 1 ? Reduction::kSumAbs : Reduction::kNorm2;
  reduce_into(kind, k.in[0], axes_of(reduce_attrs(a), *k.in[0].shape), k.out[0], k.threads);
}

PLAIT_NORM(norm, "", infer_norm).on("npx", "norm");
PLAIT_NORM(nd_norm, " Over all axes: an array (1,).", infer_nd_norm).on("nd sym", "norm");

struct ShapeAttrs {
  Dims shape;
};

// Axes that broadcasting from `to` to `from` added or stretched.
Dims stretched_axes(const Dims& from, const Dims& to) {
  Dims axes;
  const size_t extra = from.size() - to.size();
  for (size_t i = 0; i < from.size(); ++i) {
    if (i < extra || (to[i - extra] == 1 && from[i] != 1)) axes.push_back(static_cast<int64_t>(i));
  }
  return axes;
}

PLAIT_OP(sum_to_shape, ShapeAttrs)
    .doc(
        "Sums over the axes that broadcasting from `shape` would add: the reverse of broadcast_to.")
    .input("data", "array whose shape `shape` broadcasts to")
    .output("out", "array of the given shape")
    .required_attr("shape", &ShapeAttrs::shape, "shape of the result")
    .infer([](const ShapeAttrs& a, const Specs& in) -> Spec {
      check(a.shape.size() <= in[0].shape.size() &&
                broadcast_shapes(in[0].shape, a.shape) == in[0].shape,
            ErrorKind::kShape, "shape is ", a.shape, ", must broadcast to ", in[0].shape);
      return {a.shape, in[0].dtype};
    })
    .cpu([](const ShapeAttrs& a, const op::KernelArgs& k) {
      const Dims axes = stretched_axes(*k.in[0].shape, a.shape);
      kernels::reduce(Reduction::kSum, k.in[0], axes, k.out[0], k.threads);
    })
    .portable()
    .strided()
    .takes_complex()
    .grad(
        [](const ShapeAttrs&, const GradArgs& g) -> Values {
          static const OpCall broadcast("broadcast_to", {"shape"});
          return {broadcast({g.dout()}, {g.in_spec(0).shape})};
        },
        op::saves_nothing());

}  // namespace
}  // namespace plait::ops
