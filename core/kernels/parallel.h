#pragma once

#include <omp.h>

#include <algorithm>
#include <cstdint>

namespace plait::kernels {

// Elements of cheap arithmetic that are worth a second thread.
inline constexpr int64_t kGrain = 1 << 15;

// Calls f(begin, end) on consecutive parts of [0, n) that cover it, on at most `threads` threads
// and with at least `grain` items each. `f` must not throw.
template <class F>
void parallel_for(int threads, int64_t n, int64_t grain, const F& f) {
  if (n <= 0) return;
  const int64_t parts = std::min<int64_t>(threads, n / std::max<int64_t>(grain, 1));
  if (parts <= 1) {
    f(int64_t{0}, n);
    return;
  }
#pragma omp parallel num_threads(static_cast <int>(parts))
  {
    const int64_t team = omp_get_num_threads(), me = omp_get_thread_num();
    const int64_t begin = n * me / team, end = n * (me + 1) / team;
    if (begin < end) f(begin, end);
  }
}

}  // namespace plait::kernels
