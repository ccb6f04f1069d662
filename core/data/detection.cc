#include "data/detection.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/error.h"

namespace plait::data {
namespace {

// What two boxes have in common.
double intersection(const float* box, double x, double y, double width, double height) {
  const double w = std::min<double>(box[2], x + width) - std::max<double>(box[0], x);
  const double h = std::min<double>(box[3], y + height) - std::max<double>(box[1], y);
  return w > 0 && h > 0 ? w * h : 0;
}

double area_of(const float* box) {
  return std::max(0.0, static_cast<double>(box[2]) - box[0]) *
         std::max(0.0, static_cast<double>(box[3]) - box[1]);
}

bool within(double value, double low, double high) { return value >= low && value <= high; }

bool happens(const Chance& chance, kernels::Draws& draws) {
  return chance.probability > 0 && draws.uniform() < chance.probability;
}

double draw(const Chance& chance, kernels::Draws& draws) {
  return happens(chance, draws) ? between(draws, -chance.limit, chance.limit) : 0;
}

void change_colors(const DetectionOptions& o, Picture& picture, kernels::Draws& draws) {
  const double hue = draw(o.hue, draws), lightness = draw(o.lightness, draws);
  const double saturation = draw(o.saturation, draws), contrast = draw(o.contrast, draws);
  if (hue != 0 || lightness != 0 || saturation != 0) picture.shift_hls(hue, lightness, saturation);
  if (contrast != 0) picture.brighten(1 + contrast);
}

void pad(const DetectionOptions& o, int32_t fill, Picture& picture, Objects& objects,
         kernels::Draws& draws) {
  const double scale = between(draws, 1, o.pad.limit);
  const int64_t w = picture.width(), h = picture.height();
  const int64_t width = std::max<int64_t>(w, std::llround(static_cast<double>(w) * scale));
  const int64_t height = std::max<int64_t>(h, std::llround(static_cast<double>(h) * scale));
  const int64_t x = upto(draws, width - w), y = upto(draws, height - h);
  const auto full_w = static_cast<double>(width), full_h = static_cast<double>(height);
  picture.place(height, width, y, x, fill);
  objects.pad(static_cast<double>(x) / full_w, static_cast<double>(y) / full_h,
              static_cast<double>(w) / full_w, static_cast<double>(h) / full_h);
}

bool try_crop(const DetectionOptions& o, const CropSampler& s, Picture& picture, Objects& objects,
              kernels::Draws& draws) {
  const double scale = std::max(between(draws, s.min_scale, s.max_scale), 1e-6);
  // Sides must not be longer than those of the image.
  const double low = std::max(s.min_ratio, scale * scale);
  const double high = std::max(low, std::min(s.max_ratio, 1 / (scale * scale)));
  const double ratio = std::sqrt(between(draws, low, high));
  const auto w = static_cast<double>(picture.width()), h = static_cast<double>(picture.height());
  Rect part;
  part.width = std::clamp<int64_t>(std::llround(scale * ratio * w), 1, picture.width());
  part.height = std::clamp<int64_t>(std::llround(scale / ratio * h), 1, picture.height());
  part.x = upto(draws, picture.width() - part.width);
  part.y = upto(draws, picture.height() - part.height);
  const double x = static_cast<double>(part.x) / w, y = static_cast<double>(part.y) / h;
  const double width = static_cast<double>(part.width) / w;
  const double height = static_cast<double>(part.height) / h;
  if (!objects.fits(x, y, width, height, s)) return false;
  if (!objects.crop(x, y, width, height, o)) return false;
  picture.crop(part);
  return true;
}

// The samplers in random order, until one of them finds a part.
void crop(const DetectionOptions& o, Picture& picture, Objects& objects, kernels::Draws& draws) {
  std::vector<const CropSampler*> order;
  for (const CropSampler& sampler : o.samplers) order.push_back(&sampler);
  while (!order.empty()) {
    const auto at = static_cast<size_t>(upto(draws, static_cast<int64_t>(order.size()) - 1));
    const CropSampler& sampler = *order[at];
    order.erase(order.begin() + static_cast<std::ptrdiff_t>(at));
    for (int64_t trial = 0; trial < sampler.trials; ++trial) {
      if (try_crop(o, sampler, picture, objects, draws)) return;
    }
  }
}

}  // namespace

Objects::Objects(const char* labels, size_t count, const std::string& what) {
  std::vector<float> all(count);
  std::memcpy(all.data(), labels, count * sizeof(float));
  const auto whole = [&](size_t i, float low) {
    check(count > i && all[i] >= low && all[i] <= static_cast<float>(count), ErrorKind::kIo, what,
          " has ", count, " labels, of which the first two must be the length of the header >= 2 ",
          "and the numbers for each object >= 5");
    return static_cast<size_t>(all[i]);
  };
  const size_t header = whole(0, 2), width = count == header ? 5 : whole(1, 5);
  check((count - header) % width == 0, ErrorKind::kIo, what, " has ", count,
        " labels, must have a header of ", header, " and a multiple of ", width);
  width_ = static_cast<int64_t>(width);
  const auto middle = all.begin() + static_cast<std::ptrdiff_t>(header);
  header_.assign(all.begin(), middle);
  values_.assign(middle, all.end());
}

void Objects::mirror() {
  for (size_t i = 0; i < count(); ++i) {
    float* box = object(i) + 1;
    const float left = box[0];
    box[0] = 1 - box[2];
    box[2] = 1 - left;
  }
}

void Objects::pad(double x, double y, double width, double height) {
  for (size_t i = 0; i < count(); ++i) {
    float* box = object(i) + 1;
    for (int k = 0; k < 4; k += 2) {
      box[k] = static_cast<float>(box[k] * width + x);
      box[k + 1] = static_cast<float>(box[k + 1] * height + y);
    }
  }
}

bool Objects::fits(double x, double y, double width, double height, const CropSampler& s) const {
  const bool free = s.min_overlap <= 0 && s.max_overlap >= 1 && s.min_sample_coverage <= 0 &&
                    s.max_sample_coverage >= 1 && s.min_object_coverage <= 0 &&
                    s.max_object_coverage >= 1;
  if (free) return true;
  for (size_t i = 0; i < count(); ++i) {
    const float* box = object(i) + 1;
    const double common = intersection(box, x, y, width, height), part = width * height;
    const double own = area_of(box);
    if (own > 0 && within(common / (own + part - common), s.min_overlap, s.max_overlap) &&
        within(common / part, s.min_sample_coverage, s.max_sample_coverage) &&
        within(common / own, s.min_object_coverage, s.max_object_coverage)) {
      return true;
    }
  }
  return false;
}

bool Objects::crop(double x, double y, double width, double height, const DetectionOptions& o) {
  std::vector<float> kept;
  for (size_t i = 0; i < count(); ++i) {
    const float *from = object(i), *box = from + 1;
    const double middle_x = (static_cast<double>(box[0]) + box[2]) / 2 - x;
    const double middle_y = (static_cast<double>(box[1]) + box[3]) / 2 - y;
    const double own = area_of(box), common = intersection(box, x, y, width, height);
    const bool keep = o.keep_by_overlap ? own > 0 && common / own >= o.min_kept
                                        : within(middle_x, 0, width) && within(middle_y, 0, height);
    if (!keep) continue;
    kept.insert(kept.end(), from, from + width_);
    float* to = kept.data() + kept.size() - width_ + 1;
    for (int k = 0; k < 4; k += 2) {
      to[k] = static_cast<float>(std::clamp((box[k] - x) / width, 0.0, 1.0));
      to[k + 1] = static_cast<float>(std::clamp((box[k + 1] - y) / height, 0.0, 1.0));
    }
  }
  if (kept.empty() && count() > 0) return false;
  values_.swap(kept);
  return true;
}

void Objects::write(float* to, size_t size, float fill, const std::string& what) const {
  check(this->size() <= size, ErrorKind::kIo, what, " has ", this->size(),
        " labels, must have at most ", size);
  to = std::copy(header_.begin(), header_.end(), to);
  to = std::copy(values_.begin(), values_.end(), to);
  std::fill(to, to + (size - this->size()), fill);
}

void change(const DetectionOptions& o, int32_t fill_value, Picture& picture, Objects& objects,
            kernels::Draws& draws) {
  change_colors(o, picture, draws);
  if (o.mirror > 0 && draws.uniform() < o.mirror) {
    picture.mirror();
    objects.mirror();
  }
  if (happens(o.pad, draws)) pad(o, fill_value, picture, objects, draws);
  if (o.crop_probability > 0 && draws.uniform() < o.crop_probability) {
    crop(o, picture, objects, draws);
  }
}

}  // namespace plait::data
