#include "ops/nn/row_norm.h"

#include <vector>

namespace plait::ops {
namespace {

// Two passes: in one the variance of large means would cancel.
template <class T>
void forward(const RowNorm& r, const op::KernelArgs& k, double eps) {
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

template <class T>
void backward(const RowNorm& r, const op::KernelArgs& k) {
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

}  // namespace

void norm_forward(const RowNorm& rows, const op::KernelArgs& k, double eps) {
  dispatch_floating(k.in[0].dtype, [&]<class T>(T) { forward<T>(rows, k, eps); });
}

void norm_backward(const RowNorm& rows, const op::KernelArgs& k) {
  dispatch_floating(k.in[0].dtype, [&]<class T>(T) { backward<T>(rows, k); });
}

}  // namespace plait::ops
