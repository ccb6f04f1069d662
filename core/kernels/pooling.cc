#include "kernels/pooling.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>
#include <vector>

#include "kernels/parallel.h"
#include "kernels/pooling_parts.h"
#include "kernels/simd.h"

// A window is reduced in two steps: its rows are combined into one row over the whole width, then
// neighbours in that row. Both steps are loops over contiguous memory, and a window costs the sum
// of its sizes, not their product.
namespace plait::kernels {
namespace {

constexpr int32_t kOutside = std::numeric_limits<int32_t>::max();  // row number of padding

// The same size for the numbers of rows, so that loops over both vectorise.
template <class T>
using IndexOf = std::conditional_t<sizeof(T) == 8, int64_t, int32_t>;

// One thread's buffers for planes of one pooling.
template <class T>
class Planes {
 public:
  using Index = IndexOf<T>;

  explicit Planes(const Pool& p)
      : p_(p),
        need_(std::max(p.pad[2] + p.in[2], (p.out[2] - 1) * p.stride[2] + p.kernel[2])),
        joined_(need_ <= p.out[2] * p.stride[2]),
        width_(joined_ ? p.out[2] * p.stride[2] : need_),
        rows_(p.out[0] * p.out[1]) {
    plan_rows();
    line_.resize(static_cast<size_t>(rows_ * width_ + p.stride[2]));
    if (p.kind == Pool::kMax) {
      row_.resize(line_.size());
      best_row_.resize(static_cast<size_t>(p.out_size()));
      best_column_.resize(best_row_.size());
      best_.resize(best_row_.size());
    } else if (p.kind == Pool::kMean) {
      count_.resize(static_cast<size_t>(p.out_size()));
      fill_counts();
    }
  }

  void forward(const T* x, T* y) {
    if (p_.kind == Pool::kMax) {
      join_rows<true, false>(x);
      across<true>(y);
    } else {
      join_rows<false, false>(x);
      across<false>(y);
      const T* count = count_.data();
      if (p_.kind == Pool::kMean) {
        for (int64_t i = 0; i < p_.out_size(); ++i) y[i] /= count[i];
      }
    }
  }

  // Adds to dx, which holds zeros.
  void backward(const T* dy, const T* x, T* dx) {
    if (p_.kind != Pool::kMax) return spread(dy, dx);
    find(x);
    each_maximum([=](int64_t to, int64_t from) { dx[to] += dy[from]; });
  }

  void at_maximum(const T* values, const T* x, T* y) {
    find(x);
    std::fill_n(y, p_.out_size(), T(0));
    each_maximum([=](int64_t from, int64_t to) { y[to] = values[from]; });
  }

 private:
  void fill_counts() {
    size_t at = 0;
    for (int64_t a = 0; a < p_.out[0]; ++a) {
      for (int64_t b = 0; b < p_.out[1]; ++b) {
        const double rows = mean_count(p_, range_of(p_, 0, a)) * mean_count(p_, range_of(p_, 1, b));
        for (int64_t c = 0; c < p_.out[2]; ++c) {
          const double count = rows * mean_count(p_, range_of(p_, 2, c));
          count_[at++] = static_cast<T>(std::max(count, 1.0));
        }
      }
    }
  }

  void plan_rows() {
    first_part_.push_back(0);
    for (int64_t a = 0; a < p_.out[0]; ++a) {
      for (int64_t b = 0; b < p_.out[1]; ++b) {
        const PoolRange depth = range_of(p_, 0, a), height = range_of(p_, 1, b);
        for (int64_t d = depth.first; d < depth.last; ++d) {
          for (int64_t h = height.first; h < height.last; ++h) {
            const int64_t number = (d - depth.start) * p_.kernel[1] + h - height.start;
            parts_.push_back({(d * p_.in[1] + h) * p_.in[2], static_cast<Index>(number)});
          }
        }
        first_part_.push_back(parts_.size());
        start_.push_back((depth.start * p_.in[1] + height.start) * p_.in[2] - p_.pad[2]);
      }
    }
  }

  // f(first element of a row of the plane, its number in the window) for the rows inside window r.
  template <class F>
  void each_row(int64_t r, const F& f) const {
    for (size_t i = first_part_[r]; i < first_part_[r + 1]; ++i) f(parts_[i].at, parts_[i].number);
  }

  // line_[output row][padded column] = combination of the rows; row_: where a maximum stood first.
  template <bool kMaximum, bool kTrack>
  void join_rows(const T* x) {
    const T none = kMaximum ? -std::numeric_limits<T>::infinity() : T(0);
    const int64_t n = p_.in[2], pad = p_.pad[2];
    for (int64_t r = 0; r < rows_; ++r) {
      T* whole = line_.data() + r * width_;
      T* line = whole + pad;
      Index* row = kTrack ? row_.data() + r * width_ + pad : nullptr;
      const auto none_from = [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
          whole[i] = none;
          if constexpr (kTrack) row[i - pad] = static_cast<Index>(kOutside);
        }
      };
      none_from(0, pad);
      none_from(pad + n, need_);
      bool empty = true;
      each_row(r, [&](int64_t at, Index number) {
        const T* from = x + at;
        if (empty) {
          for (int64_t i = 0; i < n; ++i) line[i] = from[i];
          if constexpr (kTrack) {
            for (int64_t i = 0; i < n; ++i) row[i] = number;
          }
        } else if constexpr (kTrack) {
          for (int64_t i = 0; i < n; ++i) {
            const bool better = from[i] > line[i] || (from[i] != from[i] && line[i] == line[i]);
            line[i] = better ? from[i] : line[i];
            row[i] = better ? number : row[i];
          }
        } else if constexpr (kMaximum) {
          for (int64_t i = 0; i < n; ++i) {
            line[i] = from[i] > line[i] || from[i] != from[i] ? from[i] : line[i];
          }
        } else {
          for (int64_t i = 0; i < n; ++i) line[i] += from[i];
        }
        empty = false;
      });
      if (empty) none_from(pad, pad + n);
    }
  }

  // f(line, output, n, step) for stretches in which a step of one output is a step in the line;
  // the step is a constant for the usual strides.
  template <class F>
  void stretches(const F& f) const {
    const int64_t times = joined_ ? 1 : rows_, n = joined_ ? rows_ * p_.out[2] : p_.out[2];
    for (int64_t r = 0; r < times; ++r) {
      const int64_t line = r * width_, out = r * p_.out[2];
      if (p_.stride[2] == 1) {
        f(line, out, n, std::integral_constant<int64_t, 1>{});
      } else if (p_.stride[2] == 2) {
        f(line, out, n, std::integral_constant<int64_t, 2>{});
      } else {
        f(line, out, n, p_.stride[2]);
      }
    }
  }

  template <bool kMaximum>
  void across(T* y) const {
    stretches([&](int64_t line, int64_t out, int64_t n, auto step) {
      const T* x = line_.data() + line;
      T* to = y + out;
      for (int64_t i = 0; i < n; ++i) to[i] = x[i * step];
      for (int64_t j = 1; j < p_.kernel[2]; ++j) {
        const T* xs = x + j;
        for (int64_t i = 0; i < n; ++i) {
          const T v = xs[i * step];
          if constexpr (kMaximum) {
            to[i] = v > to[i] || v != v ? v : to[i];
          } else {
            to[i] += v;
          }
        }
      }
    });
  }

  // best_row_ and best_column_ in the window of each output: first in the order of the rows.
  void find(const T* x) {
    join_rows<true, true>(x);
    stretches([&](int64_t line, int64_t out, int64_t n, auto step) {
      const T* xs = line_.data() + line;
      const Index* rows = row_.data() + line;
      Index *row = best_row_.data() + out, *column = best_column_.data() + out;
      T* best = best_.data() + out;
      for (int64_t i = 0; i < n; ++i) {
        best[i] = xs[i * step];
        row[i] = rows[i * step];
        column[i] = 0;
      }
      for (int64_t j = 1; j < p_.kernel[2]; ++j) {
        const T* next = xs + j;
        const Index *next_row = rows + j, number = static_cast<Index>(j);
        for (int64_t i = 0; i < n; ++i) {
          const T v = next[i * step], b = best[i];
          const Index r = next_row[i * step];
          const bool equal = (v == b) | ((v != v) & (b != b));
          const bool better = (v > b) | ((v != v) & (b == b)) | (equal & (r < row[i]));
          best[i] = better ? v : b;
          row[i] = better ? r : row[i];
          column[i] = better ? number : column[i];
        }
      }
    });
  }

  // f(place in the plane, output) for every window that holds something.
  template <class F>
  void each_maximum(const F& f) const {
    int64_t at = 0;
    for (int64_t r = 0; r < rows_; ++r) {
      for (int64_t c = 0; c < p_.out[2]; ++c, ++at) {
        const int64_t row = best_row_[at];
        if (row == kOutside) continue;
        const int64_t down = p_.in[0] == 1 ? 0 : row / p_.kernel[1];
        const int64_t lines = down * p_.in[1] + row - down * p_.kernel[1];
        f(start_[r] + lines * p_.in[2] + c * p_.stride[2] + best_column_[at], at);
      }
    }
  }

  // The reverse of the two steps of a sum.
  void spread(const T* dy, T* dx) {
    std::fill(line_.begin(), line_.end(), T(0));
    stretches([&](int64_t line, int64_t out, int64_t n, auto step) {
      for (int64_t j = 0; j < p_.kernel[2]; ++j) {
        T* to = line_.data() + line + j;
        const T *from = dy + out, *count = count_.data() + out;
        if (p_.kind == Pool::kMean) {
          for (int64_t i = 0; i < n; ++i) to[i * step] += from[i] / count[i];
        } else {
          for (int64_t i = 0; i < n; ++i) to[i * step] += from[i];
        }
      }
    });
    for (int64_t r = 0; r < rows_; ++r) {
      const T* line = line_.data() + r * width_ + p_.pad[2];
      each_row(r, [&](int64_t at, Index) {
        for (int64_t i = 0; i < p_.in[2]; ++i) dx[at + i] += line[i];
      });
    }
  }

  const Pool& p_;
  const int64_t need_;  // columns of a line with its padding
  const bool joined_;   // the lines of all rows make one, without a step between rows
  const int64_t width_, rows_;
  std::vector<T> line_, best_, count_;
  std::vector<Index> row_, best_row_, best_column_;
  struct Part {
    int64_t at;
    Index number;
  };
  std::vector<Part> parts_;         // rows inside the windows, window row after window row
  std::vector<size_t> first_part_;  // of each row of outputs
  std::vector<int64_t> start_;      // of the first window of each row of outputs; may be negative
};

// f(planes, x, y, out) for every plane, compiled for the best instruction set; float16 and bfloat16
// through float32. The data of y may be null.
template <class F>
void each_plane(const Pool& p, DType dtype, const PoolData& x, const PoolData& y,
                const PoolData& out, int threads, const F& f) {
  const int64_t grain = std::max<int64_t>(1, kGrain / 4 / std::max<int64_t>(1, p.in_size()));
  const auto run = [&]<class T>(T) {
    parallel_for(threads, p.planes, grain, [&](int64_t begin, int64_t end) {
      Planes<T> planes(p);
      PoolOperand<T> xs(x, dtype), ys(y, dtype), outs(out, dtype);
      vector_call([&] {
        for (int64_t n = begin; n < end; ++n) {
          xs.load(n);
          ys.load(n);
          f(planes, xs.plane(n), ys.plane(n), outs.plane(n));
          outs.store(n);
        }
      });
    });
  };
  dtype == DType::kFloat64 ? run(double{}) : run(float{});
}

}  // namespace

void pool(const Pool& p, DType dtype, const void* x, void* y, int threads) {
  if (p.channels) return channels_last::pool(p, dtype, x, y, threads);
  each_plane(p, dtype, pool_operand(x, p.in_size()), {}, pool_operand(y, p.out_size()), threads,
             [](auto& planes, auto* from, auto*, auto* to) { planes.forward(from, to); });
}

void pool_norm(const Pool& p, double power, DType dtype, const void* x, void* y, int threads) {
  dispatch_floating(dtype, [&]<class T>(T) {
    using Wide = std::conditional_t<std::is_same_v<T, double>, double, float>;
    const int64_t planes = p.planes * std::max<int64_t>(1, p.channels);
    std::vector<Wide> powers(static_cast<size_t>(planes * p.in_size()));
    std::vector<Wide> sums(static_cast<size_t>(planes * p.out_size()));
    for (size_t i = 0; i < powers.size(); ++i) {
      const Wide v = static_cast<Wide>(static_cast<const T*>(x)[i]);
      powers[i] = std::pow(std::abs(v), static_cast<Wide>(power));
    }
    pool(p, dtype_of<Wide>(), powers.data(), sums.data(), threads);
    for (size_t i = 0; i < sums.size(); ++i) {
      static_cast<T*>(y)[i] = static_cast<T>(std::pow(sums[i], 1 / static_cast<Wide>(power)));
    }
  });
}

void pool_backward(const Pool& p, DType dtype, const void* dy, const void* x, void* dx,
                   int threads) {
  if (p.channels) return channels_last::pool_backward(p, dtype, dy, x, dx, threads);
  each_plane(p, dtype, pool_operand(dy, p.out_size()), pool_operand(x, p.in_size()),
             pool_operand(dx, p.in_size()), threads,
             [&p](auto& planes, auto* from, auto* data, auto* to) {
               std::fill_n(to, p.in_size(), 0);
               planes.backward(from, data, to);
             });
}

void pool_at_maximum(const Pool& p, DType dtype, const void* values, const void* x, void* y,
                     int threads) {
  if (p.channels) return channels_last::pool_at_maximum(p, dtype, values, x, y, threads);
  each_plane(
      p, dtype, pool_operand(values, p.in_size()), pool_operand(x, p.in_size()),
      pool_operand(y, p.out_size()), threads,
      [](auto& planes, auto* from, auto* data, auto* to) { planes.at_maximum(from, data, to); });
}

}  // namespace plait::kernels
