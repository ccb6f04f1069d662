#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "ops/optim/multi.h"

// What LAMB and LANS share: Adam's direction, as long as the weight.
namespace plait::op {

struct Trusted : MultiStep {
  static constexpr size_t kStates = 2;
  static constexpr const char* kStateNames[] = {"mean", "var"};
  std::vector<double> step_count;
  double beta1, beta2, epsilon, lower_bound, upper_bound;
  bool bias_correction;

  template <class A>
  static void attrs(OpBuilder<A>& b) {
    b.required_attr("step_count", of<A>(&Trusted::step_count),
                    "number of this step, from 1, for each weight")
        .attr("beta1", of<A>(&Trusted::beta1), 0.9, "decay of the mean")
        .attr("beta2", of<A>(&Trusted::beta2), 0.999, "decay of the mean square")
        .attr("epsilon", of<A>(&Trusted::epsilon), 1e-6, "added to the root")
        .attr("lower_bound", of<A>(&Trusted::lower_bound), -1.0,
              "least norm of a weight; < 0: none")
        .attr("upper_bound", of<A>(&Trusted::upper_bound), -1.0,
              "largest norm of a weight; < 0: none")
        .attr("bias_correction", of<A>(&Trusted::bias_correction), true,
              "whether the means are corrected for their start at 0");
  }

  // Norm of the weight, in its bounds, over that of the step.
  double ratio(double weight2, double step2) const {
    double w = std::sqrt(weight2);
    const double s = std::sqrt(step2);
    if (lower_bound >= 0) w = std::max(w, lower_bound);
    if (upper_bound >= 0) w = std::min(w, upper_bound);
    return w == 0 || s == 0 ? 1.0 : w / s;
  }
  double correction(double beta, size_t i) const {
    return bias_correction ? 1 / (1 - std::pow(beta, step_count[i])) : 1.0;
  }

  // LAMB's step for n elements of weight i, not yet scaled.
  template <class T>
  void direction(size_t i, int64_t n, const T* w, const T* g, T* m, T* v, T* step) const {
    const Clipped<T> clipped(*this);
    const T wd = T(wds[i]), b1 = T(beta1), b2 = T(beta2), eps = T(epsilon);
    const T c1 = T(correction(beta1, i)), c2 = T(correction(beta2, i));
    kernels::vector_loop(n, [=](int64_t at) {
      const T grad = clipped(g[at]);
      m[at] = b1 * m[at] + (T(1) - b1) * grad;
      v[at] = b2 * v[at] + (T(1) - b2) * grad * grad;
      step[at] = c1 * m[at] / (std::sqrt(c2 * v[at]) + eps) + wd * w[at];
    });
  }
};

}  // namespace plait::op
