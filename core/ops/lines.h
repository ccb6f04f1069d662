#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include "base/dims.h"
#include "base/target.h"

namespace plait::ops {

// Data seen as (outer, n, inner) around an axis: lines of n elements that lie `inner` apart.
struct Lines {
  int64_t outer = 1, n = 1, inner = 1;

  // `axis` counts from the front or the back; without one all elements are one line.
  Lines(const Dims& shape, std::optional<int64_t> axis) {
    if (!axis) {
      n = num_elements(shape);
      return;
    }
    const auto at = static_cast<size_t>(normalize_axis(*axis, static_cast<int64_t>(shape.size())));
    for (size_t i = 0; i < shape.size(); ++i) (i < at ? outer : i == at ? n : inner) *= shape[i];
  }
  PLAIT_FN int64_t count() const { return outer * inner; }
  PLAIT_FN int64_t start(int64_t line) const { return line / inner * n * inner + line % inner; }
};

// Lines that lie side by side, at most `most` of them: what their elements have in common is one
// stretch of memory.
struct LineGroups {
  const Lines& lines;
  int64_t most;

  static constexpr int64_t kFewest = 8;  // fewer lines side by side do not fill a vector
  static bool pay(const Lines& lines) { return lines.inner >= kFewest; }

  int64_t in_row() const { return (lines.inner + most - 1) / most; }
  int64_t count() const { return lines.outer * in_row(); }
  // Calls f(offset of the first element, number of lines) for groups [begin, end).
  template <class F>
  void each(int64_t begin, int64_t end, const F& f) const {
    const int64_t groups = in_row();
    for (int64_t i = begin; i < end; ++i) {
      const int64_t first = i % groups * most;
      f(i / groups * lines.n * lines.inner + first, std::min(most, lines.inner - first));
    }
  }
};

}  // namespace plait::ops
