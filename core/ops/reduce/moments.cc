#include <cmath>

#include "kernels/reduce.h"
#include "op/functions.h"
#include "op/op.h"

namespace plait::ops {
namespace {

struct MomentsAttrs {
  std::optional<Dims> axes;
  bool keepdims;
};

// Sorted and counted from the front.
Dims axes_of(const MomentsAttrs& a, const Dims& data) {
  const auto ndim = static_cast<int64_t>(data.size());
  std::vector<bool> listed(data.size(), !a.axes || a.axes->empty());
  if (a.axes) {
    for (int64_t axis : *a.axes) {
      const auto i = static_cast<size_t>(normalize_axis(axis, ndim, "axes"));
      check(!listed[i], ErrorKind::kInvalidArgument, "axes is ", *a.axes, ", must not repeat one");
      listed[i] = true;
    }
  }
  Dims axes;
  for (int64_t i = 0; i < ndim; ++i) {
    if (listed[static_cast<size_t>(i)]) axes.push_back(i);
  }
  return axes;
}

Dims kept_shape(const Dims& data, const Dims& axes, bool keepdims) {
  Dims out;
  size_t next = 0;
  for (size_t i = 0; i < data.size(); ++i) {
    const bool goes = next < axes.size() && axes[next] == static_cast<int64_t>(i);
    next += goes;
    if (!goes || keepdims) out.push_back(goes ? 1 : data[i]);
  }
  if (out.empty()) out.push_back(1);  // MXNet has no arrays without axes
  return out;
}

Specs infer(const MomentsAttrs& a, const Specs& in) {
  check(is_floating(in[0].dtype), ErrorKind::kType, "data has dtype ", in[0].dtype,
        ", must be floating");
  check(num_elements(in[0].shape) > 0, ErrorKind::kShape, "data has shape ", in[0].shape,
        ", must have elements");
  const Spec out{kept_shape(in[0].shape, axes_of(a, in[0].shape), a.keepdims), in[0].dtype};
  return {out, out};
}

// The variance as the mean of squared distances, so that large means do not cancel.
void kernel(const MomentsAttrs& a, const op::KernelArgs& k) {
  const Dims &data = *k.in[0].shape, axes = axes_of(a, data), kept = kept_shape(data, axes, true);
  const Dims step = contiguous_strides(kept), whole = contiguous_strides(data);
  View mean{k.out[0].data, &kept, &step, k.out[0].dtype, true};
  View variance{k.out[1].data, &kept, &step, k.out[1].dtype, true};
  kernels::reduce(kernels::Reduction::kMean, k.in[0], axes, mean, k.threads);
  dispatch_floating(k.in[0].dtype, [&]<class T>(T) {
    using A = acc_t<T>;
    std::vector<T> squares(static_cast<size_t>(num_elements(data)));
    for (int64_t i = 0; i < num_elements(data); ++i) {
      int64_t at = 0;
      for (size_t d = 0; d < data.size(); ++d) {
        if (kept[d] != 1) at += i / whole[d] % data[d] * step[d];
      }
      const A v = static_cast<A>(k.in[0].ptr<T>()[i]) - static_cast<A>(mean.ptr<T>()[at]);
      squares[static_cast<size_t>(i)] = static_cast<T>(v * v);
    }
    const View from{squares.data(), &data, &whole, k.in[0].dtype, true};
    kernels::reduce(kernels::Reduction::kMean, from, axes, variance, k.threads);
  });
}

// d mean = 1 / n, d var = 2 (x - mean) / n.
Values backward(const MomentsAttrs& a, const GradArgs& g) {
  static const OpCall kStretch("broadcast_to", {"shape"});
  const Dims &data = g.in_spec(0).shape, axes = axes_of(a, data),
             kept = kept_shape(data, axes, true);
  double n = 1;
  for (int64_t axis : axes) n *= static_cast<double>(data[static_cast<size_t>(axis)]);
  const Value mean = op::reshape_to(g.dout(0), kept) / n;
  const Value variance = op::reshape_to(g.dout(1), kept) * (2 / n);
  return {kStretch({mean}, {data}) + variance * (g.in(0) - op::reshape_to(g.out(0), kept))};
}

PLAIT_OP(moments, MomentsAttrs)
    .doc("Mean and variance over axes.")
    .input("data", "floating array")
    .output("mean", "the axes that stay; (1,) if none does")
    .output("var", "mean of the squared distances from mean, shape of mean")
    .attr("axes", &MomentsAttrs::axes, std::nullopt, "axes that are reduced; None or (): all")
    .attr("keepdims", &MomentsAttrs::keepdims, false, "keep reduced axes with size 1")
    .on("nd sym", "moments")
    .infer(infer)
    .cpu(kernel)
    .grad(backward, op::saves_input(0) | op::saves_output(0));

}  // namespace
}  // namespace plait::ops
