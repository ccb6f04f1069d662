#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "data/codecs.h"
#include "kernels/random.h"
#include "tensor/array.h"

namespace plait::data {

// How records become rows of a batch. Channels, height and width are those of the rows.
struct SampleOptions {
  int64_t channels = 3, height = 0, width = 0, label_width = 1;
  DType dtype = DType::kFloat32;  // or kUint8, kInt8
  int64_t resize = 0;             // length of the shorter side before cropping; 0: as it is
  int64_t pad = 0;                // pixels of a border around the image, before cropping
  int32_t fill_value = 255;       // of the border
  int32_t interpolation = 1;      // a kernels::Interpolation
  bool rand_crop = false;         // at a random place, not in the middle
  bool sized_crop = false;        // of random size and ratio; then resized
  double min_area = 0.08, max_area = 1.0, min_ratio = 3.0 / 4, max_ratio = 4.0 / 3;
  double mirror = 0;  // probability that left and right are exchanged
  // Limits of random changes of colours; deviation of the noise.
  double brightness = 0, contrast = 0, saturation = 0, hue = 0, pca_noise = 0;
  // row = (pixel - mean) * scale / std, by channel
  std::array<double, 3> mean = {}, std = {1, 1, 1};
  double scale = 1;
};

// Makes samples; one for each thread, for it keeps scratch memory.
class SampleMaker {
 public:
  explicit SampleMaker(const SampleOptions& options) : o_(options) {}

  // A record with an image to a row of channels x height x width and `label_width` labels.
  // `what` names the record in messages. The same `draws` give the same row.
  void make(const std::string& record, const std::string& what, kernels::Draws draws, void* row,
            float* labels);

 private:
  // out = matrix * pixel + shift
  struct ColorMap {
    std::array<std::array<float, 3>, 3> matrix;
    std::array<float, 3> shift;
    bool diagonal;
  };
  struct Rect {
    int64_t x, y, width, height;
  };

  std::string_view read_labels(const std::string& record, const std::string& what,
                               float* labels) const;
  void resize(int64_t height, int64_t width);
  void add_border();
  void crop(const Rect& part);
  Rect sized_crop(kernels::Draws& draws) const;
  void fit(kernels::Draws& draws);
  ColorMap colors(kernels::Draws& draws) const;
  float mean_luma() const;
  template <class T>
  void write(const ColorMap& map, bool mirrored, T* row) const;

  SampleOptions o_;
  Image image_;
  std::vector<uint8_t> pixels_, other_;
};

}  // namespace plait::data
