#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <utility>

#include "kernels/simd.h"

// Matrices of the size of the vector registers, transposed in registers.
namespace plait::kernels {

// `kBytes` of elements T in one register (or a few of a narrower instruction set).
template <class T, int kBytes>
struct Vector {
  typedef T type __attribute__((vector_size(kBytes), aligned(alignof(T)), may_alias));
  static constexpr int kLanes = kBytes / static_cast<int>(sizeof(T));
};

namespace detail {
template <bool kHigh, class V, int... kLane>
inline void interleave(const V& a, const V& b, V& out, std::integer_sequence<int, kLane...>) {
  constexpr int kLanes = sizeof...(kLane), kFrom = kHigh ? kLanes / 2 : 0;
  out = __builtin_shufflevector(a, b, (kFrom + kLane / 2 + (kLane % 2 ? kLanes : 0))...);
}
}  // namespace detail

// y[j * sy + i] = x[i * sx + j] for a square of as many lanes as a vector has: each pass of
// interleaving the first with the second half of the rows moves one bit of the row number into the
// column number.
template <class T, int kBytes>
inline void transpose_square(const T* x, int64_t sx, T* y, int64_t sy) {
  using V = typename Vector<T, kBytes>::type;
  constexpr int kLanes = Vector<T, kBytes>::kLanes;
  constexpr std::make_integer_sequence<int, kLanes> kAll{};
  V rows[kLanes], next[kLanes];
#pragma GCC unroll 16
  for (int i = 0; i < kLanes; ++i) rows[i] = *reinterpret_cast<const V*>(x + i * sx);
#pragma GCC unroll 4
  for (int width = 1; width < kLanes; width *= 2) {
#pragma GCC unroll 16
    for (int i = 0; i < kLanes / 2; ++i) {
      detail::interleave<false>(rows[i], rows[i + kLanes / 2], next[2 * i], kAll);
      detail::interleave<true>(rows[i], rows[i + kLanes / 2], next[2 * i + 1], kAll);
    }
#pragma GCC unroll 16
    for (int i = 0; i < kLanes; ++i) rows[i] = next[i];
  }
#pragma GCC unroll 16
  for (int i = 0; i < kLanes; ++i) *reinterpret_cast<V*>(y + i * sy) = rows[i];
}

// Bytes of the vectors with which to transpose: at most 16 lanes, whose rows fit the registers.
template <class T, int kBytes>
constexpr int transpose_bytes() {
  return std::min(kBytes, 16 * static_cast<int>(sizeof(T)));
}

// The same for any number of rows and columns.
template <class T, int kBytes>
inline void transpose_matrix(const T* x, int64_t sx, int64_t rows, int64_t columns, T* y,
                             int64_t sy) {
  constexpr int kLanes = Vector<T, kBytes>::kLanes;
  for (int64_t i = 0; i < rows; i += kLanes) {
    for (int64_t j = 0; j < columns; j += kLanes) {
      const T* from = x + i * sx + j;
      T* to = y + j * sy + i;
      if (rows - i >= kLanes && columns - j >= kLanes) {
        transpose_square<T, kBytes>(from, sx, to, sy);
        continue;
      }
      const int64_t height = rows - i < kLanes ? rows - i : kLanes;
      const int64_t width = columns - j < kLanes ? columns - j : kLanes;
      for (int64_t r = 0; r < height; ++r) {
        for (int64_t c = 0; c < width; ++c) to[c * sy + r] = from[r * sx + c];
      }
    }
  }
}

}  // namespace plait::kernels
