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

// Four numbers y of each counter that make(counter, y) writes, to all of `out`.
template <class F>
void fill_fours(const View& out, int threads, const F& make) {
  const int64_t size = out.size(), whole = size / 4;
  float* const y = out.ptr<float>();
  kernels::parallel_for(threads, whole, kernels::kGrain / 16, [&](int64_t begin, int64_t end) {
    kernels::vector_loop(end - begin, [=](int64_t i) { make(begin + i, y + 4 * (begin + i)); });
  });
  float last[4];
  if (size % 4) make(whole, last);
  std::copy_n(last, size % 4, y + 4 * whole);
}

void uniform_kernel(const SampleAttrs& s, const KernelArgs& k) {
  const Philox random = source(k);
  if (k.out[0].dtype != DType::kFloat32) {
    return fill_blocks(k.out[0], k.threads, [&](int64_t first, int64_t n, double* y) {
      draw_uniform(random, first, n, y);
      for (int64_t j = 0; j < n; ++j) y[j] = s.a + (s.b - s.a) * y[j];
    });
  }
  const float low = static_cast<float>(s.a), span = static_cast<float>(s.b - s.a);
  fill_fours(k.out[0], k.threads, [=](int64_t counter, float* y) {
    const auto word = random.words(static_cast<uint64_t>(counter));
    y[0] = low + span * kernels::uniform24(word[0]);
    y[1] = low + span * kernels::uniform24(word[1]);
    y[2] = low + span * kernels::uniform24(word[2]);
    y[3] = low + span * kernels::uniform24(word[3]);
  });
}

// The cosine is taken by its Taylor series on [-pi/2, pi/2], so that the loop has no calls.
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
inline float sine_of_turn(float turn) {
  return cosine_of_turn(turn < 0.25f ? turn + 0.75f : turn - 0.25f);
}
// Radius and angle of Box and Muller's method, from a word each.
inline float normal_radius(uint32_t word) {
  const float u = (static_cast<float>(word >> 8) + 0.5f) * 0x1p-24f;
  return std::sqrt(-2.0f * kernels::math::log(u));
}

void normal_kernel(const SampleAttrs& s, const KernelArgs& k) {
  const Philox random = source(k);
  if (k.out[0].dtype != DType::kFloat32) {
    return fill_random(k.out[0], k.threads, [&](int64_t i) {
      return s.a + s.b * Draws(random, static_cast<uint64_t>(i)).normal();
    });
  }
  const float mean = static_cast<float>(s.a), scale = static_cast<float>(s.b);
  fill_fours(k.out[0], k.threads, [=](int64_t counter, float* y) {
    const auto word = random.words(static_cast<uint64_t>(counter));
    const float a = scale * normal_radius(word[0]), b = scale * normal_radius(word[2]);
    const float s = kernels::uniform24(word[1]), t = kernels::uniform24(word[3]);
    y[0] = mean + a * cosine_of_turn(s);
    y[1] = mean + a * sine_of_turn(s);
    y[2] = mean + b * cosine_of_turn(t);
    y[3] = mean + b * sine_of_turn(t);
  });
}

// What Marsaglia and Tsang's method proposes from the words of a counter.
struct GammaProposal {
  float d, c, power;  // power: 1 / shape for shapes below 1, else 0

  explicit GammaProposal(double shape) : power(shape < 1 ? static_cast<float>(1 / shape) : 0.0f) {
    const double above = (shape < 1 ? shape + 1 : shape) - 1.0 / 3;
    d = static_cast<float>(above);
    c = static_cast<float>(1 / std::sqrt(9 * above));
  }
  static float normal(const std::array<uint32_t, 4>& word) {
    return normal_radius(word[0]) * cosine_of_turn(kernels::uniform24(word[1]));
  }
  float value(float v, const std::array<uint32_t, 4>& word) const {
    const float u = (static_cast<float>(word[3] >> 8) + 0.5f) * 0x1p-24f;
    return d * v * kernels::math::exp(power * kernels::math::log(u));
  }
};

// The squeeze goes in vectors; what it leaves, about one in fifty, goes one by one.
void gamma_kernel(const SampleAttrs& s, const KernelArgs& k) {
  const Philox random = source(k);
  if (!(s.a > 0) || std::isinf(s.a) || k.out[0].dtype != DType::kFloat32) {
    return fill_random(k.out[0], k.threads, [&](int64_t i) {
      return Draws(random, static_cast<uint64_t>(i)).gamma(s.a) * s.b;
    });
  }
  const GammaProposal p(s.a);
  const auto scale = static_cast<float>(s.b);
  float* const out = k.out[0].ptr<float>();
  const auto slow = [&](int64_t i) {
    const auto word = random.words(static_cast<uint64_t>(i));
    const double x = p.normal(word), root = 1 + p.c * x, v = root * root * root;
    const double u = 1 - static_cast<double>(kernels::uniform24(word[2]));
    if (root > 0 && std::log(u) < 0.5 * x * x + p.d * (1 - v + std::log(v))) {
      return p.value(static_cast<float>(v), word) * scale;
    }
    return static_cast<float>(Draws(random, static_cast<uint64_t>(i), 1).gamma(s.a) * s.b);
  };
  kernels::parallel_for(k.threads, k.out[0].size(), kernels::kGrain / 8,
                        [&](int64_t begin, int64_t end) {
                          kernels::vector_loop(end - begin, [=](int64_t i) {
                            const auto word = random.words(static_cast<uint64_t>(begin + i));
                            const float x = p.normal(word), root = 1.0f + p.c * x, z = x * x;
                            const float u = 1.0f - kernels::uniform24(word[2]);
                            const bool is_accepted = root > 0.0f && u < 1.0f - 0.0331f * z * z;
                            const float y = p.value(root * root * root, word) * scale;
                            out[begin + i] = is_accepted ? y : kernels::math::kNan;
                          });
                          for (int64_t i = begin; i < end; ++i) {
                            if (out[i] != out[i]) out[i] = slow(i);
                          }
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
      fill_blocks(k.out[0], k.threads, [&](int64_t first, int64_t n, double* y) {
        draw_uniform(random, first, n, y);
        kernels::vector_loop(n, [=, low = s.a, span = s.b - s.a](int64_t j) {
          y[j] = low + std::floor(span * y[j]);
        });
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
    .cpu(gamma_kernel);
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
