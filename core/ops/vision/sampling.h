#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

// Reading an image between its pixels.
namespace plait::ops {

// The four pixels around a place and their shares; pixels outside the image have share 0.
template <class A>
struct Bilinear {
  int64_t at[4];  // places in a plane of height x width
  A share[4];
  A dy[4], dx[4];  // derivatives of the shares by the coordinates

  // y and x in pixels.
  Bilinear(A y, A x, int64_t height, int64_t width) {
    const A top = std::floor(y), left = std::floor(x), fy = y - top, fx = x - left;
    const bool far = !(top > A(-2) && top < static_cast<A>(height) && left > A(-2) &&
                       left < static_cast<A>(width));  // also NaN
    const auto row = far ? int64_t{0} : static_cast<int64_t>(top);
    const auto column = far ? int64_t{0} : static_cast<int64_t>(left);
    for (int i = 0; i < 4; ++i) {
      const int64_t r = row + i / 2, c = column + i % 2;
      const bool inside = !far && r >= 0 && r < height && c >= 0 && c < width;
      const A v = i / 2 ? fy : A(1) - fy, h = i % 2 ? fx : A(1) - fx;
      at[i] = inside ? r * width + c : 0;
      share[i] = inside ? v * h : A(0);
      dy[i] = inside ? (i / 2 ? h : -h) : A(0);
      dx[i] = inside ? (i % 2 ? v : -v) : A(0);
    }
  }
  template <class T>
  A read(const T* plane) const {
    A sum = 0;
    for (int i = 0; i < 4; ++i) sum += share[i] * static_cast<A>(plane[at[i]]);
    return sum;
  }
  void add(A* plane, A value) const {
    for (int i = 0; i < 4; ++i) plane[at[i]] += share[i] * value;
  }
};

}  // namespace plait::ops
