#include "kernels/matrix_vector.h"

#include <algorithm>
#include <vector>

#include "kernels/parallel.h"
#include "kernels/simd.h"
#include "kernels/transpose.h"

namespace plait::kernels {
namespace {

constexpr int64_t kShare = 1 << 14;  // elements of w that are worth a thread
constexpr int64_t kFewColumns = 64;  // of a thread: less than a few lines of a row is slow to read
constexpr int kRows = 4;             // of w side by side
constexpr int kParts = 2;            // vectors of partial sums of a row, so that additions overlap
constexpr int64_t kStretch = 1 << 13;  // products of two long vectors whose sum is kept in float32

typedef float Quad __attribute__((vector_size(16), aligned(4), may_alias));

// The sum of the parts of v that have four lanes.
template <class V>
inline Quad folded(const V& v) {
  if constexpr (sizeof(V) == sizeof(Quad)) {
    return v;
  } else if constexpr (sizeof(V) == 32) {
    return __builtin_shufflevector(v, v, 0, 1, 2, 3) + __builtin_shufflevector(v, v, 4, 5, 6, 7);
  } else {
    return folded(__builtin_shufflevector(v, v, 0, 1, 2, 3, 4, 5, 6, 7) +
                  __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15));
  }
}

// The sums of the lanes of four vectors.
inline Quad sums_of(const Quad& a, const Quad& b, const Quad& c, const Quad& d) {
  const Quad ab =
      __builtin_shufflevector(a, b, 0, 4, 1, 5) + __builtin_shufflevector(a, b, 2, 6, 3, 7);
  const Quad cd =
      __builtin_shufflevector(c, d, 0, 4, 1, 5) + __builtin_shufflevector(c, d, 2, 6, 3, 7);
  return __builtin_shufflevector(ab, cd, 0, 1, 4, 5) + __builtin_shufflevector(ab, cd, 2, 3, 6, 7);
}

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
  Quad parts[kRows] = {};
#pragma GCC unroll 8
  for (int r = 0; r < kCount; ++r) parts[r] = folded(sum[r][0] + sum[r][1]);
  for (; i + 4 <= k; i += 4) {
    const Quad in = *reinterpret_cast<const Quad*>(x + i);
#pragma GCC unroll 8
    for (int r = 0; r < kCount; ++r) {
      parts[r] += *reinterpret_cast<const Quad*>(w + r * k + i) * in;
    }
  }
  const Quad all = sums_of(parts[0], parts[1], parts[2], parts[3]);
  for (int r = 0; r < kCount; ++r) {
    float rest = all[r];
    for (int64_t j = i; j < k; ++j) rest += w[r * k + j] * x[j];
    y[r] = rest;
  }
}

// y[j] += sum over r of x[r] w[r n + j] for kCount rows and `columns` of their n columns; `first`:
// y has no value yet.
template <int kBytes, int kCount>
inline void add_rows(int64_t n, const float* w, const float* x, int64_t columns, bool first,
                     float* y) {
  using V = typename Vector<float, kBytes>::type;
  constexpr int kLanes = Vector<float, kBytes>::kLanes;
  int64_t j = 0;
  for (; j + kLanes <= columns; j += kLanes) {
    V sum = first ? V{} : *reinterpret_cast<const V*>(y + j);
#pragma GCC unroll 8
    for (int r = 0; r < kCount; ++r) sum += x[r] * *reinterpret_cast<const V*>(w + r * n + j);
    *reinterpret_cast<V*>(y + j) = sum;
  }
  for (; j < columns; ++j) {
    float sum = first ? 0.0f : y[j];
    for (int r = 0; r < kCount; ++r) sum += x[r] * w[r * n + j];
    y[j] = sum;
  }
}

// y = x w for columns [begin, end) of w (k, n). y is read and written for every eighth row only.
template <int kBytes>
inline void add_all_rows(int64_t n, int64_t k, const float* w, const float* x, int64_t begin,
                         int64_t end, float* y) {
  constexpr int kCount = 8;
  constexpr int64_t kColumns = 4096;  // of y stay in the nearest cache
  for (int64_t j = begin; j < end; j += kColumns) {
    const int64_t columns = std::min(kColumns, end - j);
    int64_t i = 0;
    for (; i + kCount <= k; i += kCount) {
      add_rows<kBytes, kCount>(n, w + i * n + j, x + i, columns, i == 0, y + j);
    }
    for (; i < k; ++i) add_rows<kBytes, 1>(n, w + i * n + j, x + i, columns, i == 0, y + j);
  }
}

void finish_part(const float* bias, float* y, int64_t begin, int64_t end, const Finish& finish) {
  for (int64_t j = begin; bias && j < end; ++j) y[j] += bias[j];
  run_steps(finish, begin, y + begin, end - begin);
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
    finish_part(bias, y, begin, end, finish);
  });
}

void vector_matrix(int64_t n, int64_t k, const float* x, const float* w, const float* bias,
                   float* y, int threads, const Finish& finish) {
  const int64_t grain = std::max<int64_t>(kFewColumns, kShare / k);
  parallel_for(threads, n, grain, [&](int64_t begin, int64_t end) {
    with_vector_bytes([&](auto bytes) {
      vector_call_of<bytes>([&] { add_all_rows<bytes>(n, k, w, x, begin, end, y); });
    });
    finish_part(bias, y, begin, end, finish);
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
