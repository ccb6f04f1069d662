#pragma once

#include <cmath>
#include <vector>

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

  int64_t start(int64_t r) const { return r / inner * n * inner + r % inner; }
  int64_t scale_of(int64_t r, int64_t j) const { return per_element ? j : r % scales; }
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

// Two passes: in one the variance of large means would cancel.
template <class T>
void norm_forward(const RowNorm& r, const op::KernelArgs& k, double eps) {
  using A = acc_t<T>;
  const T *x = k.in[0].ptr<T>(), *gamma = k.in[1].ptr<T>(), *beta = k.in[2].ptr<T>();
  T *y = k.out[0].ptr<T>(), *mean = k.out[1].ptr<T>(), *deviation = k.out[2].ptr<T>();
  const int64_t n = r.n, step = r.inner;
  const double count = static_cast<double>(std::max<int64_t>(n, 1));
  kernels::parallel_for(k.threads, r.rows, r.grain(), [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const T* xs = x + r.start(row);
      T* ys = y + r.start(row);
      const auto at = [=](int64_t j) { return static_cast<A>(xs[j * step]); };
      const A mu = static_cast<A>(line_sum<A>(n, at) / count);
      const double variance =
          line_sum<A>(n, [=](int64_t j) { return (at(j) - mu) * (at(j) - mu); }) / count;
      const A sigma = static_cast<A>(std::sqrt(variance + eps)), inv = A(1) / sigma;
      mean[row] = static_cast<T>(mu);
      deviation[row] = static_cast<T>(sigma);
      if (r.per_element) {
        kernels::vector_loop(n, [=](int64_t j) {
          ys[j * step] = static_cast<T>((at(j) - mu) * inv * static_cast<A>(gamma[j]) +
                                        static_cast<A>(beta[j]));
        });
      } else {
        const A scale = static_cast<A>(gamma[row % r.scales]) * inv;
        const A shift = static_cast<A>(beta[row % r.scales]) - mu * scale;
        kernels::vector_loop(
            n, [=](int64_t j) { ys[j * step] = static_cast<T>(at(j) * scale + shift); });
      }
    }
  });
}

// With h = (x - mean) / deviation and q = dy gamma: dx = (q - mean(q) - h mean(q h)) / deviation,
// dgamma = sum(dy h), dbeta = sum(dy) (Ba, Kiros, Hinton 2016). Inputs: dy, x, gamma, mean,
// deviation.
template <class T>
void norm_backward(const RowNorm& r, const op::KernelArgs& k) {
  using A = acc_t<T>;
  const T *dy = k.in[0].ptr<T>(), *x = k.in[1].ptr<T>(), *gamma = k.in[2].ptr<T>(),
          *mean = k.in[3].ptr<T>(), *deviation = k.in[4].ptr<T>();
  T *dx = k.out[0].ptr<T>(), *dgamma = k.out[1].ptr<T>(), *dbeta = k.out[2].ptr<T>();
  const int64_t n = r.n, step = r.inner;
  const double count = static_cast<double>(std::max<int64_t>(n, 1));
  std::vector<double> line_dy(static_cast<size_t>(r.per_element ? 0 : r.rows)), line_dyh(line_dy);
  kernels::parallel_for(k.threads, r.rows, r.grain(), [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const T *xs = x + r.start(row), *dys = dy + r.start(row);
      T* dxs = dx + r.start(row);
      const A mu = static_cast<A>(mean[row]), inv = A(1) / static_cast<A>(deviation[row]);
      const auto h = [=](int64_t j) { return (static_cast<A>(xs[j * step]) - mu) * inv; };
      const T* factor = r.per_element ? gamma : gamma + row % r.scales;
      const int64_t factor_step = r.per_element ? 1 : 0;
      const auto q = [=](int64_t j) {
        return static_cast<A>(dys[j * step]) * static_cast<A>(factor[j * factor_step]);
      };
      const A mean_q = static_cast<A>(line_sum<A>(n, q) / count);
      const A mean_qh =
          static_cast<A>(line_sum<A>(n, [=](int64_t j) { return q(j) * h(j); }) / count);
      if (!r.per_element) {
        const auto dy_at = [=](int64_t j) { return static_cast<A>(dys[j * step]); };
        line_dy[static_cast<size_t>(row)] = line_sum<A>(n, dy_at);
        line_dyh[static_cast<size_t>(row)] =
            line_sum<A>(n, [=](int64_t j) { return dy_at(j) * h(j); });
      }
      kernels::vector_loop(n, [=](int64_t j) {
        dxs[j * step] = static_cast<T>((q(j) - mean_q - h(j) * mean_qh) * inv);
      });
    }
  });
  const int64_t scales = r.per_element ? n : r.scales;
  kernels::parallel_for(k.threads, scales, 64, [&](int64_t begin, int64_t end) {
    std::vector<double> sum(static_cast<size_t>(end - begin), 0), product(sum);
    for (int64_t row = 0; row < r.rows; ++row) {
      if (!r.per_element) {
        const int64_t c = row % r.scales;
        if (c < begin || c >= end) continue;
        sum[static_cast<size_t>(c - begin)] += line_dy[static_cast<size_t>(row)];
        product[static_cast<size_t>(c - begin)] += line_dyh[static_cast<size_t>(row)];
        continue;
      }
      const T *xs = x + r.start(row), *dys = dy + r.start(row);
      const double mu = static_cast<double>(static_cast<A>(mean[row]));
      const double inv = 1 / static_cast<double>(static_cast<A>(deviation[row]));
      for (int64_t j = begin; j < end; ++j) {
        const double d = static_cast<double>(static_cast<A>(dys[j * step]));
        sum[static_cast<size_t>(j - begin)] += d;
        product[static_cast<size_t>(j - begin)] +=
            d * (static_cast<double>(static_cast<A>(xs[j * step])) - mu) * inv;
      }
    }
    for (int64_t c = begin; c < end; ++c) {
      dbeta[c] = static_cast<T>(static_cast<A>(sum[static_cast<size_t>(c - begin)]));
      dgamma[c] = static_cast<T>(static_cast<A>(product[static_cast<size_t>(c - begin)]));
    }
  });
}

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
