#include "data/sample.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numbers>

#include "base/error.h"

namespace plait::data {
// Szegedy and others, "Going deeper with convolutions" (2014): after ten draws that do not fit, the
// largest part in the middle.
Rect SampleMaker::sized_crop(int64_t full_height, int64_t full_width, kernels::Draws& draws) const {
  const auto area = static_cast<double>(full_height * full_width);
  for (int attempt = 0; attempt < 10; ++attempt) {
    const double target = area * between(draws, o_.min_area, o_.max_area);
    const double ratio = std::exp(between(draws, std::log(o_.min_ratio), std::log(o_.max_ratio)));
    const auto width = static_cast<int64_t>(std::lround(std::sqrt(target * ratio)));
    const auto height = static_cast<int64_t>(std::lround(std::sqrt(target / ratio)));
    if (width < 1 || height < 1 || width > full_width || height > full_height) continue;
    const int64_t x = upto(draws, full_width - width);
    return {x, upto(draws, full_height - height), width, height};
  }
  const int64_t side = std::min(full_width, full_height);
  return {(full_width - side) / 2, (full_height - side) / 2, side, side};
}

// A part of the row's size, or a square of random size; of the same ratio and smaller where the
// image is too small.
Rect SampleMaker::plain_crop(int64_t full_height, int64_t full_width, kernels::Draws& draws) const {
  int64_t width = o_.width, height = o_.height;
  if (o_.max_crop > 0) width = height = o_.min_crop + upto(draws, o_.max_crop - o_.min_crop);
  if (full_height < height) width = width * full_height / height, height = full_height;
  if (full_width < width) height = height * full_width / width, width = full_width;
  width = std::max<int64_t>(width, 1), height = std::max<int64_t>(height, 1);
  const int64_t free_x = full_width - width, free_y = full_height - height;
  const int64_t x = o_.rand_crop ? upto(draws, free_x) : free_x / 2;
  const int64_t y = o_.rand_crop ? upto(draws, free_y) : free_y / 2;
  return {x, y, width, height};
}

Rect SampleMaker::crop(int64_t full_height, int64_t full_width, kernels::Draws& draws) const {
  return o_.sized_crop ? sized_crop(full_height, full_width, draws)
                       : plain_crop(full_height, full_width, draws);
}

bool SampleMaker::turns() const {
  return o_.min_angle != 0 || o_.max_angle != 0 || o_.max_shear > 0 || o_.min_stretch != 1 ||
         o_.max_stretch != 1 || o_.min_zoom != 1 || o_.max_zoom != 1 || o_.min_size > 0 ||
         o_.max_size > 0;
}

void SampleMaker::turn(kernels::Draws& draws) {
  const double shear = between(draws, -o_.max_shear, o_.max_shear);
  const double angle = between(draws, o_.min_angle, o_.max_angle) * std::numbers::pi / 180;
  const double zoom = between(draws, o_.min_zoom, o_.max_zoom);
  const double stretch = between(draws, o_.min_stretch, o_.max_stretch);
  // The mean of both factors is `zoom`.
  const double across = 2 * zoom / (1 + stretch), down = stretch * across;
  const double a = std::cos(angle), b = std::sin(angle);
  const auto side = [&](int64_t n) {
    const double top = o_.max_size > 0 ? static_cast<double>(o_.max_size) : 1e9;
    const double length = std::min(top, zoom * static_cast<double>(n));
    return std::max<int64_t>(static_cast<int64_t>(length), std::max<int64_t>(o_.min_size, 1));
  };
  picture_.warp(across * a - shear * down * b, across * b + shear * down * a, -down * b, down * a,
                side(picture_.height()), side(picture_.width()), o_.fill_value, draws);
}

// Reads the image and brings it to height x width.
void SampleMaker::decode_and_fit(std::string_view bytes, const std::string& what,
                                 kernels::Draws& draws) {
  if (o_.resize == 0 && !turns() && o_.pad == 0) {
    picture_.decode_part(bytes, what, o_.channels,
                         [&](int64_t h, int64_t w) { return crop(h, w, draws); });
  } else {
    picture_.decode(bytes, what, o_.channels);
    if (o_.resize > 0) picture_.resize_short(o_.resize, draws);
    if (turns()) turn(draws);
    if (o_.pad > 0) {
      const int64_t pad = o_.pad;
      picture_.place(picture_.height() + 2 * pad, picture_.width() + 2 * pad, pad, pad,
                     o_.fill_value);
    }
    picture_.crop(crop(picture_.height(), picture_.width(), draws));
  }
  picture_.resize(o_.height, o_.width, draws);
}

void SampleMaker::fit_detection(kernels::Draws& draws) {
  const DetectionOptions& o = *o_.detection;
  const auto w = static_cast<double>(picture_.width()), h = static_cast<double>(picture_.height());
  double across = static_cast<double>(o_.width) / w, down = static_cast<double>(o_.height) / h;
  if (o.mode != ResizeMode::kForce) {
    across = down = std::min({across, down, o.mode == ResizeMode::kShrink ? 1.0 : 1e9});
  }
  const auto side = [](double n, int64_t limit) {
    return std::clamp<int64_t>(static_cast<int64_t>(n + 1e-6), 1, limit);  // as MXNet cuts it
  };
  picture_.resize(side(h * down, o_.height), side(w * across, o_.width), draws);
}

void SampleMaker::make_detection(const std::string& what, const RecordParts& parts,
                                 kernels::Draws& draws, void* row, float* labels) {
  constexpr size_t kAhead = 4;  // channels, height, width, number of labels
  Objects objects(parts.labels, parts.count, what);
  if (o_.resize > 0) picture_.resize_short(o_.resize, draws);
  change(*o_.detection, o_.fill_value, picture_, objects, draws);
  fit_detection(draws);
  objects.write(labels + kAhead, static_cast<size_t>(o_.label_width) - kAhead,
                o_.detection->pad_value, what);
  labels[0] = static_cast<float>(o_.channels), labels[1] = static_cast<float>(picture_.height());
  labels[2] = static_cast<float>(picture_.width()), labels[3] = static_cast<float>(objects.size());
  const int64_t bytes = o_.channels * o_.height * o_.width * dtype_size(o_.dtype);
  if (o_.detection->mode != ResizeMode::kForce) std::memset(row, 0, static_cast<size_t>(bytes));
}

void SampleMaker::make(const std::string& record, const std::string& what, kernels::Draws draws,
                       void* row, float* labels) {
  const RecordParts parts = split_record(record, what, o_.table.get());
  bool mirrored = false;
  if (o_.detection) {
    picture_.decode(parts.image, what, o_.channels);
    make_detection(what, parts, draws, row, labels);
  } else {
    const auto width = static_cast<size_t>(o_.label_width);
    check(width <= parts.count, ErrorKind::kIo, what, " has ", parts.count, " labels, must have ",
          width);
    std::memcpy(labels, parts.labels, width * sizeof *labels);
    decode_and_fit(parts.image, what, draws);
    mirrored = o_.mirror > 0 && draws.uniform() < o_.mirror;
  }
  const Coloring coloring(o_.colors, picture_, draws);
  coloring.write(mirrored, o_.dtype, o_.height, o_.width, row);
}

}  // namespace plait::data
