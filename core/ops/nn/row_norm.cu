#include "ops/nn/row_norm.h"

#include <cmath>

#include "kernels/cuda/launch.h"

namespace plait::ops {
namespace {

// Two passes: in one the variance of large means would cancel.
template <class T>
struct Forward {
  RowNorm r;
  double eps;
  const T *x, *gamma, *beta;
  T *y, *mean, *deviation;

  template <class Team>
  PLAIT_FN void operator()(const Team& team, int64_t row) const {
    using A = acc_t<T>;
    const int64_t step = r.inner, start = r.start(row);
    const double count = r.n > 0 ? static_cast<double>(r.n) : 1.0;
    const auto at = [&](int64_t j) { return static_cast<A>(x[start + j * step]); };
    const A mu = static_cast<A>(
        team.reduce(
            r.n, 0.0, [&](int64_t j) { return static_cast<double>(at(j)); }, cuda::Plus()) /
        count);
    const double squares = team.reduce(
        r.n, 0.0, [&](int64_t j) { return static_cast<double>((at(j) - mu) * (at(j) - mu)); },
        cuda::Plus());
    const A sigma = static_cast<A>(std::sqrt(squares / count + eps)), inv = A(1) / sigma;
    team.each(1, [&](int64_t) {
      mean[row] = static_cast<T>(mu);
      deviation[row] = static_cast<T>(sigma);
    });
    team.each(r.n, [&](int64_t j) {
      const int64_t s = r.scale_of(row, j);
      y[start + j * step] =
          static_cast<T>((at(j) - mu) * inv * static_cast<A>(gamma[s]) + static_cast<A>(beta[s]));
    });
  }
};

template <class T>
struct BackwardData {
  RowNorm r;
  const T *dy, *x, *gamma, *mean, *deviation;
  T* dx;

  template <class Team>
  PLAIT_FN void operator()(const Team& team, int64_t row) const {
    using A = acc_t<T>;
    const int64_t step = r.inner, start = r.start(row);
    const double count = r.n > 0 ? static_cast<double>(r.n) : 1.0;
    const A mu = static_cast<A>(mean[row]), inv = A(1) / static_cast<A>(deviation[row]);
    const auto h = [&](int64_t j) { return (static_cast<A>(x[start + j * step]) - mu) * inv; };
    const auto q = [&](int64_t j) {
      return static_cast<A>(dy[start + j * step]) * static_cast<A>(gamma[r.scale_of(row, j)]);
    };
    const A mean_q = static_cast<A>(
        team.reduce(
            r.n, 0.0, [&](int64_t j) { return static_cast<double>(q(j)); }, cuda::Plus()) /
        count);
    const A mean_qh = static_cast<A>(
        team.reduce(
            r.n, 0.0, [&](int64_t j) { return static_cast<double>(q(j) * h(j)); }, cuda::Plus()) /
        count);
    team.each(r.n, [&](int64_t j) {
      dx[start + j * step] = static_cast<T>((q(j) - mean_q - h(j) * mean_qh) * inv);
    });
  }
};

// A factor's gradients: over the rows, and for one factor a row over its elements too.
template <class T>
struct BackwardScale {
  RowNorm r;
  const T *dy, *x, *mean, *deviation;
  T *dgamma, *dbeta;

  template <class Team>
  PLAIT_FN void operator()(const Team& team, int64_t scale) const {
    using A = acc_t<T>;
    const int64_t width = r.per_element ? 1 : r.n;
    const int64_t rows = r.per_element ? r.rows : r.rows / r.scales;
    const auto row_of = [&](int64_t i) { return r.per_element ? i : i / width * r.scales + scale; };
    const auto place = [&](int64_t i) {
      return r.start(row_of(i)) + (r.per_element ? scale : i % width) * r.inner;
    };
    const double sum = team.reduce(
        rows * width, 0.0,
        [&](int64_t i) { return static_cast<double>(static_cast<A>(dy[place(i)])); }, cuda::Plus());
    const double product = team.reduce(
        rows * width, 0.0,
        [&](int64_t i) {
          const int64_t row = row_of(i), at = place(i);
          const double h = (static_cast<double>(static_cast<A>(x[at])) -
                            static_cast<double>(static_cast<A>(mean[row]))) /
                           static_cast<double>(static_cast<A>(deviation[row]));
          return static_cast<double>(static_cast<A>(dy[at])) * h;
        },
        cuda::Plus());
    team.each(1, [&](int64_t) {
      dbeta[scale] = static_cast<T>(static_cast<A>(sum));
      dgamma[scale] = static_cast<T>(static_cast<A>(product));
    });
  }
};

}  // namespace

void norm_forward(const RowNorm& rows, const op::KernelArgs& k, double eps) {
  dispatch_floating(k.in[0].dtype, [&]<class T>(T) {
    cuda::for_each_line(rows.rows, rows.n,
                        Forward<T>{rows, eps, k.in[0].ptr<T>(), k.in[1].ptr<T>(), k.in[2].ptr<T>(),
                                   k.out[0].ptr<T>(), k.out[1].ptr<T>(), k.out[2].ptr<T>()});
  });
}

void norm_backward(const RowNorm& rows, const op::KernelArgs& k) {
  dispatch_floating(k.in[0].dtype, [&]<class T>(T) {
    const T *dy = k.in[0].ptr<T>(), *x = k.in[1].ptr<T>(), *gamma = k.in[2].ptr<T>(),
            *mean = k.in[3].ptr<T>(), *deviation = k.in[4].ptr<T>();
    cuda::for_each_line(rows.rows, rows.n,
                        BackwardData<T>{rows, dy, x, gamma, mean, deviation, k.out[0].ptr<T>()});
    const int64_t scales = rows.per_element ? rows.n : rows.scales;
    const int64_t summed = rows.per_element ? rows.rows : rows.rows / rows.scales * rows.n;
    cuda::for_each_line(
        scales, summed,
        BackwardScale<T>{rows, dy, x, mean, deviation, k.out[1].ptr<T>(), k.out[2].ptr<T>()});
  });
}

}  // namespace plait::ops
