#include "data/picture.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/error.h"
#include "kernels/resample.h"
#include "kernels/warp.h"

namespace plait::data {
namespace {

using kernels::Interpolation;

struct Hls {
  float hue, lightness, saturation;  // hue in sixths of the circle, the others in [0, 1]
};

// Foley, van Dam, Feiner, Hughes: "Computer graphics: principles and practice" (1990), sec. 13.3.
Hls to_hls(float r, float g, float b) {
  const float top = std::max({r, g, b}), low = std::min({r, g, b}), span = top - low;
  Hls out{0, (top + low) / 2, 0};
  if (span <= 0) return out;
  out.saturation = span / (out.lightness <= 0.5f ? top + low : 2 - top - low);
  if (top == r) {
    out.hue = (g - b) / span;
  } else {
    out.hue = top == g ? 2 + (b - r) / span : 4 + (r - g) / span;
  }
  return out;
}

float channel_of(float low, float high, float hue) {
  hue -= 6 * std::floor(hue / 6);
  if (hue < 1) return low + (high - low) * hue;
  if (hue < 3) return high;
  return hue < 4 ? low + (high - low) * (4 - hue) : low;
}

uint8_t to_byte(float value) {
  return static_cast<uint8_t>(std::clamp(value + 0.5f, 0.0f, 255.0f));
}

void write_rgb(const Hls& from, uint8_t* to) {
  const float l = from.lightness, s = from.saturation;
  const float high = l <= 0.5f ? l * (1 + s) : l + s - l * s, low = 2 * l - high;
  for (int c = 0; c < 3; ++c) {
    to[c] = to_byte(255 * channel_of(low, high, from.hue + static_cast<float>(2 - 2 * c)));
  }
}

}  // namespace

PixelMemory Picture::memory() {
  return [this](int64_t height, int64_t width, int64_t depth) {
    pixels_.resize(static_cast<size_t>(height * width * depth));
    return pixels_.data();
  };
}

void Picture::decode(std::string_view bytes, const std::string& what, int64_t channels) {
  image_ = decode_image(bytes, what, channels == 1 ? Color::kGray : Color::kRgb, memory());
}

void Picture::decode_part(std::string_view bytes, const std::string& what, int64_t channels,
                          const PartOf& part) {
  image_ =
      data::decode_part(bytes, what, channels == 1 ? Color::kGray : Color::kRgb, part, memory());
}

// The new picture is in `other_`.
void Picture::take_over(int64_t height, int64_t width) {
  pixels_.swap(other_);
  image_.height = height;
  image_.width = width;
}

int32_t Picture::method(int64_t height, int64_t width, kernels::Draws& draws) const {
  if (interpolation_ == kAny) return static_cast<int32_t>(upto(draws, 4));
  if (interpolation_ != kAuto) return interpolation_;
  if (height > image_.height && width > image_.width) {
    return static_cast<int32_t>(Interpolation::kCubic);
  }
  const bool shrinks = height < image_.height && width < image_.width;
  return static_cast<int32_t>(shrinks ? Interpolation::kArea : Interpolation::kLinear);
}

void Picture::resize(int64_t height, int64_t width, kernels::Draws& draws) {
  if (image_.height == height && image_.width == width) return;
  check(height > 0 && width > 0 && height <= kMaxPixels / width, ErrorKind::kIo,
        "image: resized to ", height, " x ", width, " pixels, must have 1 to ", kMaxPixels);
  other_.resize(static_cast<size_t>(height * width * image_.channels));
  kernels::resample(pixels_.data(), {image_.height, image_.width}, other_.data(), {height, width},
                    image_.channels, static_cast<Interpolation>(method(height, width, draws)));
  take_over(height, width);
}

void Picture::resize_short(int64_t size, kernels::Draws& draws) {
  const bool high = image_.height > image_.width;
  const int64_t longer =
      high ? size * image_.height / image_.width : size * image_.width / image_.height;
  high ? resize(longer, size, draws) : resize(size, longer, draws);
}

void Picture::crop(const Rect& part) {
  if (part.width == image_.width && part.height == image_.height) return;
  const int64_t c = image_.channels, row = part.width * c;
  other_.resize(static_cast<size_t>(part.height * row));
  for (int64_t y = 0; y < part.height; ++y) {
    std::memcpy(other_.data() + y * row,
                pixels_.data() + ((part.y + y) * image_.width + part.x) * c,
                static_cast<size_t>(row));
  }
  take_over(part.height, part.width);
}

void Picture::place(int64_t height, int64_t width, int64_t y, int64_t x, int32_t fill) {
  check(height <= kMaxPixels / width, ErrorKind::kIo, "image: with its border ", height, " x ",
        width, " pixels, must have at most ", kMaxPixels);
  const int64_t c = image_.channels, row = image_.width * c;
  other_.assign(static_cast<size_t>(height * width * c), static_cast<uint8_t>(fill));
  for (int64_t i = 0; i < image_.height; ++i) {
    std::memcpy(other_.data() + ((y + i) * width + x) * c, pixels_.data() + i * row,
                static_cast<size_t>(row));
  }
  take_over(height, width);
}

void Picture::warp(double a, double b, double c, double d, int64_t height, int64_t width,
                   int32_t fill, kernels::Draws& draws) {
  check(height > 0 && width > 0 && height <= kMaxPixels / width, ErrorKind::kIo,
        "image: turned to ", height, " x ", width, " pixels, must have 1 to ", kMaxPixels);
  const double det = a * d - b * c;
  check(std::abs(det) > 1e-12, ErrorKind::kIo, "image: the turned one has no area");
  const double w = static_cast<double>(image_.width), h = static_cast<double>(image_.height);
  const double move_x = (static_cast<double>(width) - (a * w + b * h)) / 2;
  const double move_y = (static_cast<double>(height) - (c * w + d * h)) / 2;
  const kernels::Affine back{d / det,  -b / det, (b * move_y - d * move_x) / det,
                             -c / det, a / det,  (c * move_x - a * move_y) / det};
  other_.resize(static_cast<size_t>(height * width * image_.channels));
  kernels::warp(pixels_.data(), {image_.height, image_.width}, other_.data(), {height, width},
                image_.channels, back, static_cast<Interpolation>(method(height, width, draws)),
                static_cast<uint8_t>(fill));
  take_over(height, width);
}

void Picture::shift_hls(double hue, double lightness, double saturation) {
  if (image_.channels != 3) return;
  const auto dh = static_cast<float>(hue / 30), dl = static_cast<float>(lightness / 255);
  const auto ds = static_cast<float>(saturation / 255);
  for (uint8_t *p = pixels_.data(), *end = p + image_.size(); p < end; p += 3) {
    Hls color = to_hls(static_cast<float>(p[0]) / 255, static_cast<float>(p[1]) / 255,
                       static_cast<float>(p[2]) / 255);
    color.hue += dh;
    color.lightness = std::clamp(color.lightness + dl, 0.0f, 1.0f);
    color.saturation = std::clamp(color.saturation + ds, 0.0f, 1.0f);
    write_rgb(color, p);
  }
}

void Picture::mirror() {
  const int64_t c = image_.channels, w = image_.width;
  for (int64_t y = 0; y < image_.height; ++y) {
    uint8_t* row = pixels_.data() + y * w * c;
    for (int64_t x = 0; x < w / 2; ++x) {
      std::swap_ranges(row + x * c, row + (x + 1) * c, row + (w - 1 - x) * c);
    }
  }
}

void Picture::brighten(double factor) {
  uint8_t table[256];
  for (int i = 0; i < 256; ++i) table[i] = to_byte(static_cast<float>(i * factor));
  for (uint8_t *p = pixels_.data(), *end = p + image_.size(); p < end; ++p) *p = table[*p];
}

}  // namespace plait::data
