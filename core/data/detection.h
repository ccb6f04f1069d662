#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/picture.h"

namespace plait::data {

// How a part of an image with boxes is drawn: Liu and others, "SSD: single shot multibox detector"
// (2016), sec. 2.2. Lengths are shares of the sides of the image.
struct CropSampler {
  double min_scale = 0, max_scale = 1;      // square root of the area
  double min_ratio = 1, max_ratio = 1;      // width by height
  double min_overlap = 0, max_overlap = 1;  // intersection by union of the part and some object
  double min_sample_coverage = 0, max_sample_coverage = 1;  // intersection by the part
  double min_object_coverage = 0, max_object_coverage = 1;  // intersection by the object
  int64_t trials = 25;
};

// A change that is made with a probability, by up to a limit.
struct Chance {
  double limit = 0, probability = 0;
};

enum class ResizeMode { kForce = 0, kShrink = 1, kFit = 2 };

struct DetectionOptions {
  std::vector<CropSampler> samplers;
  double crop_probability = 0;
  bool keep_by_overlap = false;  // objects whose share of at least `min_kept` lies in the part are
  double min_kept = 0.3;         // kept; else those whose middle does
  Chance pad;                    // the image on one that has up to `limit` times its sides
  Chance hue, lightness, saturation, contrast;  // see Picture::shift_hls; contrast is a factor
  double mirror = 0;
  ResizeMode mode = ResizeMode::kForce;
  float pad_value = -1;  // of labels after the last object
};

// Labels of one image: numbers before the objects, then class, left, top, right, bottom and perhaps
// more for each object; lengths are shares of the sides of the image.
class Objects {
 public:
  // `labels`: `count` floats; length of the header >= 2, numbers for each object >= 5, rest of the
  // header, objects. Throws ErrorKind::kIo, with `what` in front, for anything else.
  Objects(const char* labels, size_t count, const std::string& what);

  size_t count() const { return values_.size() / static_cast<size_t>(width_); }
  void mirror();
  // As seen from an image of which this one is the part with this corner and these sides.
  void pad(double x, double y, double width, double height);
  // As seen from the part; false, and no change, if none is left.
  bool crop(double x, double y, double width, double height, const DetectionOptions& options);
  // Whether some object and the part fit the rules of `sampler`.
  bool fits(double x, double y, double width, double height, const CropSampler& sampler) const;

  // All numbers to `to`, and `fill` up to `size`; throws if there are more.
  void write(float* to, size_t size, float fill, const std::string& what) const;
  size_t size() const { return header_.size() + values_.size(); }

 private:
  float* object(size_t i) { return values_.data() + i * static_cast<size_t>(width_); }
  const float* object(size_t i) const { return values_.data() + i * static_cast<size_t>(width_); }

  int64_t width_;
  std::vector<float> header_, values_;
};

// All changes before the image gets its size.
void change(const DetectionOptions& options, int32_t fill_value, Picture& picture, Objects& objects,
            kernels::Draws& draws);

}  // namespace plait::data
