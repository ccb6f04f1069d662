#include "ops/nn/row_norm.h"

#include <algorithm>
#include <utility>
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

// Sums over rows of dy and of dy h for each element of a line. Rows go in parts, whose number
// depends on the sizes alone: so the sums do not depend on the threads.
template <class A>
class ElementSums {
 public:
  ElementSums(int64_t rows, int64_t n)
      : n_(n),
        part_(std::max(kTogether, (rows + kMostParts - 1) / kMostParts)),
        count_((rows + part_ - 1) / part_),
        sums_(static_cast<size_t>(2 * n * count_)) {}

  int64_t count() const { return count_; }
  int64_t first_row(int64_t part) const { return part * part_; }

  // Adds rows of one part; a few at a time in A.
  class Part {
   public:
    Part(ElementSums& all, int64_t number)
        : n_(all.n_), total_(all.sums_.data() + 2 * n_ * number), few_(2 * n_) {}
    A* dy() { return few_.data(); }
    A* dyh() { return few_.data() + n_; }
    void row_done() {
      if (++rows_ == kTogether) flush();
    }
    void flush() {
      kernels::vector_loop(2 * n_, [to = total_, from = few_.data()](int64_t j) {
        to[j] += static_cast<double>(from[j]);
        from[j] = 0;
      });
      rows_ = 0;
    }

   private:
    int64_t n_, rows_ = 0;
    double* total_;
    std::vector<A> few_;
  };

  // (sum of dy, sum of dy h) of element j.
  std::pair<double, double> of(int64_t j) const {
    std::pair<double, double> sum{0, 0};
    for (int64_t part = 0; part < count_; ++part) {
      sum.first += sums_[static_cast<size_t>(2 * n_ * part + j)];
      sum.second += sums_[static_cast<size_t>(2 * n_ * part + n_ + j)];
    }
    return sum;
  }

 private:
  static constexpr int64_t kTogether = 32, kMostParts = 256;
  int64_t n_, part_, count_;
  std::vector<double> sums_;
};

// One row in the gradient.
template <class T>
struct BackwardOfRow {
  using A = acc_t<T>;
  const T *dys, *xs;
  T* dxs;
  int64_t n, step;
  A mu, inv;

  BackwardOfRow(const RowNorm& r, const op::KernelArgs& k, int64_t row)
      : dys(k.in[0].ptr<T>() + r.start(row)),
        xs(k.in[1].ptr<T>() + r.start(row)),
        dxs(k.out[0].ptr<T>() + r.start(row)),
        n(r.n),
        step(r.inner),
        mu(static_cast<A>(k.in[3].ptr<T>()[row])),
        inv(A(1) / static_cast<A>(k.in[4].ptr<T>()[row])) {}

  A dy(int64_t j) const { return static_cast<A>(dys[j * step]); }
  A h(int64_t j) const { return (static_cast<A>(xs[j * step]) - mu) * inv; }
  A mean(double sum) const {
    return static_cast<A>(sum / static_cast<double>(std::max<int64_t>(n, 1)));
  }
  // `mean_q`, `mean_qh`: of q and q h.
  void store(int64_t j, A q, A mean_q, A mean_qh) const {
    dxs[j * step] = static_cast<T>((q - mean_q - h(j) * mean_qh) * inv);
  }
};

// gamma and beta have a number for each element of a line.
template <class T>
void backward_of_elements(const RowNorm& r, const op::KernelArgs& k) {
  using A = acc_t<T>;
  ElementSums<A> sums(r.rows, r.n);
  const T* gamma = k.in[2].ptr<T>();
  kernels::parallel_for(k.threads, sums.count(), 1, [&](int64_t begin, int64_t end) {
    for (int64_t number = begin; number < end; ++number) {
      typename ElementSums<A>::Part part(sums, number);
      const int64_t last = std::min(r.rows, sums.first_row(number + 1));
      for (int64_t i = sums.first_row(number); i < last; ++i) {
        const BackwardOfRow<T> row(r, k, i);
        const auto q = [=](int64_t j) { return row.dy(j) * static_cast<A>(gamma[j]); };
        const A mean_q = row.mean(line_sum<A>(r.n, q));
        const A mean_qh = row.mean(line_sum<A>(r.n, [=](int64_t j) { return q(j) * row.h(j); }));
        kernels::vector_loop(r.n, [=, dy = part.dy(), dyh = part.dyh()](int64_t j) {
          dy[j] += row.dy(j);
          dyh[j] += row.dy(j) * row.h(j);
          row.store(j, q(j), mean_q, mean_qh);
        });
        part.row_done();
      }
      part.flush();
    }
  });
  T *dgamma = k.out[1].ptr<T>(), *dbeta = k.out[2].ptr<T>();
  for (int64_t j = 0; j < r.n; ++j) {
    const auto [dy, dyh] = sums.of(j);
    dbeta[j] = static_cast<T>(static_cast<A>(dy));
    dgamma[j] = static_cast<T>(static_cast<A>(dyh));
  }
}

// gamma and beta have a number for each line.
template <class T>
void backward_of_lines(const RowNorm& r, const op::KernelArgs& k) {
  using A = acc_t<T>;
  std::vector<double> line_dy(static_cast<size_t>(r.rows)), line_dyh(line_dy);
  kernels::parallel_for(k.threads, r.rows, r.grain(), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const BackwardOfRow<T> row(r, k, i);
      const A scale = static_cast<A>(k.in[2].ptr<T>()[i % r.scales]);
      const double dy = line_sum<A>(r.n, [=](int64_t j) { return row.dy(j); });
      const double dyh = line_sum<A>(r.n, [=](int64_t j) { return row.dy(j) * row.h(j); });
      line_dy[static_cast<size_t>(i)] = dy;
      line_dyh[static_cast<size_t>(i)] = dyh;
      const A mean_q = row.mean(scale * dy), mean_qh = row.mean(scale * dyh);
      kernels::vector_loop(r.n,
                           [=](int64_t j) { row.store(j, row.dy(j) * scale, mean_q, mean_qh); });
    }
  });
  T *dgamma = k.out[1].ptr<T>(), *dbeta = k.out[2].ptr<T>();
  std::vector<double> sum(static_cast<size_t>(r.scales), 0), product(sum);
  for (int64_t row = 0; row < r.rows; ++row) {
    sum[static_cast<size_t>(row % r.scales)] += line_dy[static_cast<size_t>(row)];
    product[static_cast<size_t>(row % r.scales)] += line_dyh[static_cast<size_t>(row)];
  }
  for (int64_t c = 0; c < r.scales; ++c) {
    dbeta[c] = static_cast<T>(static_cast<A>(sum[static_cast<size_t>(c)]));
    dgamma[c] = static_cast<T>(static_cast<A>(product[static_cast<size_t>(c)]));
  }
}

}  // namespace

void norm_forward(const RowNorm& rows, const op::KernelArgs& k, double eps) {
  dispatch_floating(k.in[0].dtype, [&]<class T>(T) { forward<T>(rows, k, eps); });
}

void norm_backward(const RowNorm& rows, const op::KernelArgs& k) {
  dispatch_floating(k.in[0].dtype, [&]<class T>(T) {
    rows.per_element ? backward_of_elements<T>(rows, k) : backward_of_lines<T>(rows, k);
  });
}

}  // namespace plait::ops
