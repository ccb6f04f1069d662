#include "kernels/matrix_vector.h"

#include <algorithm>

#include "kernels/parallel.h"
#include "kernels/simd.h"
#include "kernels/transpose.h"

namespace plait::kernels {
namespace {

constexpr int64_t kShare = 1 << 14;  // elements of w that are worth a thread
constexpr int kRows = 4;             // of w side by side
constexpr int kParts = 2;            // vectors of partial sums of a row, so that additions overlap

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

}  // namespace plait::kernels
