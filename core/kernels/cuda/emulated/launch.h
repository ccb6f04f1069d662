#pragma once

#include <cstdint>

#include "kernels/cuda/stream.h"

namespace plait::cuda {

// The threads of a block one after another, from each meeting to the next.
class Block {
 public:
  template <class G>
  void each(int64_t n, const G& g) const {
    for (int64_t i = 0; i < n; ++i) g(i);
  }

  template <class A, class G, class C>
  A reduce(int64_t n, A start, const G& value, const C& combine) const {
    static_assert(sizeof(A) <= 16);
    A partial[kThreads];
    for (int t = 0; t < kThreads; ++t) {
      partial[t] = start;
      for (int64_t i = t; i < n; i += kThreads) partial[t] = combine(partial[t], value(i));
    }
    for (int width = kThreads / 2; width > 0; width /= 2) {
      for (int t = 0; t < width; ++t) partial[t] = combine(partial[t], partial[t + width]);
    }
    return partial[0];
  }
};

template <class F>
void for_each(int64_t n, const F& f) {
  enqueue([n, f] {
    for (int64_t i = n; i-- > 0;) f(i);  // not the order that a program may expect
  });
}

template <class F>
void for_each_block(int64_t blocks, const F& f) {
  enqueue([blocks, f] {
    for (int64_t b = blocks; b-- > 0;) f(Block(), b);
  });
}

}  // namespace plait::cuda
