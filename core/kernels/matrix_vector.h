#pragma once

#include <cstdint>

#include "kernels/epilogue.h"

namespace plait::kernels {

// y = w x + bias for one vector x (k,) and a matrix w (n, k), both without gaps, then the steps of
// `finish`; bias (n,) may be null. Such products wait for the weights, and reading each row once
// along its length is as fast as memory gives them.
void matrix_vector(int64_t n, int64_t k, const float* w, const float* x, const float* bias,
                   float* y, int threads, const Finish& finish);

// The same for y = x w + bias with w (k, n).
void vector_matrix(int64_t n, int64_t k, const float* x, const float* w, const float* bias,
                   float* y, int threads, const Finish& finish);

// The sum of x[i] y[i]. It depends on k alone how it is split, so not on the threads.
float dot_product(int64_t k, const float* x, const float* y, int threads);

}  // namespace plait::kernels
