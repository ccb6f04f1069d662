#pragma once

#include <cstdint>

namespace plait::kernels {

// The numbers are OpenCV's and MXNet's.
enum class Interpolation { kNearest = 0, kLinear = 1, kCubic = 2, kArea = 3, kLanczos = 4 };

struct ImageSize {
  int64_t height, width;
};

// Changes the size of an image of `channels` interleaved channels; both sizes are at least 1 x 1.
// Pixel centres lie at halves, rows beyond the border repeat it. As in OpenCV only kArea looks at
// all pixels when shrinking. T is uint8_t (rounded to the nearest value), float or
// double.
template <class T>
void resample(const T* from, ImageSize from_size, T* to, ImageSize to_size, int64_t channels,
              Interpolation how);

// Weight of a pixel at the distance x: Keys' cubic with a = -0.75, and sinc under a window of four
// lobes.
double cubic_weight(double x);
double lanczos_weight(double x);

extern template void resample(const uint8_t*, ImageSize, uint8_t*, ImageSize, int64_t,
                              Interpolation);
extern template void resample(const float*, ImageSize, float*, ImageSize, int64_t, Interpolation);
extern template void resample(const double*, ImageSize, double*, ImageSize, int64_t, Interpolation);

}  // namespace plait::kernels
