#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "data/codecs.h"
#include "kernels/random.h"

namespace plait::data {

// An image that is changed in place, with the memory that this takes; one for each thread.
class Picture {
 public:
  // Numbers of `interpolation`: a kernels::Interpolation; kAuto: cubic to enlarge, area to shrink,
  // linear otherwise; kAny: drawn anew for each change of size.
  static constexpr int32_t kAuto = 9, kAny = 10;

  explicit Picture(int32_t interpolation) : interpolation_(interpolation) {}

  // `what` names the image in messages; one or three channels.
  void decode(std::string_view bytes, const std::string& what, int64_t channels);
  // As `decode` and `crop`, but faster.
  void decode_part(std::string_view bytes, const std::string& what, int64_t channels,
                   const PartOf& part);

  int64_t height() const { return image_.height; }
  int64_t width() const { return image_.width; }
  int64_t channels() const { return image_.channels; }
  const uint8_t* pixels() const { return pixels_.data(); }

  void resize(int64_t height, int64_t width, kernels::Draws& draws);
  // Shorter side to `size` pixels.
  void resize_short(int64_t size, kernels::Draws& draws);
  void crop(const Rect& part);
  // Puts the image at (x, y) of one of height x width pixels of the value `fill`.
  void place(int64_t height, int64_t width, int64_t y, int64_t x, int32_t fill);
  // x' = a x + b y, y' = c x + d y about the middle, seen in a picture of height x width; `fill`
  // where there was no pixel.
  void warp(double a, double b, double c, double d, int64_t height, int64_t width, int32_t fill,
            kernels::Draws& draws);
  // Adds to hue (two degrees a unit, around the circle), lightness and saturation (1/255 a unit).
  void shift_hls(double hue, double lightness, double saturation);
  // Left and right exchanged.
  void mirror();
  // Multiplies all values.
  void brighten(double factor);

 private:
  PixelMemory memory();
  void take_over(int64_t height, int64_t width);
  int32_t method(int64_t height, int64_t width, kernels::Draws& draws) const;

  int32_t interpolation_;
  Image image_;
  std::vector<uint8_t> pixels_, other_;
};

}  // namespace plait::data
