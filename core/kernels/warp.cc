#include "kernels/warp.h"

#include <algorithm>
#include <cmath>

namespace plait::kernels {
namespace {

constexpr int64_t kMaxTaps = 8, kMaxChannels = 4;

// Weights of the pixels from `first` on that make up the place `at` of one axis.
struct Taps {
  int64_t first, count;
  float weight[kMaxTaps];
};

Taps taps_at(double at, Interpolation how) {
  if (how == Interpolation::kNearest) return {static_cast<int64_t>(std::floor(at + 0.5)), 1, {1}};
  const bool cubic = how == Interpolation::kCubic, lanczos = how == Interpolation::kLanczos;
  const int64_t half = cubic ? 2 : lanczos ? 4 : 1;
  Taps taps{static_cast<int64_t>(std::floor(at)) - half + 1, 2 * half, {}};
  float sum = 0;
  for (int64_t i = 0; i < taps.count; ++i) {
    const double x = at - static_cast<double>(taps.first + i);
    const double w = cubic ? cubic_weight(x) : lanczos ? lanczos_weight(x) : 1 - std::abs(x);
    sum += taps.weight[i] = static_cast<float>(w);
  }
  for (int64_t i = 0; i < taps.count; ++i) taps.weight[i] /= sum;
  return taps;
}

}  // namespace

void warp(const uint8_t* from, ImageSize from_size, uint8_t* to, ImageSize to_size,
          int64_t channels, const Affine& source, Interpolation how, uint8_t fill) {
  constexpr double margin = kMaxTaps;  // further away all pixels are `fill`
  const auto height = static_cast<double>(from_size.height);
  const auto width = static_cast<double>(from_size.width);
  for (int64_t y = 0; y < to_size.height; ++y) {
    for (int64_t x = 0; x < to_size.width; ++x, to += channels) {
      const auto tx = static_cast<double>(x), ty = static_cast<double>(y);
      const double sx = source.xx * tx + source.xy * ty + source.x0;
      const double sy = source.yx * tx + source.yy * ty + source.y0;
      if (!(sx > -margin && sx < width + margin && sy > -margin && sy < height + margin)) {
        std::fill_n(to, channels, fill);
        continue;
      }
      const Taps across = taps_at(sx, how), down = taps_at(sy, how);
      float sum[kMaxChannels] = {};
      for (int64_t i = 0; i < down.count; ++i) {
        const int64_t row = down.first + i;
        for (int64_t j = 0; j < across.count; ++j) {
          const int64_t column = across.first + j;
          const float w = down.weight[i] * across.weight[j];
          const bool inside =
              row >= 0 && row < from_size.height && column >= 0 && column < from_size.width;
          const int64_t at = inside ? (row * from_size.width + column) * channels : 0;
          for (int64_t c = 0; c < channels; ++c) {
            sum[c] += w * static_cast<float>(inside ? from[at + c] : fill);
          }
        }
      }
      for (int64_t c = 0; c < channels; ++c) {
        to[c] = static_cast<uint8_t>(std::clamp(sum[c] + 0.5f, 0.0f, 255.0f));
      }
    }
  }
}

}  // namespace plait::kernels
