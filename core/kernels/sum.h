#pragma once

#include <cstdint>

namespace plait::kernels {

namespace detail {
inline constexpr int64_t kSumParts = 32;  // sums side by side
inline constexpr int kSumLanes = 8;       // of the vectors in which they are joined
template <class T>
struct Lanes {
  typedef T type
      __attribute__((vector_size(sizeof(T) * kSumLanes), aligned(alignof(T)), may_alias));
};
}  // namespace detail

// Sum of f(i), of type T, for i in [0, n): added in T in as many parts as vectorise, the parts in
// Sum. To be called where loops are vectorised (kernels/simd.h).
template <class T, class Sum = T, class F>
inline Sum sum_of(int64_t n, const F& f) {
  using detail::kSumParts, detail::kSumLanes;
  using In = typename detail::Lanes<T>::type;
  using Out = typename detail::Lanes<Sum>::type;
  Sum sum = 0;
  int64_t i = 0;
  if (n >= kSumParts) {
    T parts[kSumParts] = {};
    for (; i + kSumParts <= n; i += kSumParts) {
      for (int64_t j = 0; j < kSumParts; ++j) parts[j] += f(i + j);
    }
    Out all{};
#pragma GCC unroll 4
    for (int64_t j = 0; j < kSumParts; j += kSumLanes) {
      all += __builtin_convertvector(*reinterpret_cast<const In*>(parts + j), Out);
    }
    sum = ((all[0] + all[1]) + (all[2] + all[3])) + ((all[4] + all[5]) + (all[6] + all[7]));
  }
  for (; i < n; ++i) sum += f(i);
  return sum;
}

// The largest of n >= 1 numbers, in as many parts.
template <class T>
inline T largest(const T* x, int64_t n) {
  using detail::kSumParts, detail::kSumLanes;
  using Part = typename detail::Lanes<T>::type;
  T top = x[0];
  int64_t i = 0;
  if (n >= kSumParts) {
    T parts[kSumParts];
    for (int64_t j = 0; j < kSumParts; ++j) parts[j] = x[j];
    for (i = kSumParts; i + kSumParts <= n; i += kSumParts) {
      for (int64_t j = 0; j < kSumParts; ++j) parts[j] = x[i + j] > parts[j] ? x[i + j] : parts[j];
    }
    Part all = *reinterpret_cast<const Part*>(parts);
#pragma GCC unroll 4
    for (int64_t j = kSumLanes; j < kSumParts; j += kSumLanes) {
      const Part more = *reinterpret_cast<const Part*>(parts + j);
      all = more > all ? more : all;
    }
    for (int l = 0; l < kSumLanes; ++l) top = all[l] > top ? all[l] : top;
  }
  for (; i < n; ++i) top = x[i] > top ? x[i] : top;
  return top;
}

}  // namespace plait::kernels
