#include <limits>

#include "kernels/parallel.h"
#include "kernels/pooling_parts.h"
#include "kernels/simd.h"

// Vectors run over neighbouring channels of one place. A thread takes a block of channels of one
// sample.
namespace plait::kernels::channels_last {
namespace {

constexpr int64_t kBlock = 64;  // channels

// The places of one sample that each window holds, in the order of the rows.
class Windows {
 public:
  explicit Windows(const Pool& p) : p_(p) {
    first_.push_back(0);
    for (int64_t a = 0; a < p.out[0]; ++a) {
      for (int64_t b = 0; b < p.out[1]; ++b) {
        for (int64_t c = 0; c < p.out[2]; ++c) add(a, b, c);
      }
    }
  }

  // f(place in the sample, its number in the window) for the places of window o.
  template <class F>
  void each(int64_t o, const F& f) const {
    const size_t begin = first_[static_cast<size_t>(o)], end = first_[static_cast<size_t>(o) + 1];
    for (size_t i = begin; i < end; ++i) f(places_[i], static_cast<int32_t>(i - begin));
  }
  double count(int64_t o) const { return count_[static_cast<size_t>(o)]; }  // of a mean

 private:
  void add(int64_t a, int64_t b, int64_t c) {
    const PoolRange depth = range_of(p_, 0, a), height = range_of(p_, 1, b),
                    width = range_of(p_, 2, c);
    for (int64_t i = depth.first; i < depth.last; ++i) {
      for (int64_t j = height.first; j < height.last; ++j) {
        for (int64_t k = width.first; k < width.last; ++k) {
          places_.push_back((i * p_.in[1] + j) * p_.in[2] + k);
        }
      }
    }
    first_.push_back(places_.size());
    const double n = mean_count(p_, depth) * mean_count(p_, height) * mean_count(p_, width);
    count_.push_back(std::max(n, 1.0));
  }

  const Pool& p_;
  std::vector<int64_t> places_;
  std::vector<size_t> first_;
  std::vector<double> count_;
};

// The loops over `n` channels (a constant for whole blocks) from the pointers given, which step
// from place to place.
template <class T, class N>
struct Loops {
  const Pool& p;
  const Windows& windows;
  int64_t step;
  N n;

  // best[j]: number of the first place of the maximum in window o.
  void find(const T* x, int64_t o, int32_t* best) const {
    T top[kBlock];
    std::fill_n(top, n, -std::numeric_limits<T>::infinity());
    std::fill_n(best, n, 0);
    windows.each(o, [&](int64_t at, int32_t number) {
      const T* from = x + at * step;
#pragma GCC ivdep
      for (int64_t j = 0; j < n; ++j) {  // NaN is larger than any number, and stays
        const T v = from[j], b = top[j];
        const int32_t chosen = v <= b ? best[j] : number;
        const T larger = v <= b ? b : v;
        best[j] = b == b ? chosen : best[j];
        top[j] = b == b ? larger : b;
      }
    });
  }

  // Adds to dx, which holds zeros.
  void backward(const T* dy, const T* x, T* dx) const {
    int32_t best[kBlock] = {};
    for (int64_t o = 0; o < p.out_size(); ++o) {
      const T* from = dy + o * step;
      if (p.kind == Pool::kMax) find(x, o, best);
      const T count = p.kind == Pool::kMean ? static_cast<T>(windows.count(o)) : T(1);
      windows.each(o, [&](int64_t at, int32_t number) {
        T* to = dx + at * step;
        if (p.kind == Pool::kMax) {
#pragma GCC ivdep
          for (int64_t j = 0; j < n; ++j) to[j] += best[j] == number ? from[j] : T(0);
        } else {
#pragma GCC ivdep
          for (int64_t j = 0; j < n; ++j) to[j] += from[j] / count;
        }
      });
    }
  }

  void at_maximum(const T* values, const T* x, T* y) const {
    int32_t best[kBlock] = {};
    for (int64_t o = 0; o < p.out_size(); ++o) {
      T* to = y + o * step;
      std::fill_n(to, n, T(0));
      find(x, o, best);
      windows.each(o, [&](int64_t at, int32_t number) {
        const T* from = values + at * step;
        for (int64_t j = 0; j < n; ++j) to[j] = best[j] == number ? from[j] : to[j];
      });
    }
  }
};

// f(loops, x, y, out) for every block of channels of every sample; the data of y may be null.
template <class F>
void each_block(const Pool& p, DType dtype, const PoolData& x, const PoolData& y,
                const PoolData& out, int threads, const F& f) {
  const Windows windows(p);
  const auto run = [&]<class T>(T) {
    const bool converted = dtype != dtype_of<T>();  // then a sample is one piece of work
    const int64_t width = converted ? p.channels : kBlock;
    const int64_t blocks = (p.channels + width - 1) / width;
    const int64_t grain =
        std::max<int64_t>(1, kGrain / 4 / std::max<int64_t>(1, p.in_size() * width));
    parallel_for(threads, p.planes * blocks, grain, [&](int64_t begin, int64_t end) {
      PoolOperand<T> xs(x, dtype), ys(y, dtype), outs(out, dtype);
      for (int64_t i = begin; i < end; ++i) {
        const int64_t sample = i / blocks, first = i % blocks * width;
        xs.load(sample);
        ys.load(sample);
        const int64_t last = std::min(first + width, p.channels);
        vector_call([&] {
          for (int64_t c = first; c < last; c += kBlock) {
            T *from = xs.plane(sample) + c, *to = outs.plane(sample) + c;
            T* second = y.data ? ys.plane(sample) + c : nullptr;
            if (last - c >= kBlock) {
              const std::integral_constant<int64_t, kBlock> n;
              f(Loops<T, decltype(n)>{p, windows, p.channels, n}, from, second, to);
            } else {
              f(Loops<T, int64_t>{p, windows, p.channels, last - c}, from, second, to);
            }
          }
        });
        outs.store(sample);
      }
    });
  };
  dtype == DType::kFloat64 ? run(double{}) : run(float{});
}

// The values of `n` channels (a constant for whole blocks) of one window: the sum, or the maximum,
// in which a NaN stays.
template <bool kMaximum, class T, class N>
inline void window_values(const Pool& p, const std::array<PoolRange, 3>& range, const T* x, T* y,
                          T factor, N n) {
  T value[kBlock];
  for (int64_t j = 0; j < n; ++j) {
    value[j] = kMaximum ? -std::numeric_limits<T>::infinity() : T(0);
  }
  for (int64_t a = range[0].first; a < range[0].last; ++a) {
    for (int64_t b = range[1].first; b < range[1].last; ++b) {
      const T* from = x + ((a * p.in[1] + b) * p.in[2] + range[2].first) * p.channels;
      for (int64_t c = range[2].first; c < range[2].last; ++c, from += p.channels) {
#pragma GCC ivdep
        for (int64_t j = 0; j < n; ++j) {
          if constexpr (kMaximum) {
            value[j] = from[j] > value[j] || from[j] != from[j] ? from[j] : value[j];
          } else {
            value[j] += from[j];
          }
        }
      }
    }
  }
#pragma GCC ivdep
  for (int64_t j = 0; j < n; ++j) y[j] = kMaximum ? value[j] : value[j] / factor;
}

// Row `row` of windows of a sample, for channels [first, first + kBlock).
template <bool kMaximum, class T>
inline void forward_row(const Pool& p, const T* x, int64_t row, int64_t first, T* y) {
  const int64_t n = std::min(kBlock, p.channels - first);
  std::array<PoolRange, 3> range{range_of(p, 0, row / p.out[1]), range_of(p, 1, row % p.out[1])};
  const double count = mean_count(p, range[0]) * mean_count(p, range[1]);
  for (int64_t o = 0; o < p.out[2]; ++o) {
    range[2] = range_of(p, 2, o);
    const bool mean = p.kind == Pool::kMean;
    const T factor = mean ? static_cast<T>(std::max(count * mean_count(p, range[2]), 1.0)) : T(1);
    T* to = y + (row * p.out[2] + o) * p.channels + first;
    if (n == kBlock) {
      const std::integral_constant<int64_t, kBlock> whole;
      window_values<kMaximum>(p, range, x + first, to, factor, whole);
    } else {
      window_values<kMaximum>(p, range, x + first, to, factor, n);
    }
  }
}

PoolData ins(const Pool& p, const void* data) {
  return pool_operand(data, p.in_size() * p.channels);
}
PoolData outs(const Pool& p, const void* data) {
  return pool_operand(data, p.out_size() * p.channels);
}

}  // namespace

void pool(const Pool& p, DType dtype, const void* x, void* y, int threads) {
  const int64_t rows = p.out[0] * p.out[1], blocks = (p.channels + kBlock - 1) / kBlock;
  const auto run = [&]<class T>(T) {
    const auto sample = [&](const T* from, T* to, int64_t begin, int64_t end) {
      vector_call([&] {
        for (int64_t i = begin; i < end; ++i) {
          const int64_t row = i % rows, channel = i / rows * kBlock;
          p.kind == Pool::kMax ? forward_row<true>(p, from, row, channel, to)
                               : forward_row<false>(p, from, row, channel, to);
        }
      });
    };
    if (dtype != dtype_of<T>()) {  // a sample is one piece of work
      return parallel_for(threads, p.planes, 1, [&](int64_t begin, int64_t end) {
        PoolOperand<T> xs(ins(p, x), dtype), ys(outs(p, y), dtype);
        for (int64_t i = begin; i < end; ++i) {
          xs.load(i);
          sample(xs.plane(i), ys.plane(i), 0, blocks * rows);
          ys.store(i);
        }
      });
    }
    const int64_t all = p.kernel[0] * p.kernel[1] * p.kernel[2] * p.out[2] * kBlock;
    parallel_for(threads, p.planes * blocks * rows, 1 + kGrain / all,
                 [&](int64_t begin, int64_t end) {
                   while (begin < end) {
                     const int64_t i = begin / (blocks * rows), first = begin - i * blocks * rows;
                     const int64_t n = std::min(end - begin, blocks * rows - first);
                     sample(static_cast<const T*>(x) + i * p.in_size() * p.channels,
                            static_cast<T*>(y) + i * p.out_size() * p.channels, first, first + n);
                     begin += n;
                   }
                 });
  };
  dtype == DType::kFloat64 ? run(double{}) : run(float{});
}

void pool_backward(const Pool& p, DType dtype, const void* dy, const void* x, void* dx,
                   int threads) {
  each_block(p, dtype, outs(p, dy), ins(p, x), ins(p, dx), threads,
             [&p](const auto& loops, auto* from, auto* data, auto* to) {
               for (int64_t i = 0; i < p.in_size(); ++i)
                 std::fill_n(to + i * p.channels, loops.n, 0);
               loops.backward(from, data, to);
             });
}

void pool_at_maximum(const Pool& p, DType dtype, const void* values, const void* x, void* y,
                     int threads) {
  each_block(p, dtype, ins(p, values), ins(p, x), outs(p, y), threads,
             [](const auto& loops, auto* from, auto* data, auto* to) {
               loops.at_maximum(from, data, to);
             });
}

}  // namespace plait::kernels::channels_last
