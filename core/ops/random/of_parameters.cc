#include "kernels/convert.h"
#include "ops/random/sample.h"

// Draws whose distribution is given element by element.
namespace plait::ops {
namespace {

using kernels::Draws;
using kernels::Philox;
using op::KernelArgs;
using op::NoAttrs;

Spec infer_floating(const NoAttrs&, const Specs& in) {
  check(is_floating(in[0].dtype), ErrorKind::kType, "data has dtype ", in[0].dtype,
        ", must be floating");
  return in[0];
}

// Calls draw(draws, parameter) for every element; one counter of the stream for each.
template <class F>
void draw_each(const KernelArgs& k, const F& draw) {
  const Philox random(k.random.seed, k.random.offset);
  const View& in = k.in[0];
  const int64_t item = dtype_size(in.dtype);
  fill_random(k.out[0], k.threads, [&](int64_t i) {
    double parameter;
    kernels::convert(in.ptr<char>() + i * item, in.dtype, 1, &parameter, DType::kFloat64, 1);
    if (!(parameter >= 0)) return std::numeric_limits<double>::quiet_NaN();
    Draws draws(random, static_cast<uint64_t>(i));
    return draw(draws, parameter);
  });
}

PLAIT_OP(random_gamma_of, NoAttrs)
    .doc("Gamma draws of scale 1; NaN for a negative shape parameter.")
    .input("data", "shape parameter of each draw, floating, >= 0")
    .output("out", "shape and dtype of data")
    .infer(infer_floating)
    .cpu([](const NoAttrs&, const KernelArgs& k) {
      draw_each(k, [](Draws& draws, double alpha) { return draws.gamma(alpha); });
    })
    .random();

PLAIT_OP(random_poisson_of, NoAttrs)
    .doc("Poisson draws; NaN for a negative mean.")
    .input("data", "mean of each draw, floating, >= 0")
    .output("out", "shape and dtype of data")
    .infer(infer_floating)
    .cpu([](const NoAttrs&, const KernelArgs& k) {
      draw_each(k, [](Draws& draws, double mean) { return draws.poisson(mean); });
    })
    .random();

}  // namespace
}  // namespace plait::ops
