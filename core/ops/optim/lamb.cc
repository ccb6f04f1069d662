#include "ops/optim/layerwise.h"
#include "ops/optim/trusted.h"

namespace plait::op {
namespace {

struct Lamb : Trusted {
  static constexpr size_t kScratch = 1;
  static constexpr int kPasses = 2;

  template <class T>
  Sums run(int pass, const Block<T>& b) const {
    T* r = b.scratch[0];
    if (pass == 1) {
      const T rate = T(lrs[b.index] * ratio((*b.totals)[0], (*b.totals)[1]));
      kernels::vector_loop(
          b.size, [w = b.weight, out = b.out, r, rate](int64_t i) { out[i] = w[i] - rate * r[i]; });
      return {};
    }
    direction<T>(b.index, b.size, b.weight, b.grad, b.state[0], b.state[1], r);
    return {sum_of_squares(b.weight, b.size), sum_of_squares(r, b.size), 0, 0};
  }
};

struct Lans : Trusted {
  static constexpr size_t kScratch = 2;
  static constexpr int kPasses = 3;

  template <class T>
  Sums run(int pass, const Block<T>& b) const {
    if (pass == 0) return {sum_of_squares(b.grad, b.size), 0, 0, 0};
    return pass == 1 ? directions(b) : apply(b);
  }

  // Steps along the mean and along the gradient.
  template <class T>
  Sums directions(const Block<T>& b) const {
    const double norm = std::sqrt((*b.totals)[0]) * std::abs(rescale_grad);
    Clipped<T> clipped(*this);
    if (norm > 0) clipped.rescale = T(rescale_grad / norm);
    const T wd = T(wds[b.index]), b1 = T(beta1), b2 = T(beta2), eps = T(epsilon);
    const T c1 = T(correction(beta1, b.index)), c2 = T(correction(beta2, b.index));
    T *rm = b.scratch[0], *rg = b.scratch[1];
    kernels::vector_loop(b.size, [w = b.weight, g = b.grad, m = b.state[0], v = b.state[1], rm, rg,
                                  clipped, wd, b1, b2, eps, c1, c2](int64_t i) {
      const T grad = clipped(g[i]);
      m[i] = b1 * m[i] + (T(1) - b1) * grad;
      v[i] = b2 * v[i] + (T(1) - b2) * grad * grad;
      const T root = std::sqrt(c2 * v[i]) + eps;
      rm[i] = c1 * m[i] / root + wd * w[i];
      rg[i] = grad / root + wd * w[i];
    });
    return {sum_of_squares(b.weight, b.size), sum_of_squares(rm, b.size),
            sum_of_squares(rg, b.size), 0};
  }

  template <class T>
  Sums apply(const Block<T>& b) const {
    const Sums& s = *b.totals;
    const double lr = lrs[b.index];
    const T of_mean = T(lr * beta1 * ratio(s[0], s[1]));
    const T of_grad = T(lr * (1 - beta1) * ratio(s[0], s[2]));
    kernels::vector_loop(
        b.size, [w = b.weight, out = b.out, rm = b.scratch[0], rg = b.scratch[1], of_mean,
                 of_grad](int64_t i) { out[i] = w[i] - of_mean * rm[i] - of_grad * rg[i]; });
    return {};
  }
};

template <class Rule>
Specs infer_counted(const Rule& a, const Specs& in) {
  check(a.step_count.size() == static_cast<size_t>(a.num_weights), ErrorKind::kInvalidArgument,
        "step_count has ", a.step_count.size(), " numbers, must be ", a.num_weights);
  return infer_layerwise<Rule>(a, in);
}

template <class Rule>
int add(const char* name, const char* doc, const char* source, int line) {
  OpBuilder<Rule> b(Op::add(name, __FILE__, line));
  declare_multi(b, name, doc, source);
  b.infer(infer_counted<Rule>).cpu(layerwise_kernel<Rule>);
  return b;
}

const int registered_lamb = add<Lamb>(
    "multi_lamb_update", "Adam's direction, as long as the norm of the weight: for large batches.",
    "You and others, ICLR (2020)", __LINE__);
const int registered_lans = add<Lans>(
    "multi_lans_update", "LAMB with normalised gradients, along the mean and along the gradient.",
    "Zheng, Lin, Zha, Li (2020)", __LINE__);

}  // namespace
}  // namespace plait::op
