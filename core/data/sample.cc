#include "data/sample.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numbers>

#include "base/error.h"
#include "kernels/resample.h"
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
  for (int i = 0; i < 3; ++i) {
    for (int j = 0; j < 3; ++j) {
      for (int k = 0; k < 3; ++k) out[i][j] += a[i][k] * b[k][j];
    }
  }
  return out;
}

double between(kernels::Draws& draws, double low, double high) {
  return low + (high - low) * draws.uniform();
}

// A whole number in [0, n].
int64_t upto(kernels::Draws& draws, int64_t n) {
  return std::min(n, static_cast<int64_t>(draws.uniform() * static_cast<double>(n + 1)));
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

}  // namespace

std::string_view SampleMaker::read_labels(const std::string& record, const std::string& what,
                                          float* labels) const {
  constexpr size_t kHeader = 24;  // uint32 number of labels, float label, two uint64 ids
  check(record.size() >= kHeader, ErrorKind::kIo, what, " has ", record.size(),
        " bytes, must have a header of ", kHeader);
  uint32_t count;
  std::memcpy(&count, record.data(), sizeof count);
  std::string_view content = std::string_view(record).substr(kHeader);
  const auto width = static_cast<size_t>(o_.label_width);
  if (count == 0) {
    check(width == 1, ErrorKind::kIo, what, " has 1 label, must have ", width);
    std::memcpy(labels, record.data() + 4, sizeof *labels);
    return content;
  }
  check(content.size() / 4 >= count, ErrorKind::kIo, what, " promises ", count,
        " labels, which end after the record");
  check(width <= count, ErrorKind::kIo, what, " has ", count, " labels, must have ", width);
  std::memcpy(labels, content.data(), width * sizeof *labels);
  return content.substr(size_t{count} * 4);
}

void SampleMaker::resize(int64_t height, int64_t width) {
  if (image_.height == height && image_.width == width) return;
  other_.resize(static_cast<size_t>(height * width * image_.channels));
  kernels::resample(pixels_.data(), {image_.height, image_.width}, other_.data(), {height, width},
                    image_.channels, static_cast<kernels::Interpolation>(o_.interpolation));
  pixels_.swap(other_);
  image_.height = height;
  image_.width = width;
}

void SampleMaker::add_border() {
  const int64_t c = image_.channels, row = image_.width * c, pad = o_.pad;
  const int64_t height = image_.height + 2 * pad, width = image_.width + 2 * pad;
  other_.assign(static_cast<size_t>(height * width * c), static_cast<uint8_t>(o_.fill_value));
  for (int64_t y = 0; y < image_.height; ++y) {
    std::memcpy(other_.data() + ((y + pad) * width + pad) * c, pixels_.data() + y * row,
                static_cast<size_t>(row));
  }
  pixels_.swap(other_);
  image_.height = height;
  image_.width = width;
}

void SampleMaker::crop(const Rect& part) {
  if (part.width == image_.width && part.height == image_.height) return;
  const int64_t c = image_.channels, row = part.width * c;
  other_.resize(static_cast<size_t>(part.height * row));
  for (int64_t y = 0; y < part.height; ++y) {
    std::memcpy(other_.data() + y * row,
                pixels_.data() + ((part.y + y) * image_.width + part.x) * c,
                static_cast<size_t>(row));
  }
  pixels_.swap(other_);
  image_.height = part.height;
  image_.width = part.width;
}

// Szegedy and others, "Going deeper with convolutions" (2014): after ten draws that do not fit, the
// largest part in the middle.
SampleMaker::Rect SampleMaker::sized_crop(kernels::Draws& draws) const {
  const auto area = static_cast<double>(image_.height * image_.width);
  for (int attempt = 0; attempt < 10; ++attempt) {
    const double target = area * between(draws, o_.min_area, o_.max_area);
    const double ratio = std::exp(between(draws, std::log(o_.min_ratio), std::log(o_.max_ratio)));
    const auto width = static_cast<int64_t>(std::lround(std::sqrt(target * ratio)));
    const auto height = static_cast<int64_t>(std::lround(std::sqrt(target / ratio)));
    if (width < 1 || height < 1 || width > image_.width || height > image_.height) continue;
    const int64_t x = upto(draws, image_.width - width);
    return {x, upto(draws, image_.height - height), width, height};
  }
  const int64_t side = std::min(image_.width, image_.height);
  return {(image_.width - side) / 2, (image_.height - side) / 2, side, side};
}

// Brings the image to height x width.
void SampleMaker::fit(kernels::Draws& draws) {
  if (o_.resize > 0) {
    const bool high = image_.height > image_.width;
    const int64_t longer =
        high ? o_.resize * image_.height / image_.width : o_.resize * image_.width / image_.height;
    check(longer <= kMaxPixels / o_.resize, ErrorKind::kIo, "image: resized to ", o_.resize, " x ",
          longer, " pixels, must have at most ", kMaxPixels);
    high ? resize(longer, o_.resize) : resize(o_.resize, longer);
  }
  if (o_.pad > 0) add_border();
  if (o_.sized_crop) {
    crop(sized_crop(draws));
  } else {
    // The part of the row's ratio that fits, if the image is smaller.
    int64_t width = o_.width, height = o_.height;
    if (image_.height < height) width = width * image_.height / height, height = image_.height;
    if (image_.width < width) height = height * image_.width / width, width = image_.width;
    width = std::max<int64_t>(width, 1), height = std::max<int64_t>(height, 1);
    const int64_t free_x = image_.width - width, free_y = image_.height - height;
    const int64_t x = o_.rand_crop ? upto(draws, free_x) : free_x / 2;
    const int64_t y = o_.rand_crop ? upto(draws, free_y) : free_y / 2;
    crop({x, y, width, height});
  }
  resize(o_.height, o_.width);
}

float SampleMaker::mean_luma() const {
  double sum[3] = {};
  const int64_t n = image_.height * image_.width;
  for (int64_t i = 0; i < n; ++i) {
    for (int c = 0; c < 3; ++c) sum[c] += pixels_[static_cast<size_t>(i * 3 + c)];
  }
  double luma = 0;
  for (int c = 0; c < 3; ++c) luma += kLuma[c] * sum[c];
  return static_cast<float>(luma / static_cast<double>(n));
}

// All changes of colours of one image are one affine map of its pixels.
SampleMaker::ColorMap SampleMaker::colors(kernels::Draws& draws) const {
  Matrix m = {{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}};
  double shift[3] = {};
  const bool color = o_.channels == 3;
  if (o_.brightness > 0) {
    const double factor = 1 + between(draws, -o_.brightness, o_.brightness);
    for (int c = 0; c < 3; ++c) m[c][c] = factor;
  }
  if (color && o_.contrast > 0) {
    const double factor = 1 + between(draws, -o_.contrast, o_.contrast);
    const double luma = mean_luma();
    for (int c = 0; c < 3; ++c) {
      shift[c] = (1 - factor) * m[c][c] * luma;
      m[c][c] *= factor;
    }
  }
  if (color && o_.saturation > 0) {
    const double factor = 1 + between(draws, -o_.saturation, o_.saturation);
    Matrix mix;
    for (int i = 0; i < 3; ++i) {
      for (int j = 0; j < 3; ++j) mix[i][j] = (1 - factor) * kLuma[j] + (i == j ? factor : 0);
    }
    m = mix * m;  // gray keeps its value, and so does the shift
  }
  if (color && o_.hue > 0) {
    const double angle = between(draws, -o_.hue, o_.hue) * std::numbers::pi;
    const double u = std::cos(angle), w = std::sin(angle);
    m = kFromYiq * Matrix{{{1, 0, 0}, {0, u, -w}, {0, w, u}}} * kToYiq * m;
  }
  if (color && o_.pca_noise > 0) {
    for (int k = 0; k < 3; ++k) {
      const double amount = o_.pca_noise * draws.normal();
      for (int c = 0; c < 3; ++c) shift[c] += kComponents[c][k] * amount;
    }
  }
  ColorMap map;
  map.diagonal = !color || (o_.saturation <= 0 && o_.hue <= 0);
  for (size_t c = 0; c < 3; ++c) {
    const double factor = o_.scale / o_.std[c];
    for (size_t j = 0; j < 3; ++j) map.matrix[c][j] = static_cast<float>(m[c][j] * factor);
    map.shift[c] = static_cast<float>((shift[c] - o_.mean[c]) * factor);
  }
  return map;
}

template <class T>
void SampleMaker::write(const ColorMap& map, bool mirrored, T* row) const {
  const int64_t n = o_.channels, width = o_.width;
  for (int64_t c = 0; c < n; ++c) {
    const auto& weights = map.matrix[static_cast<size_t>(c)];
    const float shift = map.shift[static_cast<size_t>(c)];
    const float own = weights[static_cast<size_t>(c)];
    const float r = weights[0], g = weights[1], b = weights[2];
    for (int64_t y = 0; y < o_.height; ++y, row += width) {
      // Mirrored rows are read from their last pixel on.
      const uint8_t* from = pixels_.data() + (y * width + (mirrored ? width - 1 : 0)) * n;
      const int64_t step = mirrored ? -n : n;
      T* to = row;
      if (map.diagonal) {
        kernels::vector_loop(width, [=](int64_t x) {
          to[x] = rounded<T>(static_cast<float>(from[x * step + c]) * own + shift);
        });
      } else {
        kernels::vector_loop(width, [=](int64_t x) {
          const uint8_t* p = from + x * step;
          to[x] = rounded<T>(static_cast<float>(p[0]) * r + static_cast<float>(p[1]) * g +
                             static_cast<float>(p[2]) * b + shift);
        });
      }
    }
  }
}

void SampleMaker::make(const std::string& record, const std::string& what, kernels::Draws draws,
                       void* row, float* labels) {
  const std::string_view content = read_labels(record, what, labels);
  image_ = decode_image(content, what, o_.channels == 1 ? Color::kGray : Color::kRgb,
                        [&](int64_t height, int64_t width, int64_t channels) {
                          pixels_.resize(static_cast<size_t>(height * width * channels));
                          return pixels_.data();
                        });
  fit(draws);
  const bool mirrored = o_.mirror > 0 && draws.uniform() < o_.mirror;
  const ColorMap map = colors(draws);
  if (o_.dtype == DType::kFloat32) {
    write(map, mirrored, static_cast<float*>(row));
  } else if (o_.dtype == DType::kUint8) {
    write(map, mirrored, static_cast<uint8_t*>(row));
  } else {
    write(map, mirrored, static_cast<int8_t*>(row));
  }
}

}  // namespace plait::data
