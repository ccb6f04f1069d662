#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "data/coloring.h"
#include "data/detection.h"
#include "data/labels.h"
#include "data/picture.h"
#include "tensor/array.h"

namespace plait::data {

// How records become rows of a batch. Channels, height and width are those of the rows.
struct SampleOptions {
  int64_t channels = 3, height = 0, width = 0, label_width = 1;
  DType dtype = DType::kFloat32;  // or kUint8, kInt8
  int32_t interpolation = 1;      // see Picture
  int64_t resize = 0;             // length of the shorter side before all else; 0: as it is
  // Turned by degrees, sheared (x' = x + u y), one axis stretched, all scaled, within these limits;
  // then the sides of the picture are at least `min_size` and at most `max_size`, if not 0.
  double min_angle = 0, max_angle = 0, max_shear = 0, min_stretch = 1, max_stretch = 1;
  double min_zoom = 1, max_zoom = 1;
  int64_t min_size = 0, max_size = 0;
  int64_t pad = 0;                     // pixels of a border around the image, before cropping
  int32_t fill_value = 255;            // of the border, and beyond the edges of turned images
  bool rand_crop = false;              // at a random place, not in the middle
  bool sized_crop = false;             // of random size and ratio; then resized
  int64_t min_crop = 0, max_crop = 0;  // else squares with such sides, resized; 0: as the row
  double min_area = 0.08, max_area = 1.0, min_ratio = 3.0 / 4, max_ratio = 4.0 / 3;
  double mirror = 0;  // probability that left and right are exchanged
  ColorOptions colors;
  // For images with boxes, and in place of all changes but `resize`; labels then begin with
  // channels, height and width of the image and the number of its labels. May be null.
  std::shared_ptr<const DetectionOptions> detection;
  std::shared_ptr<const LabelTable> table;  // may be null
};

// Makes samples; one for each thread, for it keeps scratch memory.
class SampleMaker {
 public:
  explicit SampleMaker(const SampleOptions& options)
      : o_(options), picture_(options.interpolation) {}

  // A record with an image to a row of channels x height x width and `label_width` labels.
  // `what` names the record in messages. The same `draws` give the same row.
  void make(const std::string& record, const std::string& what, kernels::Draws draws, void* row,
            float* labels);

 private:
  void make_detection(const std::string& what, const RecordParts& parts, kernels::Draws& draws,
                      void* row, float* labels);
  Rect crop(int64_t full_height, int64_t full_width, kernels::Draws& draws) const;
  Rect sized_crop(int64_t full_height, int64_t full_width, kernels::Draws& draws) const;
  Rect plain_crop(int64_t full_height, int64_t full_width, kernels::Draws& draws) const;
  bool turns() const;
  void turn(kernels::Draws& draws);
  void fit_detection(kernels::Draws& draws);
  void decode_and_fit(std::string_view bytes, const std::string& what, kernels::Draws& draws);

  const SampleOptions& o_;
  Picture picture_;
};

}  // namespace plait::data
