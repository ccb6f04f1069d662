#include <cmath>

#include "op/functions.h"
#include "ops/random/sample.h"
#include "ops/sizes.h"

// Draws from distributions whose parameters are arrays: each element of them has its own draws.
namespace plait::ops {
namespace {

using kernels::Draws;
using op::KernelArgs;

struct EachAttrs {
  Dims shape;
  std::optional<DType> dtype;
};

Spec infer(const EachAttrs& a, const Specs& in) {
  for (size_t i = 1; i < in.size(); ++i) {
    check(in[i].shape == in[0].shape, ErrorKind::kShape, "parameter ", i, " has shape ",
          in[i].shape, ", must be that of parameter 0, ", in[0].shape);
  }
  Dims shape = in[0].shape;
  for (int64_t d : a.shape) {
    check(d >= 0, ErrorKind::kShape, "shape is ", a.shape, ", sizes must be >= 0");
    shape.push_back(d);
  }
  const DType own = is_floating(in[0].dtype) ? in[0].dtype : DType::kFloat32;
  return {shape, a.dtype.value_or(own)};
}

std::vector<double> parameter(const View& v) {
  std::vector<double> out(static_cast<size_t>(v.size()));
  kernels::convert(v.data, v.dtype, 1, out.data(), DType::kFloat64, v.size());
  return out;
}

// draw(draws, first parameter, second parameter) for every element of the result.
template <class F>
void each(const KernelArgs& k, const F& draw) {
  const std::vector<double> a = parameter(k.in[0]), b = k.in.size() > 1 ? parameter(k.in[1]) : a;
  const int64_t count = k.out[0].size() / std::max<int64_t>(1, k.in[0].size());
  const kernels::Philox random(k.random.seed, k.random.offset);
  fill_random(k.out[0], k.threads, [&](int64_t i) {
    const auto at = static_cast<size_t>(i / count);
    Draws draws(random, static_cast<uint64_t>(i));
    return draw(draws, a[at], b[at]);
  });
}
Values no_grad(const EachAttrs&, const GradArgs& g) { return Values(g.num_in()); }

#define PLAIT_SAMPLE_EACH_END(name, ...)                                                    \
  .output("out", "shape of the parameters, then shape")                                     \
      .attr("shape", &EachAttrs::shape, Dims{}, "draws for each element of the parameters") \
      .attr("dtype", &EachAttrs::dtype, std::nullopt,                                       \
            "type of the result; None: that of the "                                        \
            "parameters")                                                                   \
      .on("nd sym", "_sample_" #name)                                                       \
      .on("nd sym", "sample_" #name)                                                        \
      .random()                                                                             \
      .infer(infer)                                                                         \
      .cpu([](const EachAttrs&, const KernelArgs& k) { each(k, __VA_ARGS__); })             \
      .grad(no_grad, op::saves_nothing())

PLAIT_OP(sample_uniform, EachAttrs)
    .doc("Uniform draws on [low, high) for each pair of bounds.")
    .input("low", "lower ends")
    .input("high", "upper ends") PLAIT_SAMPLE_EACH_END(uniform, [](Draws& d, double a, double b) {
      return a + (b - a) * d.uniform();
    });
PLAIT_OP(sample_normal, EachAttrs)
    .doc("Normal draws for each pair of mean and deviation.")
    .input("mu", "means")
    .input("sigma", "standard deviations")
        PLAIT_SAMPLE_EACH_END(normal,
                              [](Draws& d, double a, double b) { return a + b * d.normal(); });
PLAIT_OP(sample_gamma, EachAttrs)
    .doc("Gamma draws for each pair of shape and scale.")
    .input("alpha", "shapes, > 0")
    .input("beta", "scales, > 0")
        PLAIT_SAMPLE_EACH_END(gamma, [](Draws& d, double a, double b) { return b * d.gamma(a); });
PLAIT_OP(sample_exponential, EachAttrs)
    .doc("Exponential draws for each rate.")
    .input("lam", "rates, > 0") PLAIT_SAMPLE_EACH_END(exponential, [](Draws& d, double a, double) {
      return -std::log(d.positive()) / a;
    });
PLAIT_OP(sample_poisson, EachAttrs)
    .doc("Poisson draws for each mean.")
    .input("lam", "means, >= 0")
        PLAIT_SAMPLE_EACH_END(poisson, [](Draws& d, double a, double) { return d.poisson(a); });
PLAIT_OP(sample_negative_binomial, EachAttrs)
    .doc("Failures before k successes of probability p, for each pair of k and p.")
    .input("k", "successes, > 0")
    .input("p", "probabilities of a success, in (0, 1]")
        PLAIT_SAMPLE_EACH_END(negative_binomial, [](Draws& d, double k, double p) {
          return d.poisson(d.gamma(k) * (1 - p) / p);
        });
PLAIT_OP(sample_generalized_negative_binomial, EachAttrs)
    .doc("Negative binomial draws given by mean and dispersion, for each pair of them.")
    .input("mu", "means, > 0")
    .input("alpha", "dispersions; 0: Poisson")
        PLAIT_SAMPLE_EACH_END(generalized_negative_binomial, [](Draws& d, double mu, double alpha) {
          return d.poisson(alpha > 0 ? d.gamma(1 / alpha) * mu * alpha : mu);
        });

struct MultinomialAttrs {
  Dims shape;
  bool get_prob;
  DType dtype;
};

Specs infer_multinomial(const MultinomialAttrs& a, const Specs& in) {
  const Dims& data = in[0].shape;
  check(is_floating(in[0].dtype), ErrorKind::kType, "data has dtype ", in[0].dtype,
        ", must be floating");
  check(!data.empty() && data.back() > 0, ErrorKind::kShape, "data has shape ", data,
        ", must be (..., classes) with a class at least");
  Dims shape(data.begin(), data.end() - 1);
  const bool single = a.shape.empty() || (a.shape.size() == 1 && a.shape[0] == 1);
  if (!single) shape.append(a.shape.begin(), a.shape.end());
  if (shape.empty()) shape.push_back(1);
  if (!a.get_prob) return {{shape, a.dtype}};
  return {{shape, a.dtype}, {shape, in[0].dtype}};
}

// Classes by their weights. A table of about where each share of the sum lies says where to look:
// Chen and Asau, "On generating random variates from an empirical distribution" (1974).
class Classes {
 public:
  Classes(const double* weight, int64_t n) : below_(static_cast<size_t>(n)), near_(below_.size()) {
    for (int64_t i = 0; i < n; ++i) below_[static_cast<size_t>(i)] = total_ += weight[i];
    size_t at = 0;
    for (size_t i = 0; i < near_.size(); ++i) {
      const double share = total_ * static_cast<double>(i) / static_cast<double>(n);
      while (at + 1 < below_.size() && below_[at] <= share) ++at;
      near_[i] = at;
    }
  }
  double total() const { return total_; }
  // The first class whose sum of weights, up to it, is above u; the last class behind all.
  int64_t at(double u) const {
    const double share = u / total_ * static_cast<double>(near_.size());
    size_t i =
        share > 0
            ? near_[std::min(near_.size() - 1, static_cast<size_t>(std::min(
                                                   share, static_cast<double>(near_.size()))))]
            : 0;
    while (i > 0 && below_[i - 1] > u) --i;
    while (i + 1 < below_.size() && below_[i] <= u) ++i;
    return static_cast<int64_t>(i);
  }

 private:
  double total_ = 0;
  std::vector<double> below_;
  std::vector<size_t> near_;
};

void multinomial_kernel(const MultinomialAttrs& a, const KernelArgs& k) {
  const int64_t n = k.in[0].dim(-1), rows = k.in[0].size() / n;
  const int64_t count = k.out[0].size() / std::max<int64_t>(1, rows);
  const std::vector<double> p = parameter(k.in[0]);
  const kernels::Philox random(k.random.seed, k.random.offset);
  for (int64_t row = 0; row < rows; ++row) {
    const double* weight = p.data() + row * n;
    const Classes classes(weight, n);
    for (int64_t i = row * count; i < (row + 1) * count; ++i) {
      const int64_t at =
          classes.at(Draws(random, static_cast<uint64_t>(i)).uniform() * classes.total());
      kernels::convert(&at, DType::kInt64, 1, k.out[0].ptr<char>() + i * dtype_size(k.out[0].dtype),
                       k.out[0].dtype, 1);
      if (!a.get_prob) continue;
      const double log_p = std::log(std::max(weight[at], 1e-35));
      kernels::convert(&log_p, DType::kFloat64, 1,
                       k.out[1].ptr<char>() + i * dtype_size(k.out[1].dtype), k.out[1].dtype, 1);
    }
  }
}

// d log p[i] / d p = 1 / p[i] at the drawn class.
Values multinomial_grad(const MultinomialAttrs& a, const GradArgs& g) {
  if (!a.get_prob || !g.has_dout(1)) return {Value{}};
  static const OpCall kOneHot("one_hot", {"depth", "dtype"}), kSum("sum", {"axis"});
  const Dims& data = g.in_spec(0).shape;
  const int64_t rows = num_elements(data) / data.back();
  const int64_t count = num_elements(g.out_spec(0).shape) / std::max<int64_t>(1, rows);
  const Value hot = kOneHot({op::reshape_to(g.out(0), {rows, count})},
                            {data.back(), std::string(dtype_name(g.in_spec(0).dtype))});
  const Value share = kSum({hot * op::reshape_to(g.dout(1), {rows, count, 1})}, {Dims{1}});
  return {op::reshape_to(share, data) / op::maximum(g.in(0), 1e-35)};
}

PLAIT_OP(sample_multinomial, MultinomialAttrs)
    .doc("Classes drawn with given probabilities, with replacement.")
    .input("data", "floating (..., classes), probabilities that sum to 1")
    .output("out",
            "axes before the classes, then shape; (1,) for a single draw from one distribution")
    .output("log_prob", "logarithm of the probability of each draw; with get_prob")
    .attr("shape", &MultinomialAttrs::shape, Dims{}, "draws from each distribution; (): one")
    .attr("get_prob", &MultinomialAttrs::get_prob, false, "return log_prob as well")
    .attr("dtype", &MultinomialAttrs::dtype, DType::kInt32, "type of the classes")
    .on("nd sym", "_sample_multinomial")
    .on("nd sym", "sample_multinomial")
    .num_outputs([](const MultinomialAttrs& a) { return a.get_prob ? 2 : 1; })
    .random()
    .infer(infer_multinomial)
    .cpu(multinomial_kernel)
    .grad(multinomial_grad, op::saves_input(0) | op::saves_output(0));

struct TrialAttrs {
  int64_t n;
  Dims shape;
};

PLAIT_OP(random_counts, TrialAttrs)
    .doc("How often each of some results came in n trials.")
    .input("pvals", "vector of probabilities; what they lack of a sum of 1 belongs to the last")
    .output("out", "shape and an axis of the results, int64; the sum along it is n")
    .required_attr("n", &TrialAttrs::n, "trials, >= 0")
    .attr("shape", &TrialAttrs::shape, Dims{}, "how often the n trials are made")
    .random()
    .infer([](const TrialAttrs& a, const Specs& in) -> Spec {
      check(in[0].shape.size() == 1, ErrorKind::kShape, "pvals has shape ", in[0].shape,
            ", must be a vector");
      check(a.n >= 0, ErrorKind::kInvalidArgument, "n is ", a.n, ", must be >= 0");
      check_size(a.shape, 1);
      Dims shape = a.shape;
      shape.push_back(in[0].shape[0]);
      return {shape, DType::kInt64};
    })
    .cpu([](const TrialAttrs& a, const KernelArgs& k) {
      const int64_t results = k.in[0].size(), size = k.out[0].size();
      const std::vector<double> p = parameter(k.in[0]);
      const Classes classes(p.data(), results);
      const kernels::Philox random(k.random.seed, k.random.offset);
      std::fill_n(k.out[0].ptr<int64_t>(), size, 0);
      for (int64_t row = 0; row < size; row += results) {
        Draws draws(random, static_cast<uint64_t>(row));
        for (int64_t i = 0; i < a.n; ++i) {
          ++k.out[0].ptr<int64_t>()[row + classes.at(draws.uniform())];
        }
      }
    })
    .grad([](const TrialAttrs&, const GradArgs&) -> Values { return {Value{}}; },
          op::saves_nothing());

}  // namespace
}  // namespace plait::ops
