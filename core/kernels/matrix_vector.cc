#include "kernels/matrix_vector.h"

#include <algorithm>
#include <vector>

#include "kernels/parallel.h"
#include "kernels/simd.h"
#include "kernels/transpose.h"

namespace plait::kernels {
namespace {

constexpr int64_t kShare = 1 << 14;  // elements of w that are worth a thread
constexpr int kRows = 4;             // of w side by side
constexpr int kParts = 2;            // vectors of partial sums of a row, so that additions overlap
constexpr int kTogether = 8;         // rows that are added to the result in one go
constexpr int64_t kStretch = 1 << 13;  // products of two long vectors whose sum is kept in float32

// y[r] = w[r] x for kCount rows.
template <int kBytes, int kCount>
inline void dot_rows(const float* w, const float* x, int64_t k, float* y) {
  using V = typename Vector<float, kBytes>::type;
  constexpr int kLanes = Vector<float, kBytes>::kLanes;
  V sum[kCount][kParts] = {};
  int64_t i = 0;
  for (; i + kParts * kLanes <= k; i += kParts * kLanes) {
#pragma GCC unroll 8
    for (int p = 0; p < kParts; ++p) {
      const V in = *reinterpret_cast<const V*>(x + i + p * kLanes);
#pragma GCC unroll 8
      for (int r = 0; r < kCount; ++r) {
        sum[r][p] += *reinterpret_cast<const V*>(w + r * k + i + p * kLanes) * in;
      }
    }
  }
  for (int r = 0; r < kCount; ++r) {
    float all = 0;
    for (int64_t j = i; j < k; ++j) all += w[r * k + j] * x[j];
    const V both = sum[r][0] + sum[r][1];
    for (int l = 0; l < kLanes; ++l) all += both[l];
    y[r] = all;
  }
}

}  // namespace

void matrix_vector(int64_t n, int64_t k, const float* w, const float* x, const float* bias,
                   float* y, int threads, const Finish& finish) {
  const int64_t grain = std::max<int64_t>(kRows, kShare / k);
  parallel_for(threads, n, grain, [&](int64_t begin, int64_t end) {
    with_vector_bytes([&](auto bytes) {
      vector_call_of<bytes>([&] {
        int64_t j = begin;
        for (; j + kRows <= end; j += kRows) dot_rows<bytes, kRows>(w + j * k, x, k, y + j);
        for (; j < end; ++j) dot_rows<bytes, 1>(w + j * k, x, k, y + j);
      });
    });
    for (int64_t j = begin; bias && j < end; ++j) y[j] += bias[j];
    run_steps(finish, begin, y + begin, end - begin);
  });
}

void vector_matrix(int64_t k, int64_t n, const float* x, const float* w, float* y, int threads) {
  const int64_t grain = std::max<int64_t>(256, kShare / k);
  parallel_for(threads, n, grain, [&](int64_t begin, int64_t end) {
    const int64_t width = end - begin;
    float* out = y + begin;
    std::fill_n(out, width, 0.0f);
    int64_t i = 0;
    for (; i + kTogether <= k; i += kTogether) {
      const float *rows = w + i * n + begin, *factors = x + i;
      vector_loop(width, [=](int64_t j) {
        float sum = out[j];
        for (int r = 0; r < kTogether; ++r) sum += factors[r] * rows[r * n + j];
        out[j] = sum;
      });
    }
    for (; i < k; ++i) {
      const float* row = w + i * n + begin;
      const float factor = x[i];
      vector_loop(width, [=](int64_t j) { out[j] += factor * row[j]; });
    }
  });
}

float dot_product(int64_t k, const float* x, const float* y, int threads) {
  const int64_t parts = (k + kStretch - 1) / kStretch;
  std::vector<float> sums(static_cast<size_t>(parts));
  parallel_for(threads, parts, kShare / kStretch, [&](int64_t begin, int64_t end) {
    with_vector_bytes([&](auto bytes) {
      vector_call_of<bytes>([&] {
        for (int64_t p = begin; p < end; ++p) {
          const int64_t at = p * kStretch;
          dot_rows<bytes, 1>(x + at, y + at, std::min(kStretch, k - at), &sums[p]);
        }
      });
    });
  });
  double sum = 0;
  for (float part : sums) sum += part;
  return static_cast<float>(sum);
}

}  // namespace plait::kernels
