#pragma once

#include <cstdint>

#include "kernels/simd.h"

namespace plait::kernels {

// Copies `count` runs of `bytes` bytes each to `y`, one after the other; run i begins at
// x + at[i] * step (in bytes).
void gather_runs(const void* x, void* y, const int64_t* at, int64_t count, int64_t step,
                 int64_t bytes);

// to[i] += from[i] for n numbers.
template <class T>
void add_run(T* to, const T* from, int64_t n) {
  if (n < 16) {
    for (int64_t i = 0; i < n; ++i) to[i] = static_cast<T>(to[i] + from[i]);
  } else {
    vector_loop(n, [=](int64_t i) { to[i] = static_cast<T>(to[i] + from[i]); });
  }
}

}  // namespace plait::kernels
