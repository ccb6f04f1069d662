#pragma once

#include <cstdint>

namespace plait::kernels {

// Sum of f(i), of type T, for i in [0, n): added in T in as many parts as vectorise, the parts in
// Sum. To be called where loops are vectorised (kernels/simd.h).
template <class T, class Sum = T, class F>
inline Sum sum_of(int64_t n, const F& f) {
  constexpr int64_t kParts = 32;
  Sum sum = 0;
  int64_t i = 0;
  if (n >= kParts) {
    T parts[kParts] = {};
    for (; i + kParts <= n; i += kParts) {
      for (int64_t j = 0; j < kParts; ++j) parts[j] += f(i + j);
    }
    for (T p : parts) sum += p;
  }
  for (; i < n; ++i) sum += f(i);
  return sum;
}

// The largest of n >= 1 numbers, in as many parts.
template <class T>
inline T largest(const T* x, int64_t n) {
  constexpr int64_t kParts = 32;
  T top = x[0];
  int64_t i = 0;
  if (n >= kParts) {
    T parts[kParts];
    for (int64_t j = 0; j < kParts; ++j) parts[j] = x[j];
    for (i = kParts; i + kParts <= n; i += kParts) {
      for (int64_t j = 0; j < kParts; ++j) parts[j] = x[i + j] > parts[j] ? x[i + j] : parts[j];
    }
    for (T p : parts) top = p > top ? p : top;
  }
  for (; i < n; ++i) top = x[i] > top ? x[i] : top;
  return top;
}

}  // namespace plait::kernels
