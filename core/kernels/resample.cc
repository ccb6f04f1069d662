#include "kernels/resample.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <type_traits>
#include <vector>

#include "kernels/simd.h"

namespace plait::kernels {

// Catmull-Rom's family of cubics with a = -0.75: Keys, "Cubic convolution interpolation" (1981).
double cubic_weight(double x) {
  constexpr double a = -0.75;
  x = std::abs(x);
  if (x <= 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0;
}

// sinc under a window of four lobes: Duchon, "Lanczos filtering in one and two dimensions" (1979).
double lanczos_weight(double x) {
  if (std::abs(x) < 1e-9) return 1;
  const double t = std::numbers::pi * x;
  return std::abs(x) < 4 ? 4 * std::sin(t) * std::sin(t / 4) / (t * t) : 0;
}

namespace {

// Which source positions each target position is a weighted mean of, along one axis.
template <class A>
struct Taps {
  std::vector<int64_t> begin;  // where the taps of a target position begin; one more at the end
  std::vector<int64_t> source;
  std::vector<A> weight;
};

// What sums are made in.
template <class T>
using Sum = std::conditional_t<std::is_same_v<T, double>, double, float>;

template <class A>
void add(Taps<A>& taps, int64_t source, double weight, int64_t n) {
  taps.source.push_back(std::clamp<int64_t>(source, 0, n - 1));
  taps.weight.push_back(static_cast<A>(weight));
}

template <class A>
void add_kernel(Taps<A>& taps, double centre, int64_t half, int64_t n, double (*kernel)(double)) {
  const auto left = static_cast<int64_t>(std::floor(centre)) - half + 1;
  double sum = 0;
  for (int64_t i = left; i < left + 2 * half; ++i) {
    sum += kernel(centre - static_cast<double>(i));
  }
  for (int64_t i = left; i < left + 2 * half; ++i) {
    add(taps, i, kernel(centre - static_cast<double>(i)) / sum, n);
  }
}

// The part of [begin, end) that each source pixel covers.
template <class A>
void add_overlaps(Taps<A>& taps, double begin, double end, int64_t n) {
  const auto first = static_cast<int64_t>(begin + 1e-9);
  const auto last = std::min(static_cast<int64_t>(std::ceil(end - 1e-9)), n);
  for (int64_t i = first; i < last; ++i) {
    const auto x = static_cast<double>(i);
    add(taps, i, (std::min(end, x + 1) - std::max(begin, x)) / (end - begin), n);
  }
}

// `shrinks`: neither axis becomes longer; only then does kArea look at all pixels.
template <class A>
Taps<A> make_taps(int64_t n, int64_t target, Interpolation how, bool shrinks) {
  Taps<A> taps;
  const double scale = static_cast<double>(n) / static_cast<double>(target);
  for (int64_t t = 0; t < target; ++t) {
    taps.begin.push_back(static_cast<int64_t>(taps.source.size()));
    const auto at = static_cast<double>(t);
    const double centre = (at + 0.5) * scale - 0.5;
    if (how == Interpolation::kNearest) {
      add(taps, static_cast<int64_t>(at * scale), 1, n);
    } else if (how == Interpolation::kCubic) {
      add_kernel(taps, centre, 2, n, cubic_weight);
    } else if (how == Interpolation::kLanczos) {
      add_kernel(taps, centre, 4, n, lanczos_weight);
    } else if (how == Interpolation::kArea && shrinks) {
      add_overlaps(taps, at * scale, (at + 1) * scale, n);
    } else {
      double left = std::floor(centre), part = centre - left;
      if (how == Interpolation::kArea) {  // pixels stay flat in their middle
        left = std::floor(at * scale);
        part = (at + 1) - (left + 1) / scale;
        part = part <= 0 ? 0 : part - std::floor(part);
      }
      add(taps, static_cast<int64_t>(left), 1 - part, n);
      add(taps, static_cast<int64_t>(left) + 1, part, n);
    }
  }
  taps.begin.push_back(static_cast<int64_t>(taps.source.size()));
  return taps;
}

inline void store(float value, float& to) { to = value; }
inline void store(double value, double& to) { to = value; }
inline void store(float value, uint8_t& to) {
  to = static_cast<uint8_t>(std::min(std::max(value + 0.5f, 0.0f), 255.0f));
}

// One row of the mean over rows, `n` values.
template <class T, class A>
void blend_rows(const T* from, int64_t n, const Taps<A>& taps, int64_t y, A* row) {
  const int64_t begin = taps.begin[static_cast<size_t>(y)];
  const int64_t end = taps.begin[static_cast<size_t>(y) + 1];
  const int64_t* source = taps.source.data();
  const A* weight = taps.weight.data();
  if (end - begin == 2) {
    const T *a = from + source[begin] * n, *b = from + source[begin + 1] * n;
    const A wa = weight[begin], wb = weight[begin + 1];
    vector_loop(n,
                [=](int64_t i) { row[i] = wa * static_cast<A>(a[i]) + wb * static_cast<A>(b[i]); });
    return;
  }
  std::fill(row, row + n, A{0});
  for (int64_t k = begin; k < end; ++k) {
    const T* a = from + source[k] * n;
    const A w = weight[k];
    vector_loop(n, [=](int64_t i) { row[i] += w * static_cast<A>(a[i]); });
  }
}

template <int64_t kChannels, class T, class A>
void blend_columns(const A* row, const Taps<A>& taps, int64_t width, int64_t channels, T* to) {
  const int64_t c = kChannels ? kChannels : channels;
  const int64_t *begin = taps.begin.data(), *source = taps.source.data();
  const A* weight = taps.weight.data();
  for (int64_t x = 0; x < width; ++x) {
    for (int64_t j = 0; j < c; ++j) {
      A sum = 0;
      for (int64_t k = begin[x]; k < begin[x + 1]; ++k) sum += weight[k] * row[source[k] * c + j];
      store(sum, to[x * c + j]);
    }
  }
}

// The common case: three channels, two taps.
template <class T, class A>
void blend_pairs(const A* row, const Taps<A>& taps, int64_t width, T* to) {
  const int64_t* source = taps.source.data();
  const A* weight = taps.weight.data();
  for (int64_t x = 0; x < width; ++x) {
    const A *a = row + source[2 * x] * 3, *b = row + source[2 * x + 1] * 3;
    const A wa = weight[2 * x], wb = weight[2 * x + 1];
    for (int64_t j = 0; j < 3; ++j) store(wa * a[j] + wb * b[j], to[x * 3 + j]);
  }
}

}  // namespace

template <class T>
void resample(const T* from, ImageSize from_size, T* to, ImageSize to_size, int64_t channels,
              Interpolation how) {
  const bool shrinks = to_size.height <= from_size.height && to_size.width <= from_size.width;
  using A = Sum<T>;
  const Taps<A> down = make_taps<A>(from_size.height, to_size.height, how, shrinks);
  const Taps<A> across = make_taps<A>(from_size.width, to_size.width, how, shrinks);
  const bool pairs = channels == 3 && across.source.size() == 2 * (across.begin.size() - 1) &&
                     how == Interpolation::kLinear;
  const int64_t n = from_size.width * channels;
  std::vector<A> row(static_cast<size_t>(n));
  for (int64_t y = 0; y < to_size.height; ++y, to += to_size.width * channels) {
    blend_rows(from, n, down, y, row.data());
    if (pairs) {
      blend_pairs(row.data(), across, to_size.width, to);
    } else if (channels == 3) {
      blend_columns<3>(row.data(), across, to_size.width, channels, to);
    } else {
      blend_columns<0>(row.data(), across, to_size.width, channels, to);
    }
  }
}

template void resample(const uint8_t*, ImageSize, uint8_t*, ImageSize, int64_t, Interpolation);
template void resample(const float*, ImageSize, float*, ImageSize, int64_t, Interpolation);
template void resample(const double*, ImageSize, double*, ImageSize, int64_t, Interpolation);

}  // namespace plait::kernels
