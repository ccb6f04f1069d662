#pragma once

#include <cstdint>
#include <type_traits>

// Loops that are compiled once for each instruction set and chosen at run time.
namespace plait::kernels {

enum class Isa { kBaseline, kAvx2, kAvx512 };

// The best set that this processor (and operating system) supports, at most what the environment
// variable PLAIT_SIMD names: baseline, avx2 or avx512.
Isa detect_isa();
inline const Isa kIsa = detect_isa();

#if defined(__x86_64__)
#define PLAIT_TARGET_AVX2 __attribute__((target("avx2,fma,f16c,bmi2"), flatten, noinline))
#define PLAIT_TARGET_AVX512                                                 \
  __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,fma,f16c,bmi2," \
                        "prefer-vector-width=512"),                         \
                 flatten, noinline))

namespace detail {
template <class Body>
PLAIT_TARGET_AVX512 void loop_avx512(int64_t n, const Body& body) {
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i) body(i);
}
template <class Body>
PLAIT_TARGET_AVX2 void loop_avx2(int64_t n, const Body& body) {
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i) body(i);
}
template <class Body>
PLAIT_TARGET_AVX512 auto call_avx512(const Body& body) {
  return body();
}
template <class Body>
PLAIT_TARGET_AVX2 auto call_avx2(const Body& body) {
  return body();
}
}  // namespace detail
#endif

// body(i) for i in [0, n), vectorised by the compiler. Iterations must be independent; they may
// write the element that they read.
template <class Body>
inline void vector_loop(int64_t n, const Body& body) {
#if defined(__x86_64__)
  if (kIsa == Isa::kAvx512) return detail::loop_avx512(n, body);
  if (kIsa == Isa::kAvx2) return detail::loop_avx2(n, body);
#endif
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i) body(i);
}

// body() compiled for the best instruction set: for loops that carry something along.
template <class Body>
inline auto vector_call(const Body& body) {
#if defined(__x86_64__)
  if (kIsa == Isa::kAvx512) return detail::call_avx512(body);
  if (kIsa == Isa::kAvx2) return detail::call_avx2(body);
#endif
  return body();
}

// f(bytes of a vector register as a constant), for code that is written in vectors. What f computes
// goes through vector_call_of<bytes>.
template <class F>
inline void with_vector_bytes(const F& f) {
  switch (kIsa) {
    case Isa::kAvx512: return f(std::integral_constant<int, 64>{});
    case Isa::kAvx2: return f(std::integral_constant<int, 32>{});
    default: return f(std::integral_constant<int, 16>{});
  }
}

// body() compiled for the instruction set that has vectors of kBytes.
template <int kBytes, class Body>
inline auto vector_call_of(const Body& body) {
#if defined(__x86_64__)
  if constexpr (kBytes == 64) return detail::call_avx512(body);
  if constexpr (kBytes == 32) return detail::call_avx2(body);
#endif
  if constexpr (kBytes == 16) return body();
}

}  // namespace plait::kernels
