#pragma once

#include <cstdint>

#include "kernels/resample.h"

namespace plait::kernels {

// Where the pixel (x, y) of a target comes from: (xx x + xy y + x0, yx x + yy y + y0).
struct Affine {
  double xx, xy, x0, yx, yy, y0;
};

// Turns, shears, moves and scales an image of `channels` (at most 4) interleaved channels. Pixels
// lie at whole numbers; those outside of the source have the value `fill`. kArea is as kLinear.
void warp(const uint8_t* from, ImageSize from_size, uint8_t* to, ImageSize to_size,
          int64_t channels, const Affine& source, Interpolation how, uint8_t fill);

}  // namespace plait::kernels
