#include "ops/nn/dropout.h"
#include "kernels/convert.h"
#include "kernels/copy.h"
#include "kernels/elementwise.h"
#include "kernels/parallel.h"
#include "kernels/simd.h"

namespace plait::op {
namespace {

struct DropoutAttrs {
  double p;
  std::string mode;
  Dims axes;
  bool cudnn_off;
};

bool active(const DropoutAttrs& a, bool is_train) {
  return a.p > 0 && (is_train || a.mode == "always");
}

// Sizes of the mask: 1 along the axes that share it.
Dims mask_shape(const DropoutAttrs& a, const Dims& data) {
  Dims shape = data;
  for (int64_t axis : a.axes)
    shape[static_cast<size_t>(normalize_axis(axis, static_cast<int64_t>(data.size()), "axes"))] = 1;
  return shape;
}

Specs infer(const DropoutAttrs& a, const Specs& in) {
  check(a.p >= 0 && a.p < 1, ErrorKind::kInvalidArgument, "p is ", a.p, ", must be in [0, 1)");
  check(is_floating(in[0].dtype), ErrorKind::kType, "data has dtype ", in[0].dtype,
        ", must be floating");
  return {in[0], {mask_shape(a, in[0].shape), in[0].dtype}};
}

template <class T>
T to_real(double v) {
  if constexpr (std::is_same_v<T, double>)
    return v;
  else
    return T(static_cast<float>(v));
}

// mask[i] = 0 with probability p, else 1 / (1 - p).
template <class T>
void draw(RandomKey key, double p, const View& mask, int threads) {
  const uint64_t first = ops::dropout_start(key), limit = ops::dropout_limit(p);
  const T keep = to_real<T>(1 / (1 - p)), drop = to_real<T>(0);
  T* m = mask.ptr<T>();
  kernels::parallel_for(threads, mask.size(), 4096, [&](int64_t begin, int64_t end) {
    T* to = m + begin;
    const uint64_t start = first + static_cast<uint64_t>(begin) * 0x9e3779b97f4a7c15ull;
    kernels::vector_loop(
        end - begin, [=](int64_t i) { to[i] = ops::dropout_bits(start, i) < limit ? drop : keep; });
  });
}

void kernel(const DropoutAttrs& a, const KernelArgs& k) {
  const View &x = k.in[0], &y = k.out[0], &mask = k.out[1];
  if (!active(a, k.is_train)) {
    kernels::fill(mask, 1, k.threads);
    kernels::copy(x, y, k.threads);
    return;
  }
  dispatch_floating(mask.dtype, [&]<class T>(T) { draw<T>(k.random, a.p, mask, k.threads); });
  static constexpr kernels::Loops kLoops = kernels::binary_float_loops<ops::DropoutProduct>();
  const View in[2] = {x, mask};
  kernels::apply(kLoops, kernels::compute_type(y.dtype), y, in, k.threads);
}

Values backward(const DropoutAttrs&, const GradArgs& g) { return {g.dout() * g.out(1)}; }

PLAIT_OP(dropout, DropoutAttrs)
    .doc("In train mode sets random elements to 0 and scales the others by 1 / (1 - p).")
    .source("Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov, JMLR 15 (2014)")
    .input("data", "floating array of any shape")
    .output("output", "shape and dtype of data")
    .hidden_output("mask", "factor of each element; sizes 1 along axes")
    .attr("p", &DropoutAttrs::p, 0.5, "probability of 0, in [0, 1)")
    .attr("mode", &DropoutAttrs::mode, "training", "when elements are dropped")
    .choices({"training", "always"})
    .attr("axes", &DropoutAttrs::axes, Dims{}, "axes along which the mask is the same")
    .attr("cudnn_off", &DropoutAttrs::cudnn_off, false, "kept for MXNet's programs; without effect")
    .on("nd", "Dropout")
    .on("sym", "Dropout")
    .on("npx", "dropout")
    .random()
    .uses_train()
    .infer(infer)
    .cpu(kernel)
    .grad(backward, saves_output(1));

}  // namespace
}  // namespace plait::op
