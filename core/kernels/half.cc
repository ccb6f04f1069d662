#include "kernels/half.h"

#include "kernels/simd.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace plait::kernels {
namespace {

// Each converts as many numbers as fill vectors, and says how many.
#if defined(__x86_64__)
constexpr int kNearest = _MM_FROUND_TO_NEAREST_INT;

PLAIT_TARGET_AVX512 int64_t to_half_avx512(const float* x, Half* y, int64_t n) {
  int64_t i = 0;
  for (; i + 16 <= n; i += 16) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(y + i),
                        _mm512_cvtps_ph(_mm512_loadu_ps(x + i), kNearest));
  }
  return i;
}
PLAIT_TARGET_AVX2 int64_t to_half_avx2(const float* x, Half* y, int64_t n) {
  int64_t i = 0;
  for (; i + 8 <= n; i += 8) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(y + i),
                     _mm256_cvtps_ph(_mm256_loadu_ps(x + i), kNearest));
  }
  return i;
}
PLAIT_TARGET_AVX512 int64_t from_half_avx512(const Half* x, float* y, int64_t n) {
  int64_t i = 0;
  for (; i + 16 <= n; i += 16) {
    _mm512_storeu_ps(y + i,
                     _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(x + i))));
  }
  return i;
}
PLAIT_TARGET_AVX2 int64_t from_half_avx2(const Half* x, float* y, int64_t n) {
  int64_t i = 0;
  for (; i + 8 <= n; i += 8) {
    _mm256_storeu_ps(y + i,
                     _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(x + i))));
  }
  return i;
}
int64_t start_to_half(const float* x, Half* y, int64_t n) {
  if (kIsa == Isa::kAvx512) return to_half_avx512(x, y, n);
  return kIsa == Isa::kAvx2 ? to_half_avx2(x, y, n) : 0;
}
int64_t start_from_half(const Half* x, float* y, int64_t n) {
  if (kIsa == Isa::kAvx512) return from_half_avx512(x, y, n);
  return kIsa == Isa::kAvx2 ? from_half_avx2(x, y, n) : 0;
}
#else
int64_t start_to_half(const float*, Half*, int64_t) { return 0; }
int64_t start_from_half(const Half*, float*, int64_t) { return 0; }
#endif

}  // namespace

void to_half(const float* x, Half* y, int64_t n) {
  for (int64_t i = start_to_half(x, y, n); i < n; ++i) y[i] = Half(x[i]);
}

void from_half(const Half* x, float* y, int64_t n) {
  for (int64_t i = start_from_half(x, y, n); i < n; ++i) y[i] = static_cast<float>(x[i]);
}

}  // namespace plait::kernels
