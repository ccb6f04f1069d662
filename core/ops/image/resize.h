#pragma once

#include <cmath>
#include <limits>
#include <type_traits>
#include <vector>

#include "kernels/resample.h"
#include "ops/image/image.h"

namespace plait::ops {

// `v` as a T; whole numbers are rounded and stay in their range.
template <class T>
T stored(double v) {
  if constexpr (std::is_same_v<T, bool>) {
    return v >= 0.5;
  } else if constexpr (std::is_integral_v<T>) {
    constexpr auto low = static_cast<double>(std::numeric_limits<T>::min());
    constexpr auto high = static_cast<double>(std::numeric_limits<T>::max());
    const double whole = std::floor(v + 0.5);
    if (whole <= low) return std::numeric_limits<T>::min();
    return whole >= high ? std::numeric_limits<T>::max() : static_cast<T>(whole);
  } else {
    return static_cast<T>(static_cast<acc_t<T>>(v));
  }
}

template <class T>
void resize_image(const T* from, const Picture& p, T* to, const Picture& q,
                  kernels::Interpolation how) {
  const kernels::ImageSize from_size{p.height, p.width}, to_size{q.height, q.width};
  if constexpr (std::is_same_v<T, uint8_t> || std::is_same_v<T, float> ||
                std::is_same_v<T, double>) {
    kernels::resample(from, from_size, to, to_size, p.channels, how);
  } else {
    std::vector<double> source(static_cast<size_t>(p.height * p.width * p.channels));
    std::vector<double> out(static_cast<size_t>(q.height * q.width * q.channels));
    for (size_t i = 0; i < source.size(); ++i) {
      source[i] = static_cast<double>(static_cast<acc_t<T>>(from[i]));
    }
    kernels::resample(source.data(), from_size, out.data(), to_size, p.channels, how);
    for (size_t i = 0; i < out.size(); ++i) to[i] = stored<T>(out[i]);
  }
}

}  // namespace plait::ops
