#include <cmath>

#include "kernels/convert.h"
#include "kernels/parallel.h"
#include "op/functions.h"
#include "op/op.h"

// Densities of the distributions that random_* draw from, at given points: for each element of the
// parameters one row of points. Probabilities where the distribution is discrete.
namespace plait::ops {
namespace {

using op::digamma, op::log;
using op::KernelArgs;

struct DensityAttrs {
  bool is_log;
};

// Points of shape (s..., m...) for parameters of shape (s...).
void check_inputs(const Specs& in) {
  const Dims &points = in[0].shape, &each = in[1].shape;
  for (const Spec& s : in) {
    check(is_floating(s.dtype) && s.dtype == in[0].dtype, ErrorKind::kType, "an input has dtype ",
          s.dtype, ", must be floating and that of sample, ", in[0].dtype);
  }
  check(in.size() < 3 || in[2].shape == each, ErrorKind::kShape, "the second parameter has shape ",
        in.back().shape, ", must be that of the first, ", each);
  check(points.size() >= each.size() && std::equal(each.begin(), each.end(), points.begin()),
        ErrorKind::kShape, "sample has shape ", points,
        ", must begin with that of the parameters, ", each);
}

std::vector<double> numbers(const View& v) {
  std::vector<double> out(static_cast<size_t>(v.size()));
  kernels::convert(v.data, v.dtype, 1, out.data(), DType::kFloat64, v.size());
  return out;
}

// Writes value(i), the logarithm of a density, for every element of the result.
template <class F>
void write(const DensityAttrs& a, const KernelArgs& k, const F& value) {
  std::vector<double> found(static_cast<size_t>(k.out[0].size()));
  kernels::parallel_for(k.threads, k.out[0].size(), kernels::kGrain / 64,
                        [&](int64_t begin, int64_t end) {
                          for (int64_t i = begin; i < end; ++i) {
                            const double v = value(i);
                            found[static_cast<size_t>(i)] = a.is_log ? v : std::exp(v);
                          }
                        });
  kernels::convert(found.data(), DType::kFloat64, 1, k.out[0].data, k.out[0].dtype,
                   k.out[0].size());
}

template <class F>
void kernel(const DensityAttrs& attrs, const KernelArgs& k) {
  const std::vector<double> x = numbers(k.in[0]), a = numbers(k.in[1]),
                            b = numbers(k.in[k.in.size() - 1]);
  const int64_t points = a.empty() ? 1 : k.in[0].size() / k.in[1].size();
  write(attrs, k, [&](int64_t i) {
    const auto at = static_cast<size_t>(i / points);
    return F::log_density(x[static_cast<size_t>(i)], a[at], b[at]);
  });
}

// `v` seen with axes of size 1 behind those that it has, up to `ndim`.
Value widened(const Value& v, size_t ndim) {
  Dims shape = v.shape();
  shape.resize(ndim, 1);
  return op::reshape_to(v, shape);
}
Value weight_of(const DensityAttrs& a, const GradArgs& g) {
  return a.is_log ? g.dout() : g.dout() * g.out(0);
}

// F::slopes gives the derivatives of the logarithm; none for points that are whole numbers.
template <class F>
Values backward(const DensityAttrs& attrs, const GradArgs& g) {
  const Value x = g.in(0), weight = weight_of(attrs, g);
  const size_t ndim = x.shape().size();
  const Value a = widened(g.in(1), ndim), b = widened(g.in(static_cast<int>(g.num_in()) - 1), ndim);
  Values slopes = F::slopes(x, a, b);
  for (size_t i = 0; i < g.num_in(); ++i) {
    if (!slopes[i]) continue;
    slopes[i] = weight * slopes[i];
    if (i > 0) {
      const Dims& own = g.in_spec(i).shape;
      slopes[i] = op::reshape_to(op::sum_to(slopes[i], a.shape()), own);
    }
  }
  return slopes;
}

// x log y, which is 0 for x = 0.
double times_log(double x, double y) { return x == 0 ? 0.0 : x * std::log(y); }

struct Uniform {
  static double log_density(double, double low, double high) { return -std::log(high - low); }
  static Values slopes(const Value&, const Value& low, const Value& high) {
    const Value width = high - low;
    return {Value{}, 1.0 / width, -1.0 / width};
  }
};
struct Normal {
  static double log_density(double x, double mean, double deviation) {
    const double z = (x - mean) / deviation;
    return -0.5 * z * z - std::log(deviation) - 0.91893853320467274178;  // log sqrt(2 pi)
  }
  static Values slopes(const Value& x, const Value& mean, const Value& deviation) {
    const Value z = (x - mean) / deviation, by_mean = z / deviation;
    return {-by_mean, by_mean, (z * z - 1.0) / deviation};
  }
};
struct Gamma {
  static double log_density(double x, double alpha, double rate) {
    return times_log(alpha, rate) + times_log(alpha - 1, x) - rate * x - std::lgamma(alpha);
  }
  static Values slopes(const Value& x, const Value& alpha, const Value& rate) {
    return {(alpha - 1.0) / x - rate, log(rate) + log(x) - digamma(alpha), alpha / rate - x};
  }
};
struct Exponential {
  static double log_density(double x, double rate, double) { return std::log(rate) - rate * x; }
  static Values slopes(const Value& x, const Value& rate, const Value&) {
    return {-rate + 0.0 * x, 1.0 / rate - x};
  }
};
struct Poisson {
  static double log_density(double x, double mean, double) {
    return times_log(x, mean) - mean - std::lgamma(x + 1);
  }
  static Values slopes(const Value& x, const Value& mean, const Value&) {
    return {Value{}, x / mean - 1.0};
  }
};
struct NegativeBinomial {
  static double log_density(double x, double k, double p) {
    return std::lgamma(x + k) - std::lgamma(x + 1) - std::lgamma(k) + times_log(k, p) +
           (x == 0 ? 0.0 : x * std::log1p(-p));
  }
  static Values slopes(const Value& x, const Value& k, const Value& p) {
    return {Value{}, digamma(x + k) - digamma(k) + log(p), k / p - x / (1.0 - p)};
  }
};
// The same with k = 1 / alpha and p = 1 / (1 + mean alpha).
struct GeneralizedNegativeBinomial {
  static double log_density(double x, double mean, double alpha) {
    return NegativeBinomial::log_density(x, 1 / alpha, 1 / (1 + mean * alpha));
  }
  static Values slopes(const Value& x, const Value& mean, const Value& alpha) {
    const Value k = 1.0 / alpha, q = mean * alpha + 1.0;
    const Value by_k = digamma(x + k) - digamma(k) - log(q);
    return {Value{}, x / mean - (x * alpha + 1.0) / q, (x - mean) / (alpha * q) - by_k * k * k};
  }
};

#define PLAIT_DENSITY(name, text, F)                                                             \
  PLAIT_OP(random_pdf_##name, DensityAttrs)                                                      \
      .doc(text)                                                                                 \
      .input("sample", "floating points (s..., m...), m of them for each element of parameters") \
      .output("out", "shape and dtype of sample")                                                \
      .attr("is_log", &DensityAttrs::is_log, false, "give the logarithm")                        \
      .on("nd sym", "_random_pdf_" #name)                                                        \
      .on("nd sym", "random_pdf_" #name)                                                         \
      .infer([](const DensityAttrs&, const Specs& in) -> Spec {                                  \
        check_inputs(in);                                                                        \
        return in[0];                                                                            \
      })                                                                                         \
      .cpu(kernel<F>)                                                                            \
      .grad(backward<F>, op::saves_inputs() | op::saves_output(0))

PLAIT_DENSITY(uniform, "1 / (high - low), the density of uniform draws between low and high.",
              Uniform)
    .input("low", "lower ends (s...); that points lie between the ends is not checked")
    .input("high", "upper ends (s...)");
PLAIT_DENSITY(normal, "Density of the normal distribution.", Normal)
    .input("mu", "means (s...)")
    .input("sigma", "standard deviations (s...), > 0");
PLAIT_DENSITY(gamma, "Density of the gamma distribution.", Gamma)
    .input("alpha", "shapes (s...), > 0")
    .input("beta", "rates (s...), > 0: one over the scale that random_gamma takes");
PLAIT_DENSITY(exponential, "Density of the exponential distribution.", Exponential)
    .input("lam", "rates (s...), > 0");
PLAIT_DENSITY(poisson, "Probability of whole numbers in the Poisson distribution.", Poisson)
    .input("lam", "means (s...), > 0");
PLAIT_DENSITY(negative_binomial, "Probability of so many failures before k successes.",
              NegativeBinomial)
    .input("k", "successes (s...), > 0")
    .input("p", "probabilities of a success (s...), in (0, 1)");
PLAIT_DENSITY(generalized_negative_binomial,
              "Negative binomial probability of whole numbers, given by mean and dispersion.",
              GeneralizedNegativeBinomial)
    .input("mu", "means (s...), > 0")
    .input("alpha", "dispersions (s...), > 0");

// A point of the Dirichlet distribution is a row of n numbers.
Spec infer_dirichlet(const DensityAttrs&, const Specs& in) {
  const Dims &points = in[0].shape, &alpha = in[1].shape;
  check(!points.empty() && !alpha.empty() && points.back() == alpha.back(), ErrorKind::kShape,
        "sample has shape ", points, ", alpha has shape ", alpha, "; the last axes must be equal");
  const Spec points_of_each{Dims(points.begin(), points.end() - 1), in[0].dtype};
  check_inputs({points_of_each, {Dims(alpha.begin(), alpha.end() - 1), in[1].dtype}});
  return points_of_each;
}

void dirichlet_kernel(const DensityAttrs& attrs, const KernelArgs& k) {
  const std::vector<double> x = numbers(k.in[0]), alpha = numbers(k.in[1]);
  const int64_t n = k.in[1].dim(-1), count = k.out[0].size();
  const int64_t points = alpha.empty() ? 1 : count / (k.in[1].size() / n);
  write(attrs, k, [&](int64_t i) {
    double sum = 0, total = 0;
    for (int64_t j = 0; j < n; ++j) {
      const double a = alpha[static_cast<size_t>(i / points * n + j)];
      sum += times_log(a - 1, x[static_cast<size_t>(i * n + j)]) - std::lgamma(a);
      total += a;
    }
    return sum + std::lgamma(total);
  });
}

Values dirichlet_grad(const DensityAttrs& attrs, const GradArgs& g) {
  const Value x = g.in(0);
  const Dims &own = g.in_spec(1).shape, &points = g.out_spec(0).shape;
  Dims wide(own.begin(), own.end() - 1), total = own;
  wide.resize(points.size(), 1);
  wide.push_back(own.back());
  total.back() = 1;
  const Value alpha = op::reshape_to(g.in(1), wide);
  const Value by_alpha = digamma(op::sum_to(g.in(1), total)) - digamma(g.in(1));
  Dims row = points;
  row.push_back(1);
  const Value weight = op::reshape_to(weight_of(attrs, g), row);
  const Value d = weight * (log(x) + op::reshape_to(by_alpha, wide));
  return {weight * (alpha - 1.0) / x, op::reshape_to(op::sum_to(d, wide), own)};
}

PLAIT_OP(random_pdf_dirichlet, DensityAttrs)
    .doc("Density of the Dirichlet distribution.")
    .input("sample", "floating (s..., m..., n): m points for each row of alpha, each sums to 1")
    .input("alpha", "concentrations (s..., n), > 0")
    .output("out", "(s..., m...)")
    .attr("is_log", &DensityAttrs::is_log, false, "give the logarithm")
    .on("nd sym", "_random_pdf_dirichlet")
    .on("nd sym", "random_pdf_dirichlet")
    .infer(infer_dirichlet)
    .cpu(dirichlet_kernel)
    .grad(dirichlet_grad, op::saves_inputs() | op::saves_output(0));

}  // namespace
}  // namespace plait::ops
