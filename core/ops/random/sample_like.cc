#include <cmath>

#include "kernels/copy.h"
#include "ops/random/sample.h"

// Draws in the shape of another array, and orders drawn at random.
namespace plait::ops {
namespace {

using kernels::Draws;
using op::KernelArgs;

// Writes draw(draws) for every element of the result.
template <class F>
void each(const KernelArgs& k, const F& draw) {
  const kernels::Philox random(k.random.seed, k.random.offset);
  fill_random(k.out[0], k.threads, [&](int64_t i) {
    Draws draws(random, static_cast<uint64_t>(i));
    return draw(draws);
  });
}
Spec infer_like(const SampleAttrs&, const Specs& in) { return in[0]; }
Values no_grad(const SampleAttrs&, const GradArgs&) { return {Value{}}; }

#define PLAIT_SAMPLE_LIKE(name, text)                   \
  PLAIT_OP(random_##name##_like, SampleAttrs)           \
      .doc(text)                                        \
      .input("data", "array that gives shape and type") \
      .output("out", "shape and type of data")          \
      .on("nd sym", "_random_" #name "_like")           \
      .on("nd sym", "random_" #name "_like")            \
      .random()                                         \
      .infer(infer_like)                                \
      .grad(no_grad, op::saves_nothing())

PLAIT_SAMPLE_LIKE(uniform, "Uniform on [low, high), in the shape of data.")
    .attr("low", &SampleAttrs::a, 0.0, "lower end")
    .attr("high", &SampleAttrs::b, 1.0, "upper end, not drawn")
    .cpu([](const SampleAttrs& s, const KernelArgs& k) {
      each(k, [&](Draws& d) { return s.a + (s.b - s.a) * d.uniform(); });
    });
PLAIT_SAMPLE_LIKE(normal, "Normal with mean loc and deviation scale, in the shape of data.")
    .attr("loc", &SampleAttrs::a, 0.0, "mean")
    .attr("scale", &SampleAttrs::b, 1.0, "standard deviation, >= 0")
    .cpu([](const SampleAttrs& s, const KernelArgs& k) {
      each(k, [&](Draws& d) { return s.a + s.b * d.normal(); });
    });
PLAIT_SAMPLE_LIKE(gamma, "Gamma with shape alpha and scale beta, in the shape of data.")
    .attr("alpha", &SampleAttrs::a, 1.0, "shape, > 0")
    .attr("beta", &SampleAttrs::b, 1.0, "scale, > 0")
    .cpu([](const SampleAttrs& s, const KernelArgs& k) {
      each(k, [&](Draws& d) { return d.gamma(s.a) * s.b; });
    });
PLAIT_SAMPLE_LIKE(exponential, "Exponential with rate lam, in the shape of data.")
    .attr("lam", &SampleAttrs::a, 1.0, "rate, > 0")
    .cpu([](const SampleAttrs& s, const KernelArgs& k) {
      each(k, [&](Draws& d) { return -std::log(d.positive()) / s.a; });
    });
PLAIT_SAMPLE_LIKE(poisson, "Poisson with mean lam, in the shape of data.")
    .attr("lam", &SampleAttrs::a, 1.0, "mean, >= 0")
    .cpu([](const SampleAttrs& s, const KernelArgs& k) {
      each(k, [&](Draws& d) { return d.poisson(s.a); });
    });
PLAIT_SAMPLE_LIKE(negative_binomial, "Failures before k successes, in the shape of data.")
    .attr("k", &SampleAttrs::a, 1.0, "successes, > 0")
    .attr("p", &SampleAttrs::b, 1.0, "probability of a success, in (0, 1]")
    .cpu([](const SampleAttrs& s, const KernelArgs& k) {
      each(k, [&](Draws& d) { return d.poisson(d.gamma(s.a) * (1 - s.b) / s.b); });
    });

// A Poisson draw whose mean is drawn itself; alpha 0 leaves the mean as it is.
double dispersed(Draws& d, const SampleAttrs& s) {
  return d.poisson(s.b > 0 ? d.gamma(1 / s.b) * s.a * s.b : s.a);
}
PLAIT_SAMPLE_LIKE(generalized_negative_binomial,
                  "Negative binomial by mean and dispersion, in the shape of data.")
    .attr("mu", &SampleAttrs::a, 1.0, "mean, > 0")
    .attr("alpha", &SampleAttrs::b, 1.0, "dispersion, >= 0")
    .cpu([](const SampleAttrs& s, const KernelArgs& k) {
      each(k, [&](Draws& d) { return dispersed(d, s); });
    });

PLAIT_OP(random_generalized_negative_binomial, SampleAttrs)
    .doc("Negative binomial by mean mu and dispersion alpha.")
    .output("out", "independent draws")
    .attr("mu", &SampleAttrs::a, 1.0, "mean, > 0")
    .attr("alpha", &SampleAttrs::b, 1.0, "dispersion, >= 0")
    .attr("shape", &SampleAttrs::shape, Dims{}, "shape of the result")
    .attr("ctx", &SampleAttrs::ctx, "", "device; set by the caller's context")
    .attr("dtype", &SampleAttrs::dtype, DType::kFloat32, "type of the result")
    .on("nd sym", "_random_generalized_negative_binomial")
    .on("nd sym", "random_generalized_negative_binomial")
    .infer(infer_sample)
    .random()
    .cpu([](const SampleAttrs& s, const KernelArgs& k) {
      each(k, [&](Draws& d) { return dispersed(d, s); });
    });

// Order of n items, all equally likely: Fisher and Yates, from the last to the first.
std::vector<int64_t> drawn_order(const KernelArgs& k, int64_t n) {
  const kernels::Philox random(k.random.seed, k.random.offset);
  std::vector<int64_t> order(static_cast<size_t>(n));
  for (int64_t i = 0; i < n; ++i) order[static_cast<size_t>(i)] = i;
  for (int64_t i = n - 1; i > 0; --i) {
    const double u = Draws(random, static_cast<uint64_t>(i)).uniform();
    const auto j = static_cast<int64_t>(u * static_cast<double>(i + 1));
    std::swap(order[static_cast<size_t>(i)], order[static_cast<size_t>(j)]);
  }
  return order;
}

PLAIT_OP(shuffle, op::NoAttrs)
    .doc("The parts along the first axis in random order; all orders are equally likely.")
    .input("data", "array of shape (n, ...)")
    .output("out", "shape and type of data")
    .on("nd sym", "_shuffle")
    .on("nd sym", "shuffle")
    .random()
    .infer([](const op::NoAttrs&, const Specs& in) -> Spec {
      check(!in[0].shape.empty(), ErrorKind::kShape, "data has shape (), must have an axis");
      return in[0];
    })
    .cpu([](const op::NoAttrs&, const KernelArgs& k) {
      const int64_t n = k.in[0].dim(0), row = k.in[0].size() / n;
      const std::vector<int64_t> order = drawn_order(k, n);
      dispatch_all(k.in[0].dtype, [&]<class T>(T) {
        for (int64_t i = 0; i < n; ++i) {
          std::copy_n(k.in[0].ptr<T>() + order[static_cast<size_t>(i)] * row, row,
                      k.out[0].ptr<T>() + i * row);
        }
      });
    })
    .grad([](const op::NoAttrs&, const GradArgs&) -> Values { return {Value{}}; },
          op::saves_nothing());

}  // namespace
}  // namespace plait::ops
