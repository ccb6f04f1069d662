#include "data/coloring.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "kernels/simd.h"

namespace plait::data {
namespace {

using Matrix = std::array<std::array<double, 3>, 3>;

constexpr double kLuma[3] = {0.299, 0.587, 0.114};  // ITU-R BT.601
// From red, green, blue to the luminance and colour differences of NTSC, and back.
constexpr Matrix kToYiq = {
    {{0.299, 0.587, 0.114}, {0.596, -0.274, -0.321}, {0.211, -0.523, 0.311}}};
constexpr Matrix kFromYiq = {{{1, 0.956, 0.621}, {1, -0.272, -0.647}, {1, -1.107, 1.705}}};
// Principal components of the colours of ImageNet, times the deviations along them.
constexpr Matrix kComponents = {{{-0.5675 * 55.46, 0.7192 * 4.794, 0.4009 * 1.148},
                                 {-0.5808 * 55.46, -0.0045 * 4.794, -0.8140 * 1.148},
                                 {-0.5836 * 55.46, -0.6948 * 4.794, 0.4203 * 1.148}}};

Matrix operator*(const Matrix& a, const Matrix& b) {
  Matrix out = {};
  for (size_t i = 0; i < 3; ++i) {
    for (size_t j = 0; j < 3; ++j) {
      for (size_t k = 0; k < 3; ++k) out[i][j] += a[i][k] * b[k][j];
    }
  }
  return out;
}

template <class T>
T rounded(float value) {
  constexpr float low = std::is_same_v<T, int8_t> ? -128 : 0;
  return static_cast<T>(std::nearbyintf(std::min(std::max(value, low), low + 255)));
}
template <>
float rounded<float>(float value) {
  return value;
}

float mean_luma(const Picture& picture) {
  double sum[3] = {};
  const uint8_t* pixels = picture.pixels();
  const int64_t n = picture.height() * picture.width();
  for (int64_t i = 0; i < n; ++i) {
    for (int c = 0; c < 3; ++c) sum[c] += pixels[i * 3 + c];
  }
  double luma = 0;
  for (int c = 0; c < 3; ++c) luma += kLuma[c] * sum[c];
  return static_cast<float>(luma / static_cast<double>(n));
}

// matrix * pixel + shift
struct Map {
  Matrix matrix = {{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}};
  double shift[3] = {};
};

void change_contrast(Map& map, double factor, double luma) {
  for (size_t c = 0; c < 3; ++c) {
    map.shift[c] = (1 - factor) * map.matrix[c][c] * luma;
    map.matrix[c][c] *= factor;
  }
}

void change_saturation(Map& map, double factor) {
  Matrix mix;
  for (size_t i = 0; i < 3; ++i) {
    for (size_t j = 0; j < 3; ++j) mix[i][j] = (1 - factor) * kLuma[j] + (i == j ? factor : 0);
  }
  map.matrix = mix * map.matrix;  // gray keeps its value, and so does the shift
}

void turn_hue(Map& map, double angle) {
  const double u = std::cos(angle), w = std::sin(angle);
  map.matrix = kFromYiq * Matrix{{{1, 0, 0}, {0, u, -w}, {0, w, u}}} * kToYiq * map.matrix;
}

// All of these changes of one image are one affine map of its pixels.
Map draw_map(const ColorOptions& o, const Picture& picture, kernels::Draws& draws) {
  Map map;
  const bool color = picture.channels() == 3;
  const auto factor = [&](double limit) { return 1 + between(draws, -limit, limit); };
  if (o.brightness > 0) {
    const double f = factor(o.brightness);
    for (size_t c = 0; c < 3; ++c) map.matrix[c][c] = f;
  }
  if (color && o.contrast > 0) change_contrast(map, factor(o.contrast), mean_luma(picture));
  if (color && o.saturation > 0) change_saturation(map, factor(o.saturation));
  if (color && o.hue > 0) turn_hue(map, between(draws, -o.hue, o.hue) * std::numbers::pi);
  for (size_t k = 0; color && o.pca_noise > 0 && k < 3; ++k) {
    const double amount = o.pca_noise * draws.normal();
    for (size_t c = 0; c < 3; ++c) map.shift[c] += kComponents[c][k] * amount;
  }
  return map;
}

}  // namespace

Coloring::Coloring(const ColorOptions& o, Picture& picture, kernels::Draws& draws)
    : options_(o), picture_(picture) {
  if (o.random_h > 0 || o.random_l > 0 || o.random_s > 0) {
    const double h = between(draws, -o.random_h, o.random_h);
    const double l = between(draws, -o.random_l, o.random_l);
    picture.shift_hls(h, l, between(draws, -o.random_s, o.random_s));
  }
  const Map map = draw_map(o, picture, draws);
  diagonal_ = picture.channels() != 3 || (o.saturation <= 0 && o.hue <= 0);
  double gain = 1, lift = 0;
  if (o.max_contrast > 0) gain = 1 + between(draws, -o.max_contrast, o.max_contrast);
  if (o.max_illumination > 0) lift = between(draws, -o.max_illumination, o.max_illumination);
  const bool by_pixel = !o.mean_image.empty();
  for (size_t c = 0; c < 3; ++c) {
    const double factor = o.scale / o.std[c], mean = by_pixel ? 0 : o.mean[c];
    for (size_t j = 0; j < 3; ++j) {
      matrix_[c][j] = static_cast<float>(map.matrix[c][j] * gain * factor);
    }
    shift_[c] = static_cast<float>(((map.shift[c] - mean) * gain + lift) * factor);
  }
  mean_factor_ = static_cast<float>(gain);
}

template <class T>
void Coloring::write_as(bool mirrored, int64_t height, int64_t width, T* row) const {
  const int64_t n = picture_.channels(), w = picture_.width();
  const float* means = options_.mean_image.empty() ? nullptr : options_.mean_image.data();
  for (int64_t c = 0; c < n; ++c) {
    const auto k = static_cast<size_t>(c);
    const float shift = shift_[k], own = matrix_[k][k];
    const float r = matrix_[k][0], g = matrix_[k][1], b = matrix_[k][2];
    const float mean_factor = -mean_factor_ * static_cast<float>(options_.scale / options_.std[k]);
    for (int64_t y = 0; y < picture_.height(); ++y) {
      // Mirrored rows are read from their last pixel on.
      const uint8_t* from = picture_.pixels() + (y * w + (mirrored ? w - 1 : 0)) * n;
      const int64_t step = mirrored ? -n : n, at = (c * height + y) * width;
      T* to = row + at;
      if (means) {
        const float* mean = means + at;
        kernels::vector_loop(w, [=, this](int64_t x) {
          const uint8_t* p = from + x * step;
          float value = static_cast<float>(p[c]) * own;
          if (!diagonal_) {
            value = static_cast<float>(p[0]) * r + static_cast<float>(p[1]) * g +
                    static_cast<float>(p[2]) * b;
          }
          to[x] = rounded<T>(value + shift + mean[x] * mean_factor);
        });
      } else if (diagonal_) {
        kernels::vector_loop(w, [=](int64_t x) {
          to[x] = rounded<T>(static_cast<float>(from[x * step + c]) * own + shift);
        });
      } else {
        kernels::vector_loop(w, [=](int64_t x) {
          const uint8_t* p = from + x * step;
          to[x] = rounded<T>(static_cast<float>(p[0]) * r + static_cast<float>(p[1]) * g +
                             static_cast<float>(p[2]) * b + shift);
        });
      }
    }
  }
}

void Coloring::write(bool mirrored, DType dtype, int64_t height, int64_t width, void* row) const {
  if (dtype == DType::kFloat32) {
    write_as(mirrored, height, width, static_cast<float*>(row));
  } else if (dtype == DType::kUint8) {
    write_as(mirrored, height, width, static_cast<uint8_t*>(row));
  } else {
    write_as(mirrored, height, width, static_cast<int8_t*>(row));
  }
}

}  // namespace plait::data
