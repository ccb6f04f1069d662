#pragma once

#include <algorithm>
#include <cstring>
#include <type_traits>

#include "kernels/chain.h"
#include "kernels/simd.h"
#include "kernels/transpose.h"

// The loop of a chain (kernels/chain.h) around one function.
namespace plait::kernels {
namespace detail {

struct NoFunction {};

// Bytes from what is read to what is asked for: the processor's own prediction falls behind where
// three arrays are read at once.
inline constexpr int64_t kAhead = 512;

// Vectors are given by reference: how they are passed by value depends on the instruction set.
template <class V>
inline void load(const float* from, V& v) {
  if constexpr (sizeof(V) >= 32) __builtin_prefetch(reinterpret_cast<const char*>(from) + kAhead);
  v = *reinterpret_cast<const V*>(from);
}

template <class V>
inline void store(float* to, const V& v, bool streams) {
#if defined(__x86_64__)
  if (streams && sizeof(V) == 16) {
    __asm__("movntps %1, %0" : "=m"(*reinterpret_cast<V*>(to)) : "x"(v));
    return;
  }
  if (streams && sizeof(V) > 16) {
    __asm__("vmovntps %1, %0" : "=m"(*reinterpret_cast<V*>(to)) : "v"(v));
    return;
  }
#endif
  *reinterpret_cast<V*>(to) = v;
}

// The compiler must not make one operation with one rounding of two.
template <class V>
inline void round_here(V& v) {
#if defined(__x86_64__)
  __asm__("" : "+v"(v));
#else
  __asm__("" : "+m"(v));
#endif
}

template <int kVectors, class V>
inline void do_step(const Chain::Step& s, int64_t i, V (&v)[kVectors]) {
  constexpr int kLanes = sizeof(V) / sizeof(float);
  V w[kVectors];
  if (s.other) {
    for (int k = 0; k < kVectors; ++k) load(s.other + i + k * kLanes, w[k]);
  } else {
    alignas(sizeof(V)) float lanes[kLanes];
    std::fill_n(lanes, kLanes, s.number);
    for (V& one : w) std::memcpy(&one, lanes, sizeof(V));
  }
  const auto each = [&](const auto& f) {
    for (int k = 0; k < kVectors; ++k) {
      f(v[k], w[k]);
      round_here(v[k]);
    }
  };
  switch (s.how) {
    case Arithmetic::kAdd: return each([](V& a, const V& b) { a = a + b; });
    case Arithmetic::kSubtract: return each([](V& a, const V& b) { a = a - b; });
    case Arithmetic::kSubtractFrom: return each([](V& a, const V& b) { a = b - a; });
    case Arithmetic::kMultiply: return each([](V& a, const V& b) { a = a * b; });
    case Arithmetic::kDivide: return each([](V& a, const V& b) { a = a / b; });
    case Arithmetic::kDivideInto: return each([](V& a, const V& b) { a = b / a; });
    case Arithmetic::kNone: return;
  }
}

template <class F, class V>
inline void do_function(V& v) {
  constexpr int kLanes = sizeof(V) / sizeof(float);
  alignas(sizeof(V)) float lanes[kLanes];
  std::memcpy(lanes, &v, sizeof(V));
#pragma GCC ivdep
#pragma GCC unroll 1  // short functions are vectorised instead
  for (int k = 0; k < kLanes; ++k) lanes[k] = F::f(lanes[k]);
  std::memcpy(&v, lanes, sizeof(V));
  round_here(v);
}

// Numbers [i, n) by kVectors vectors at a time; the first that is left.
template <class F, int kVectors, class V>
inline int64_t run_chain(const Chain& c, int64_t i, bool streams) {
  constexpr int64_t kLanes = sizeof(V) / sizeof(float);
  for (; i + kVectors * kLanes <= c.n; i += kVectors * kLanes) {
    V v[kVectors];
    for (int k = 0; k < kVectors; ++k) load(c.x + i + k * kLanes, v[k]);
    int s = 0;
    if constexpr (!std::is_same_v<F, NoFunction>) {
      for (; s < c.before; ++s) do_step(c.steps[s], i, v);
      for (V& one : v) do_function<F>(one);
    }
    for (; s < c.num_steps; ++s) do_step(c.steps[s], i, v);
    for (int k = 0; k < kVectors; ++k) store(c.y + i + k * kLanes, v[k], streams);
  }
  return i;
}

template <class F>
void chain_loop(const Chain& c) {
  with_vector_bytes([&c](auto bytes) {
    vector_call_of<bytes>([&c, bytes] {
      using V = typename Vector<float, bytes>::type;
      int64_t i = 0;
      // What a step does is looked up less often, unless memory is what takes the time.
      if constexpr (std::is_same_v<F, NoFunction>) {
        if (!c.streams) i = run_chain<F, 4, V>(c, 0, false);
      }
      i = run_chain<F, 1, V>(c, i, c.streams);
      run_chain<F, 1, float>(c, i, false);
    });
  });
}

}  // namespace detail
}  // namespace plait::kernels
