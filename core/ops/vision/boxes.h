#pragma once

#include <algorithm>

#include "base/dtype.h"

// Boxes given by their corners (left, top, right, bottom) or by centre and size.
namespace plait::ops {

struct Box {
  double left, top, right, bottom;

  double area() const { return std::max(0.0, right - left) * std::max(0.0, bottom - top); }
};

template <class T>
Box read_box(const T* p, bool corners) {
  const auto at = [&](int i) { return static_cast<double>(static_cast<acc_t<T>>(p[i])); };
  if (corners) return {at(0), at(1), at(2), at(3)};
  return {at(0) - at(2) / 2, at(1) - at(3) / 2, at(0) + at(2) / 2, at(1) + at(3) / 2};
}

template <class T>
void write_box(const Box& b, T* p, bool corners) {
  const double v[] = {corners ? b.left : (b.left + b.right) / 2,
                      corners ? b.top : (b.top + b.bottom) / 2,
                      corners ? b.right : b.right - b.left, corners ? b.bottom : b.bottom - b.top};
  for (int i = 0; i < 4; ++i) p[i] = static_cast<T>(static_cast<acc_t<T>>(v[i]));
}

// Area of the intersection over that of the union; 0 where the union is empty.
inline double overlap(const Box& a, const Box& b) {
  const double width = std::min(a.right, b.right) - std::max(a.left, b.left);
  const double height = std::min(a.bottom, b.bottom) - std::max(a.top, b.top);
  if (width <= 0 || height <= 0) return 0;
  const double common = width * height, whole = a.area() + b.area() - common;
  return whole > 0 ? common / whole : 0;
}

}  // namespace plait::ops
