#include <cmath>
#include <numeric>

#include "kernels/gather.h"
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
void draw_order(const KernelArgs& k, int64_t n, int64_t* order) {
  const kernels::Philox random(k.random.seed, k.random.offset);
  std::iota(order, order + n, 0);
  double u[kernels::kBlock];
  for (int64_t end = n; end > 1;) {
    const int64_t begin = std::max<int64_t>(0, end - kernels::kBlock);
    draw_uniform(random, begin, end - begin, u);
    for (int64_t i = end - 1; i >= begin; --i) {
      std::swap(order[i], order[static_cast<int64_t>(u[i - begin] * static_cast<double>(i + 1))]);
    }
    end = begin;
  }
}

struct OrderAttrs {
  int64_t n;
  std::string ctx;
};

PLAIT_OP(random_permutation, OrderAttrs)
    .doc("The numbers 0, 1, ..., n - 1 in random order; all orders are equally likely.")
    .output("out", "(n,), int64")
    .required_attr("n", &OrderAttrs::n, "how many, >= 0")
    .attr("ctx", &OrderAttrs::ctx, "", "device; set by the caller's context")
    .random()
    .infer([](const OrderAttrs& a, const Specs&) -> Spec {
      check(a.n >= 0, ErrorKind::kInvalidArgument, "n is ", a.n, ", must be >= 0");
      return {{a.n}, DType::kInt64};
    })
    .cpu([](const OrderAttrs& a, const KernelArgs& k) {
      draw_order(k, a.n, k.out[0].ptr<int64_t>());
    });

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
      if (k.in[0].size() == 0) return;
      const int64_t n = k.in[0].dim(0), row = k.in[0].size() / n;
      std::vector<int64_t> order(static_cast<size_t>(n));
      draw_order(k, n, order.data());
      const int64_t bytes = row * dtype_size(k.in[0].dtype);
      kernels::gather_runs(k.in[0].data, k.out[0].data, order.data(), n, bytes, bytes);
    })
    .grad([](const op::NoAttrs&, const GradArgs&) -> Values { return {Value{}}; },
          op::saves_nothing());

}  // namespace
}  // namespace plait::ops
