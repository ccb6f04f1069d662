#pragma once

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

}  // namespace plait::ops
