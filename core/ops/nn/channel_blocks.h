#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "kernels/parallel.h"
#include "kernels/simd.h"

// Loops over data (rows, channels) whose results belong to channels. A thread takes a block of
// neighbouring channels over all rows, so no two threads add to one number and results do not
// depend on their count.
namespace plait::op {

inline constexpr int kBlockChannels = 32;

template <class T>
using BlockOf = std::array<T, kBlockChannels>;

struct ChannelBlocks {
  int64_t rows, channels;

  // f(first channel, number of channels: a constant for whole blocks) for all blocks, compiled for
  // the best instruction set.
  template <class F>
  void each(int threads, const F& f) const {
    const int64_t blocks = (channels + kBlockChannels - 1) / kBlockChannels;
    const int64_t size = std::max<int64_t>(rows * kBlockChannels, 1);
    kernels::parallel_for(threads, blocks, std::max<int64_t>(1, kernels::kGrain / size),
                          [&](int64_t begin, int64_t end) {
                            kernels::vector_call([&] {
                              for (int64_t b = begin; b < end; ++b) {
                                const int64_t c = b * kBlockChannels, n = channels - c;
                                if (n >= kBlockChannels) {
                                  f(c, std::integral_constant<int64_t, kBlockChannels>{});
                                } else {
                                  f(c, n);
                                }
                              }
                            });
                          });
  }

  // total[j] = sum over rows of f(element of row and channel c + j, j), in parts of a few rows so
  // that sums of float32 stay exact enough.
  template <class T, class N, class F>
  void sum(int64_t c, N n, BlockOf<double>& total, const F& f) const {
    constexpr int64_t kPart = 32;
    total.fill(0);
    for (int64_t r = 0; r < rows; r += kPart) {
      T part[kBlockChannels] = {};
      const int64_t last = std::min(rows, r + kPart);
      for (int64_t i = r; i < last; ++i) {
        const int64_t at = i * channels + c;
        for (int64_t j = 0; j < n; ++j) part[j] += f(at + j, j);
      }
      for (int64_t j = 0; j < n; ++j) total[j] += static_cast<double>(part[j]);
    }
  }

  // f(element of row and channel c + j, j) for all rows.
  template <class N, class F>
  void all(int64_t c, N n, const F& f) const {
    for (int64_t i = 0; i < rows; ++i) {
      const int64_t at = i * channels + c;
#pragma GCC ivdep
      for (int64_t j = 0; j < n; ++j) f(at + j, j);
    }
  }
};

}  // namespace plait::op
