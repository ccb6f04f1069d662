#pragma once

#include <cmath>

#include "kernels/parallel.h"
#include "kernels/simd.h"
#include "op/op.h"

// What layer, group and instance normalisation share: lines of n numbers are brought to mean 0 and
// variance 1, then scaled and shifted.
namespace plait::ops {

// Line r starts at (r / inner) * n * inner + r % inner; its elements are `inner` apart. The factor
// of element j of line r is gamma[j] if `per_element`, else gamma[r % scales].
struct RowNorm {
  int64_t rows = 0, n = 1, inner = 1, scales = 1;
  bool per_element = true;

  PLAIT_FN int64_t start(int64_t r) const { return r / inner * n * inner + r % inner; }
  PLAIT_FN int64_t scale_of(int64_t r, int64_t j) const { return per_element ? j : r % scales; }
  int64_t grain() const { return std::max<int64_t>(1, 8192 / std::max<int64_t>(n, 1)); }
};

// Sum of f(j) for j in [0, n), in double; parts are kept in A so that the loop vectorises.
template <class A, class F>
double line_sum(int64_t n, const F& f) {
  return kernels::vector_call([&] {
    A parts[16] = {};
    double sum = 0;
    int64_t j = 0;
    for (; j + 16 <= n; j += 16) {
      for (int64_t i = 0; i < 16; ++i) parts[i] += f(j + i);
    }
    for (; j < n; ++j) sum += static_cast<double>(f(j));
    for (A p : parts) sum += static_cast<double>(p);
    return sum;
  });
}

// Outputs: y, mean, deviation; inputs: x, gamma, beta, of one floating type.
void norm_forward(const RowNorm& rows, const op::KernelArgs& k, double eps);

// With h = (x - mean) / deviation and q = dy gamma: dx = (q - mean(q) - h mean(q h)) / deviation,
// dgamma = sum(dy h), dbeta = sum(dy) (Ba, Kiros, Hinton 2016). Inputs: dy, x, gamma, mean,
// deviation.
void norm_backward(const RowNorm& rows, const op::KernelArgs& k);

// The same as a graph of operators, for gradients of gradients: normalised along `axis` of x;
// `scale_shape` is the shape in which gamma broadcasts to x.
inline Values norm_graph(const Value& dy, const Value& x, const Value& gamma, int64_t axis,
                         const Dims& scale_shape, double eps) {
  static const OpCall kMean("mean", {"axis", "keepdims"}), kRsqrt("rsqrt");
  const auto mean = [&](const Value& v) { return kMean({v}, {Dims{axis}, true}); };
  const Value centred = x - mean(x);
  const Value inv = kRsqrt({mean(centred * centred) + eps});
  const Value h = centred * inv;
  const Value q = dy * op::reshape_to(gamma, scale_shape);
  return {inv * (q - mean(q) - h * mean(q * h)),
          op::reshape_to(op::sum_to(dy * h, scale_shape), gamma.shape()),
          op::reshape_to(op::sum_to(dy, scale_shape), gamma.shape())};
}

// gamma and beta must have the given shape and the type of data.
inline void check_scales(const Specs& in, const Dims& want) {
  check(is_floating(in[0].dtype), ErrorKind::kType, "data has dtype ", in[0].dtype,
        ", must be floating");
  for (size_t i = 1; i < in.size(); ++i) {
    const char* name = i == 1 ? "gamma" : "beta";
    check(in[i].shape == want, ErrorKind::kShape, name, " has shape ", in[i].shape, ", must be ",
          want, " for data of shape ", in[0].shape);
    check(in[i].dtype == in[0].dtype, ErrorKind::kType, name, " has dtype ", in[i].dtype,
          ", must be ", in[0].dtype, " as data");
  }
}

}  // namespace plait::ops
