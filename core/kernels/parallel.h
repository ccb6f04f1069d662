#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "team/team.h"

namespace plait::kernels {

// Elements of cheap arithmetic that are worth a second thread.
inline constexpr int64_t kGrain = 1 << 15;

#ifdef PLAIT_DEVICE
// What kernels for a device do on the host is one thread's work.
template <class F>
void parallel_for(int, int64_t n, int64_t, const F& f) {
  if (n > 0) f(int64_t{0}, n);
}
template <class F>
void parallel_pieces(int threads, int64_t n, int64_t piece, const F& f) {
  parallel_for(threads, n, piece, f);
}
#else
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
  struct Work {
    int64_t n;
    const F& f;
  };
  const auto part = [](void* data) {
    const Work& w = *static_cast<const Work*>(data);
    const int64_t size = team::size(), me = team::number();
    const int64_t begin = w.n * me / size, end = w.n * (me + 1) / size;
    if (begin < end) w.f(begin, end);
  };
  Work work{n, f};
  team::run(static_cast<int>(parts), part, &work);
}

// The same, but each thread takes the next `piece` items when it is done with its last: for work
// that reads memory of which some lies in the caches and some does not.
template <class F>
void parallel_pieces(int threads, int64_t n, int64_t piece, const F& f) {
  if (n <= 0) return;
  const int64_t pieces = (n + piece - 1) / piece;
  if (threads <= 1 || pieces == 1) {
    f(int64_t{0}, n);
    return;
  }
  struct Work {
    int64_t n, piece;
    const F& f;
    std::atomic<int64_t> next{0};
  };
  const auto take = [](void* data) {
    Work& w = *static_cast<Work*>(data);
    for (;;) {
      const int64_t begin = w.next.fetch_add(w.piece, std::memory_order_relaxed);
      if (begin >= w.n) return;
      w.f(begin, std::min(begin + w.piece, w.n));
    }
  };
  Work work{n, piece, f};
  team::run(static_cast<int>(std::min<int64_t>(threads, pieces)), take, &work);
}
#endif

}  // namespace plait::kernels
