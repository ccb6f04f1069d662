#include "kernels/copy.h"
#include "op/op.h"

// Data in the order in which oneDNN's convolutions read it without a change of layout.
namespace plait::ops {
namespace {

using op::NoAttrs;

// The order of the axes of the result: (batch, spatial..., channels), or back.
Dims order_of(int64_t ndim, bool last) {
  check(ndim >= 2, ErrorKind::kShape, "data has ", ndim, " axes, must have at least 2");
  Dims order{0};
  if (!last) order.push_back(ndim - 1);
  for (int64_t i = last ? 2 : 1; i < (last ? ndim : ndim - 1); ++i) order.push_back(i);
  if (last) order.push_back(1);
  return order;
}

template <bool kLast>
Spec infer(const NoAttrs&, const Specs& in) {
  Dims shape;
  for (int64_t axis : order_of(static_cast<int64_t>(in[0].shape.size()), kLast)) {
    shape.push_back(in[0].shape[static_cast<size_t>(axis)]);
  }
  return {shape, in[0].dtype};
}

template <bool kLast>
void kernel(const NoAttrs&, const op::KernelArgs& k) {
  const View& in = k.in[0];
  Dims strides;
  for (int64_t axis : order_of(in.ndim(), kLast)) strides.push_back(in.stride(axis));
  kernels::copy({in.data, k.out[0].shape, &strides, in.dtype, false}, k.out[0], k.threads);
}

PLAIT_OP(channels_last, NoAttrs)
    .doc("Axis 1 becomes the last; made by the graph compiler.")
    .input("data", "(batch, channels, spatial...)")
    .output("out", "(batch, spatial..., channels)")
    .strided()
    .infer(infer<true>)
    .cpu(kernel<true>);

PLAIT_OP(channels_first, NoAttrs)
    .doc("The last axis becomes axis 1; made by the graph compiler.")
    .input("data", "(batch, spatial..., channels)")
    .output("out", "(batch, channels, spatial...)")
    .strided()
    .infer(infer<false>)
    .cpu(kernel<false>);

}  // namespace
}  // namespace plait::ops
