#pragma once

// The two forms in which all kernels are written. `f` is an object that is copied to the device:
//
//   for_each(n, [=] PLAIT_FN(int64_t i) { y[i] = x[i] + 1; });
//
//   for_each_block(rows, [=] PLAIT_FN(const Block& block, int64_t r) {   // kThreads work together
//     const float sum = block.reduce(n, 0.0f, [=](int64_t i) { return x[r * n + i]; }, Plus());
//     block.each(n, [=](int64_t i) { y[r * n + i] = x[r * n + i] / sum; });
//   });
//
// A struct in place of a lambda has a template for its operator(), with the block's type for a
// parameter. block.each(n, g) shares g(i) for i in [0, n) out among the threads and lets them meet.
// reduce() gives all threads the combination of the values, always in the same order. real/ makes
// kernels of CUDA from it, emulated/ the same steps in loops on the CPU.
#include <cstdint>

#include "base/target.h"

namespace plait::cuda {

inline constexpr int kThreads = 256;  // of a block

struct Plus {
  template <class A>
  PLAIT_FN A operator()(A a, A b) const {
    return a + b;
  }
};
// NaN wins.
struct Larger {
  template <class A>
  PLAIT_FN A operator()(A a, A b) const {
    return a > b || a != a ? a : b;
  }
};

}  // namespace plait::cuda

#ifdef __CUDACC__
#include "kernels/cuda/real/launch.h"
#else
#include "kernels/cuda/emulated/launch.h"
#endif

namespace plait::cuda {

// A thread that does by itself what a block does together.
class Alone {
 public:
  template <class G>
  PLAIT_FN void each(int64_t n, const G& g) const {
    for (int64_t i = 0; i < n; ++i) g(i);
  }
  template <class A, class G, class C>
  PLAIT_FN A reduce(int64_t n, A start, const G& value, const C& combine) const {
    for (int64_t i = 0; i < n; ++i) start = combine(start, value(i));
    return start;
  }
};

template <class F>
struct ByThread {
  F f;
  PLAIT_FN void operator()(int64_t line) const { f(Alone(), line); }
};

// f(team, line) for `lines` lines of about n elements: the team is a block, or for short lines a
// thread alone. `f` is a struct with a template for a member.
template <class F>
void for_each_line(int64_t lines, int64_t n, const F& f) {
  constexpr int64_t kShort = 32;
  if (n <= kShort) {
    for_each(lines, ByThread<F>{f});
  } else {
    for_each_block(lines, f);
  }
}

}  // namespace plait::cuda
