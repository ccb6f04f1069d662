// c = a + 3 b over arrays of floats, the usual measure of memory bandwidth; stores past the caches
// with `stream`. Seconds of one pass. Build: cc -O3 -march=native -fopenmp -shared -fPIC.
#include <immintrin.h>
#include <omp.h>

double triad(const float* a, const float* b, float* c, long n, int threads, int stream) {
  const double start = omp_get_wtime();
  const __m128 three = _mm_set1_ps(3);
  if (stream) {
#pragma omp parallel for schedule(static) num_threads(threads)
    for (long i = 0; i < n; i += 4) {
      const __m128 scaled = _mm_mul_ps(three, _mm_load_ps(b + i));
      _mm_stream_ps(c + i, _mm_add_ps(_mm_load_ps(a + i), scaled));
    }
  } else {
#pragma omp parallel for schedule(static) num_threads(threads)
    for (long i = 0; i < n; ++i) c[i] = a[i] + 3 * b[i];
  }
  return omp_get_wtime() - start;
}
