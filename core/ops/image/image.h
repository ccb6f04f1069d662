#pragma once

#include "op/op.h"

// Images as (height, width, channels) or (batch, height, width, channels).
namespace plait::ops {

struct Picture {
  int64_t batch = 1, height, width, channels;

  explicit Picture(const Dims& d, const char* name = "data") {
    check(d.size() == 3 || d.size() == 4, ErrorKind::kShape, name, " has shape ", d,
          ", must be (height, width, channels), maybe with a batch axis in front");
    const size_t at = d.size() - 3;
    if (at) batch = d[0];
    height = d[at];
    width = d[at + 1];
    channels = d[at + 2];
  }
  // Shape of the same images in another size.
  Dims sized(const Dims& d, int64_t h, int64_t w) const {
    Dims out = d;
    out[d.size() - 3] = h;
    out[d.size() - 2] = w;
    return out;
  }
};

}  // namespace plait::ops
