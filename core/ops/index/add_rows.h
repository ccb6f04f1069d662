#pragma once

#include <algorithm>
#include <vector>

#include "kernels/gather.h"
#include "kernels/parallel.h"
#include "ops/lines.h"

namespace plait::ops {

// dx = rows of dy added where `index` points along the axis of `to`, in their order; 0 elsewhere.
// The first that points at a row is copied, so nothing needs to be 0 before. Threads own columns or
// outer indices.
template <class T>
void add_rows(const T* dy, T* dx, const Lines& to, const std::vector<int64_t>& index, int threads) {
  const auto picks = static_cast<int64_t>(index.size());
  const auto part = [&](int64_t outer, int64_t begin, int64_t end) {
    std::vector<char> is_written(static_cast<size_t>(to.n), 0);
    T* const into = dx + outer * to.n * to.inner;
    const T* const from = dy + outer * picks * to.inner;
    for (int64_t i = 0; i < picks; ++i) {
      const int64_t row = index[static_cast<size_t>(i)];
      const T* const x = from + i * to.inner + begin;
      T* const y = into + row * to.inner + begin;
      if (std::exchange(is_written[static_cast<size_t>(row)], 1)) {
        kernels::add_run(y, x, end - begin);
      } else {
        std::copy_n(x, end - begin, y);
      }
    }
    for (int64_t row = 0; row < to.n; ++row) {
      if (is_written[static_cast<size_t>(row)]) continue;
      std::fill_n(into + row * to.inner + begin, end - begin, T(0.0f));
    }
  };
  const int64_t grain = std::max<int64_t>(64, kernels::kGrain / (picks + to.n + 1));
  if (to.outer == 1) {
    return kernels::parallel_for(threads, to.inner, grain,
                                 [&](int64_t begin, int64_t end) { part(0, begin, end); });
  }
  kernels::parallel_for(threads, to.outer, std::max<int64_t>(1, grain / to.inner),
                        [&](int64_t begin, int64_t end) {
                          for (int64_t o = begin; o < end; ++o) part(o, 0, to.inner);
                        });
}

}  // namespace plait::ops
