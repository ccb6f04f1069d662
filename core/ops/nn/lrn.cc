#include <cmath>

#include "kernels/parallel.h"
#include "op/functions.h"
#include "op/op.h"

namespace plait::ops {
namespace {

struct LrnAttrs {
  double alpha, beta, knorm;
  int64_t nsize;
};

Spec infer(const LrnAttrs& a, const Specs& in) {
  check(is_floating(in[0].dtype), ErrorKind::kType, "data has dtype ", in[0].dtype,
        ", must be floating");
  check(in[0].shape.size() >= 2, ErrorKind::kShape, "data has shape ", in[0].shape,
        ", must be (batch, channels, ...)");
  check(a.nsize > 0 && a.nsize % 2 == 1, ErrorKind::kInvalidArgument, "nsize is ", a.nsize,
        ", must be odd and > 0");
  return in[0];
}

void kernel(const LrnAttrs& a, const op::KernelArgs& k) {
  const Dims& shape = *k.in[0].shape;
  const int64_t channels = shape[1], half = a.nsize / 2;
  int64_t inner = 1;
  for (size_t i = 2; i < shape.size(); ++i) inner *= shape[i];
  const double scale = a.alpha / static_cast<double>(a.nsize);
  dispatch_floating(k.in[0].dtype, [&]<class T>(T) {
    using A = acc_t<T>;
    const T* x = k.in[0].ptr<T>();
    T* y = k.out[0].ptr<T>();
    kernels::parallel_for(k.threads, shape[0] * inner, 256, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const int64_t start = i / inner * channels * inner + i % inner;
        for (int64_t c = 0; c < channels; ++c) {
          const int64_t last = std::min(channels - 1, c + half);
          double squares = 0;
          for (int64_t j = std::max<int64_t>(0, c - half); j <= last; ++j) {
            const double v = static_cast<double>(static_cast<A>(x[start + j * inner]));
            squares += v * v;
          }
          const double v = static_cast<double>(static_cast<A>(x[start + c * inner]));
          y[start + c * inner] =
              static_cast<T>(static_cast<A>(v * std::pow(a.knorm + scale * squares, -a.beta)));
        }
      }
    });
  });
}

// Sum over the window of channels, as pooling over (channels, rest).
Value window_sum(const LrnAttrs& a, const Value& v) {
  static const OpCall kPool("pooling", {"kernel", "pad", "pool_type"});
  const Dims& shape = v.shape();
  const Dims planes{shape[0], 1, shape[1], num_elements(shape) / (shape[0] * shape[1])};
  return op::reshape_to(
      kPool({op::reshape_to(v, planes)}, {Dims{a.nsize, 1}, Dims{a.nsize / 2, 0}, "sum"}), shape);
}

// With s = knorm + alpha / nsize sum(x^2): dx = dy s^-beta - 2 alpha beta / nsize x sum(dy x
// s^(-beta - 1)); the window is symmetric, so its transpose is itself.
Values backward(const LrnAttrs& a, const GradArgs& g) {
  static const OpCall kPower("power_scalar", {"scalar"});
  if (num_elements(g.in_spec(0).shape) == 0) return {g.dout()};
  const Value x = g.in(0), dy = g.dout();
  const double scale = a.alpha / static_cast<double>(a.nsize);
  const Value s = window_sum(a, x * x) * scale + a.knorm;
  return {dy * kPower({s}, {-a.beta}) -
          x * window_sum(a, dy * x * kPower({s}, {-a.beta - 1})) * (2 * scale * a.beta)};
}

PLAIT_OP(lrn, LrnAttrs)
    .doc("Divides each element by a power of the squares of its neighbours along the channels.")
    .source("Krizhevsky, Sutskever, Hinton, NIPS (2012), sec. 3.3")
    .input("data", "floating array (batch, channels, ...)")
    .output("output", "data / (knorm + alpha / nsize * squares) ** beta")
    .attr("alpha", &LrnAttrs::alpha, 1e-4, "factor of the squares")
    .attr("beta", &LrnAttrs::beta, 0.75, "exponent")
    .attr("knorm", &LrnAttrs::knorm, 2.0, "number added to the squares")
    .required_attr("nsize", &LrnAttrs::nsize, "channels in a window, odd")
    .on("nd sym", "LRN")
    .on("npx", "lrn")
    .infer(infer)
    .cpu(kernel)
    .grad(backward, op::saves_input(0));

}  // namespace
}  // namespace plait::ops
