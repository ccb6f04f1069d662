#include "kernels/math.h"
#include "kernels/simd.h"
#include "ops/random/sample.h"

// Draws from distributions whose parameters are numbers.
namespace plait::ops {
namespace {

using kernels::Draws;
using kernels::Philox;
using op::KernelArgs;

Philox source(const KernelArgs& k) { return {k.random.seed, k.random.offset}; }

void uniform_kernel(const SampleAttrs& s, const KernelArgs& k) {
  const Philox random = source(k);
  if (k.out[0].dtype != DType::kFloat32) {
    return fill_random(k.out[0], k.threads, [&](int64_t i) {
      return s.a + (s.b - s.a) * Draws(random, static_cast<uint64_t>(i)).uniform();
    });
  }
  const float low = static_cast<float>(s.a), span = static_cast<float>(s.b - s.a);
  kernels::parallel_for(
      k.threads, k.out[0].size(), kernels::kGrain / 4, [&](int64_t begin, int64_t end) {
        float* y = k.out[0].ptr<float>() + begin;
        kernels::vector_loop(end - begin, [=](int64_t i) {
          y[i] = low + span * kernels::uniform24(random.words(static_cast<uint64_t>(begin + i))[0]);
        });
      });
}

// Two words give the radius and the angle of Box and Muller's method; the cosine is taken by its
// Taylor series on [-pi/2, pi/2], so that the loop has no calls.
inline float cosine_of_turn(float turn) {
  const float t = turn - 0.5f;           // cos(2 pi turn) = -cos(2 pi t)
  const float f = 0.25f - std::fabs(t);  // = -sin(2 pi f), f in [-1/4, 1/4]
  const float x = 6.28318531f * f, z = x * x;
  float p = -1.0f / 39916800;
  p = p * z + 1.0f / 362880;
  p = p * z - 1.0f / 5040;
  p = p * z + 1.0f / 120;
  p = p * z - 1.0f / 6;
  return -(x + x * z * p);
}

void normal_kernel(const SampleAttrs& s, const KernelArgs& k) {
  const Philox random = source(k);
  if (k.out[0].dtype != DType::kFloat32) {
    return fill_random(k.out[0], k.threads, [&](int64_t i) {
      return s.a + s.b * Draws(random, static_cast<uint64_t>(i)).normal();
    });
  }
  const float mean = static_cast<float>(s.a), scale = static_cast<float>(s.b);
  kernels::parallel_for(
      k.threads, k.out[0].size(), kernels::kGrain / 4, [&](int64_t begin, int64_t end) {
        float* y = k.out[0].ptr<float>() + begin;
        kernels::vector_loop(end - begin, [=](int64_t i) {
          const auto word = random.words(static_cast<uint64_t>(begin + i));
          const float u = (static_cast<float>(word[0] >> 8) + 0.5f) * 0x1p-24f;
          const float radius = std::sqrt(-2.0f * kernels::math::log(u));
          y[i] = mean + scale * radius * cosine_of_turn(kernels::uniform24(word[1]));
        });
      });
}

// `parameters` are the attributes of the distribution; they stand before those of the array, so
// that random_normal(0, 1, (2, 3)) means what it says.
#define PLAIT_SAMPLE(name, text, parameters)                                           \
  PLAIT_OP(name, SampleAttrs)                                                          \
      .doc(text)                                                                       \
      .output("out", "independent draws")                                              \
          parameters.attr("shape", &SampleAttrs::shape, Dims{}, "shape of the result") \
      .attr("ctx", &SampleAttrs::ctx, "", "device; set by the caller's context")       \
      .attr("dtype", &SampleAttrs::dtype, DType::kFloat32, "type of the result")       \
      .infer(infer_sample)                                                             \
      .random()

PLAIT_SAMPLE(random_uniform, "Uniform on [low, high).",
             .attr("low", &SampleAttrs::a, 0.0, "lower end")
                 .attr("high", &SampleAttrs::b, 1.0, "upper end, not drawn"))
    .on("nd sym", "_random_uniform")
    .on("nd sym", "random_uniform")
    .on("nd sym", "uniform")
    .cpu(uniform_kernel);
PLAIT_SAMPLE(random_normal, "Normal with mean loc and standard deviation scale.",
             .attr("loc", &SampleAttrs::a, 0.0, "mean")
                 .attr("scale", &SampleAttrs::b, 1.0, "standard deviation, >= 0"))
    .on("nd sym", "_random_normal")
    .on("nd sym", "random_normal")
    .on("nd sym", "normal")
    .cpu(normal_kernel);
PLAIT_SAMPLE(random_randint, "Whole numbers, uniform on [low, high).",
             .attr("low", &SampleAttrs::a, 0.0, "smallest number")
                 .attr("high", &SampleAttrs::b, 1.0, "one more than the largest number"))
    .on("nd sym", "_random_randint")
    .on("nd sym", "random_randint")
    .cpu([](const SampleAttrs& s, const KernelArgs& k) {
      const Philox random = source(k);
      fill_random(k.out[0], k.threads, [&](int64_t i) {
        return s.a + std::floor((s.b - s.a) * Draws(random, static_cast<uint64_t>(i)).uniform());
      });
    });
PLAIT_SAMPLE(random_exponential, "Exponential with rate lam: density lam exp(-lam x).",
             .attr("lam", &SampleAttrs::a, 1.0, "rate, > 0"))
    .on("nd sym", "_random_exponential")
    .on("nd sym", "random_exponential")
    .cpu([](const SampleAttrs& s, const KernelArgs& k) {
      const Philox random = source(k);
      fill_random(k.out[0], k.threads, [&](int64_t i) {
        return -std::log(Draws(random, static_cast<uint64_t>(i)).positive()) / s.a;
      });
    });
PLAIT_SAMPLE(random_gamma, "Gamma with shape alpha and scale beta; the mean is alpha beta.",
             .attr("alpha", &SampleAttrs::a, 1.0, "shape, > 0")
                 .attr("beta", &SampleAttrs::b, 1.0, "scale, > 0"))
    .on("nd sym", "_random_gamma")
    .on("nd sym", "random_gamma")
    .cpu([](const SampleAttrs& s, const KernelArgs& k) {
      const Philox random = source(k);
      fill_random(k.out[0], k.threads, [&](int64_t i) {
        return Draws(random, static_cast<uint64_t>(i)).gamma(s.a) * s.b;
      });
    });
PLAIT_SAMPLE(random_poisson, "Poisson with mean lam.",
             .attr("lam", &SampleAttrs::a, 1.0, "mean, >= 0"))
    .on("nd sym", "_random_poisson")
    .on("nd sym", "random_poisson")
    .cpu([](const SampleAttrs& s, const KernelArgs& k) {
      const Philox random = source(k);
      fill_random(k.out[0], k.threads,
                  [&](int64_t i) { return Draws(random, static_cast<uint64_t>(i)).poisson(s.a); });
    });
PLAIT_SAMPLE(random_negative_binomial, "Failures before k successes of probability p each.",
             .attr("k", &SampleAttrs::a, 1.0, "successes, > 0")
                 .attr("p", &SampleAttrs::b, 1.0, "probability of a success, in (0, 1]"))
    .on("nd sym", "_random_negative_binomial")
    .on("nd sym", "random_negative_binomial")
    .cpu([](const SampleAttrs& s, const KernelArgs& k) {
      const Philox random = source(k);
      fill_random(k.out[0], k.threads, [&](int64_t i) {
        Draws draws(random, static_cast<uint64_t>(i));
        const double mean = draws.gamma(s.a) * (1 - s.b) / s.b;
        return draws.poisson(mean);
      });
    });

}  // namespace
}  // namespace plait::ops
