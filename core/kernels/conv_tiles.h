#pragma once

#include <cstdint>
#include <span>
#include <utility>

#include "kernels/transpose.h"

// The inner loops of convolution across the batch: small tiles of results in registers. Sums of
// more than kRun products are sums of parts of about that many, so that rounding grows with the
// root of kRun plus that of the number of parts.
namespace plait::kernels::across_batch {

inline constexpr int64_t kRun = 128;

// One place of the kernel for a tile: where its input starts, and its weights of all channels.
struct Tap {
  int64_t x, w;
};

// y[o][j] = bias[o] + sum over taps t and channels i of w[t.w][i][o] x[t.x + i plane + j step];
// o < kChannels, j < kPlaces; vectors of lanes in x and y, steps in elements.
template <class T, int kBytes, int kChannels, int kPlaces>
inline void forward_tile(const T* x, int64_t plane, int64_t step, int64_t in_channels,
                         std::span<const Tap> taps, const T* w, const T* bias, T* y,
                         int64_t channel_step) {
  using V = typename Vector<T, kBytes>::type;
  constexpr int kLanes = Vector<T, kBytes>::kLanes;
  V sum[kChannels][kPlaces];
#pragma GCC unroll 8
  for (int o = 0; o < kChannels; ++o) {
#pragma GCC unroll 8
    for (int j = 0; j < kPlaces; ++j) sum[o][j] = V{} + (bias ? bias[o] : T(0));
  }
  bool first = true;
  const auto add_to_y = [&]() __attribute__((always_inline)) {
#pragma GCC unroll 8
    for (int o = 0; o < kChannels; ++o) {
#pragma GCC unroll 8
      for (int j = 0; j < kPlaces; ++j) {
        V& out = *reinterpret_cast<V*>(y + o * channel_step + j * kLanes);
        out = first ? sum[o][j] : out + sum[o][j];
        sum[o][j] = V{};
      }
    }
    first = false;
  };
  int64_t run = 0;
  for (const Tap& tap : taps) {
    const T *from = x + tap.x, *weight = w + tap.w * in_channels * kChannels;
    for (int64_t i = 0; i < in_channels; ++i, from += plane, weight += kChannels) {
      V in[kPlaces];
#pragma GCC unroll 8
      for (int j = 0; j < kPlaces; ++j) in[j] = *reinterpret_cast<const V*>(from + j * step);
#pragma GCC unroll 8
      for (int o = 0; o < kChannels; ++o) {
#pragma GCC unroll 8
        for (int j = 0; j < kPlaces; ++j) sum[o][j] += weight[o] * in[j];
      }
    }
    run += in_channels;
    if (run >= kRun) {
      add_to_y();
      run = 0;
    }
  }
  if (run > 0 || first) add_to_y();
}

// dw[o * taps + t] = sum over places and lanes of dy[o] x[offset[t]] for o < kChannels, t < kTaps.
// `rows`: pairs (first element in x, in dy) of rows of n places.
template <class T, int kBytes, int kChannels, int kTaps>
inline void weight_tile(const T* x, int64_t step, const int64_t* offset, const T* dy,
                        int64_t channel_step, const std::pair<int64_t, int64_t>* rows,
                        int64_t num_rows, int64_t n, T* dw, int64_t taps) {
  using V = typename Vector<T, kBytes>::type;
  constexpr int kLanes = Vector<T, kBytes>::kLanes;
  V sum[kChannels][kTaps] = {}, total[kChannels][kTaps] = {};
  int64_t run = 0;
  for (int64_t r = 0; r < num_rows; ++r) {
    const T *xs[kTaps], *ys = dy + rows[r].second;
    for (int t = 0; t < kTaps; ++t) xs[t] = x + rows[r].first + offset[t] * kLanes;
    for (int64_t p = 0; p < n; ++p) {
      V in[kTaps];
#pragma GCC unroll 8
      for (int t = 0; t < kTaps; ++t) in[t] = *reinterpret_cast<const V*>(xs[t] + p * step);
#pragma GCC unroll 8
      for (int o = 0; o < kChannels; ++o) {
        const V g = *reinterpret_cast<const V*>(ys + o * channel_step + p * kLanes);
#pragma GCC unroll 8
        for (int t = 0; t < kTaps; ++t) sum[o][t] += g * in[t];
      }
    }
    run += n;
    if (run < kRun && r + 1 < num_rows) continue;
    run = 0;
#pragma GCC unroll 8
    for (int o = 0; o < kChannels; ++o) {
#pragma GCC unroll 8
      for (int t = 0; t < kTaps; ++t) {
        total[o][t] += sum[o][t];
        sum[o][t] = V{};
      }
    }
  }
#pragma GCC unroll 8
  for (int o = 0; o < kChannels; ++o) {
#pragma GCC unroll 8
    for (int t = 0; t < kTaps; ++t) {
      T all = 0;
      for (int l = 0; l < kLanes; ++l) all += total[o][t][l];
      dw[o * taps + t] = all;
    }
  }
}

}  // namespace plait::kernels::across_batch
