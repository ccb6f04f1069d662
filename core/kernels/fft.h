#pragma once

#include <cstdint>

#include "base/dtype.h"

namespace plait::kernels {

// Discrete Fourier transforms along the middle of (outer, n, inner):
// y[k] = scale * sum_j x[j] e^(-2 pi i j k / n), with +2 for the inverse.
struct Fft {
  int64_t outer = 1, n = 1, inner = 1;
  double scale = 1;
  bool inverse = false;
};

// x and y are complex64 or complex128 of one shape; y may be x.
void fft(const Fft& f, DType dtype, const void* x, void* y, int threads);

// x is float32 or float64; y has the first n / 2 + 1 results, the others are their conjugates.
void fft_of_real(const Fft& f, DType real, const void* x, void* y, int threads);

// The inverse of that: x has n / 2 + 1 complex numbers, of which the imaginary parts of those that
// belong to themselves are not read; y has n real ones. Always the inverse transform.
void fft_to_real(const Fft& f, DType real, const void* x, void* y, int threads);

}  // namespace plait::kernels
