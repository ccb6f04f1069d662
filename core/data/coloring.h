#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "base/dtype.h"
#include "data/picture.h"

namespace plait::data {

// Random changes of colours, and how pixels become numbers.
struct ColorOptions {
  // Limits of random changes; deviation of the noise.
  double brightness = 0, contrast = 0, saturation = 0, hue = 0, pca_noise = 0;
  // Limits of what is added in the space of hue, lightness and saturation, see Picture::shift_hls.
  double random_h = 0, random_l = 0, random_s = 0;
  // row = ((pixel - mean) * (1 + u) + v) * scale / std, by channel; u, v within these limits
  double max_contrast = 0, max_illumination = 0;
  std::array<double, 3> mean = {}, std = {1, 1, 1};
  double scale = 1;
  std::vector<float> mean_image;  // of the shape of the row, in place of `mean`; or empty
};

// Makes a picture the first rows and columns of an array of channels x height x width.
class Coloring {
 public:
  // Draws the changes; those that are no affine map of each pixel are made at once.
  Coloring(const ColorOptions& options, Picture& picture, kernels::Draws& draws);

  // `row` has the shape (channels, height, width), at least that of the picture; pixels of it that
  // the picture does not reach are left as they are.
  void write(bool mirrored, DType dtype, int64_t height, int64_t width, void* row) const;

 private:
  template <class T>
  void write_as(bool mirrored, int64_t height, int64_t width, T* row) const;

  const ColorOptions& options_;
  const Picture& picture_;
  // out = matrix * pixel + shift
  std::array<std::array<float, 3>, 3> matrix_;
  std::array<float, 3> shift_;
  float mean_factor_;  // of the image of means
  bool diagonal_;
};

}  // namespace plait::data
