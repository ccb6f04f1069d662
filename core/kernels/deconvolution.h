#pragma once

#include "kernels/convolution.h"

namespace plait::kernels::deconvolution {

// A transposed convolution of float32 data with channels last, without groups and over one or two
// axes: `c` is the convolution that leads from the result back, so x is (batch, c.out,
// c.out_channels), y (batch, c.in, c.in_channels) and w (c.out_channels, c.in_channels, c.kernel).
bool can(const Conv& c);
int64_t packed_size(const Conv& c);  // numbers
void pack(const Conv& c, const float* w, float* to, int threads);
// `bias` (c.in_channels,) may be null.
void run(const Conv& c, const float* x, const float* packed, const float* bias, float* y,
         int threads, const Finish& finish);

}  // namespace plait::kernels::deconvolution
