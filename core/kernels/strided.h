#pragma once

#include <array>
#include <span>

#include "base/dims.h"
#include "base/view.h"
#include "kernels/parallel.h"

namespace plait::kernels {

// One walk over several arrays of a common shape. Axes of size 1 are dropped and neighbours merged
// where every array allows it, so contiguous operands give one long row. At most four arrays.
struct Walk {
  static constexpr int kMaxArrays = 4;
  int ndim = 0;  // of the outer axes, without the row
  int arrays = 0;
  int64_t size = 0;  // elements in all
  int64_t row = 1;   // elements of the innermost axis
  std::array<int64_t, kMaxArrays> row_stride{};
  // Of the axes that there are; the rest is undefined, as it would take as long to clear as a small
  // call takes.
  std::array<int64_t, kMaxNdim> shape;
  std::array<std::array<int64_t, kMaxNdim>, kMaxArrays> stride;

  // Every view broadcasts to `to` by NumPy's rule.
  Walk(const Dims& to, std::span<const View* const> views);

  // Calls f(offsets, n): n elements of one row that start at these offsets (in elements).
  template <class F>
  void rows(int64_t begin, int64_t end, const F& f) const;

  // The same for all elements on several threads.
  template <class F>
  void parallel_rows(int threads, int64_t grain, const F& f) const {
    parallel_for(threads, size, grain, [&](int64_t begin, int64_t end) { rows(begin, end, f); });
  }
};

template <class F>
void Walk::rows(int64_t begin, int64_t end, const F& f) const {
  std::array<int64_t, kMaxNdim> index;
  std::array<int64_t, kMaxArrays> offset{};
  int64_t left = begin ? begin / row : 0;  // a small call begins at 0: no division
  int64_t within = begin - left * row;
  for (int d = ndim; d-- > 0;) {
    const int64_t q = left ? left / shape[d] : 0;
    index[d] = left - q * shape[d];
    left = q;
    for (int a = 0; a < arrays; ++a) offset[a] += index[d] * stride[a][d];
  }
  while (begin < end) {
    const int64_t n = std::min(row - within, end - begin);
    if (within) {
      std::array<int64_t, kMaxArrays> start = offset;
      for (int a = 0; a < arrays; ++a) start[a] += within * row_stride[a];
      f(start, n);
      within = 0;
    } else {
      f(offset, n);
    }
    begin += n;
    for (int d = ndim; d-- > 0;) {
      for (int a = 0; a < arrays; ++a) offset[a] += stride[a][d];
      if (++index[d] < shape[d]) break;
      for (int a = 0; a < arrays; ++a) offset[a] -= stride[a][d] * shape[d];
      index[d] = 0;
    }
  }
}

}  // namespace plait::kernels
