#include <algorithm>

#include "kernels/buffer.h"
#include "kernels/conv_rows.h"
#include "kernels/simd.h"
#include "kernels/transpose.h"

// One short vector holds all channels of a place of the result; tiles of neighbouring places share
// each vector of weights.
namespace plait::kernels::narrow {
namespace {

constexpr int64_t kMostChannels = 8;  // of the result
constexpr int kPlaces = 8;

int64_t lanes_of(const Conv& c) { return c.out_channels > 4 ? 8 : 4; }

struct Row : ConvRow {
  const float *w, *bias;  // w: (kernel, in_channels, lanes); bias: (lanes,)
  float* y;               // the row of the result
};

template <class V>
inline void store(const V& sum, int64_t channels, float* y) {
  if (channels == static_cast<int64_t>(sizeof(V) / sizeof(float))) {
    *reinterpret_cast<V*>(y) = sum;
    return;
  }
  for (int64_t i = 0; i < channels; ++i) y[i] = sum[i];
}

// kPlaces places from `o` on, whose windows lie inside.
template <class V>
inline void tile(const Row& r, int64_t o) {
  constexpr int kLanes = static_cast<int>(sizeof(V) / sizeof(float));
  const int64_t channels = r.c.in_channels, step = r.c.stride[2] * channels;
  V sum[kPlaces];
#pragma GCC unroll 8
  for (int p = 0; p < kPlaces; ++p) sum[p] = *reinterpret_cast<const V*>(r.bias);
  for (int64_t line = r.first_line; line < r.last_line; ++line) {
    const float *from = r.data(line, o), *w = r.w + line * r.c.kernel[2] * channels * kLanes;
    for (int64_t k = 0; k < r.c.kernel[2]; ++k, from += r.c.dilate[2] * channels) {
      for (int64_t i = 0; i < channels; ++i, w += kLanes) {
        const V weight = *reinterpret_cast<const V*>(w);
#pragma GCC unroll 8
        for (int p = 0; p < kPlaces; ++p) sum[p] += weight * from[p * step + i];
      }
    }
  }
#pragma GCC unroll 8
  for (int p = 0; p < kPlaces; ++p) {
    store(sum[p], r.c.out_channels, r.y + (o + p) * r.c.out_channels);
  }
}

// One place whose window may lie partly outside.
template <class V>
inline void edge(const Row& r, int64_t o) {
  constexpr int kLanes = static_cast<int>(sizeof(V) / sizeof(float));
  const int64_t channels = r.c.in_channels, left = o * r.c.stride[2] - r.c.pad[2];
  V sum = *reinterpret_cast<const V*>(r.bias);
  for (int64_t line = r.first_line; line < r.last_line; ++line) {
    for (int64_t k = 0; k < r.c.kernel[2]; ++k) {
      const int64_t at = left + k * r.c.dilate[2];
      if (at < 0 || at >= r.c.in[2]) continue;
      const float* from = r.data(line, o) + k * r.c.dilate[2] * channels;
      const float* w = r.w + (line * r.c.kernel[2] + k) * channels * kLanes;
      for (int64_t i = 0; i < channels; ++i) {
        sum += *reinterpret_cast<const V*>(w + i * kLanes) * from[i];
      }
    }
  }
  store(sum, r.c.out_channels, r.y + o * r.c.out_channels);
}

template <int kBytes>
inline void run_row(const Row& r) {
  using V = typename Vector<float, kBytes>::type;
  const bool few = r.end - r.begin < kPlaces;
  for (int64_t o = r.first; o < (few ? r.end : r.begin); ++o) edge<V>(r, o);
  for (int64_t o = r.end; o < r.last; ++o) edge<V>(r, o);
  if (few) return;
  for (int64_t o = r.begin; o < r.end; o += kPlaces) tile<V>(r, std::min(o, r.end - kPlaces));
}

}  // namespace

bool pays(const Conv& c) {
  constexpr int64_t kFewSamples = 8;  // of more, vectors may run over samples
  return has_rows(c) && c.groups == 1 && c.out_channels <= kMostChannels && c.batch <= kFewSamples;
}

int64_t packed_size(const Conv& c) { return c.kernel_size() * c.in_channels * lanes_of(c); }

void pack(const Conv& c, const float* w, float* to) {
  const int64_t size = c.kernel_size(), lanes = lanes_of(c);
  std::fill_n(to, packed_size(c), 0.0f);
  for (int64_t o = 0; o < c.out_channels; ++o) {
    for (int64_t i = 0; i < c.in_channels; ++i) {
      for (int64_t k = 0; k < size; ++k) {
        to[(k * c.in_channels + i) * lanes + o] = w[(o * c.in_channels + i) * size + k];
      }
    }
  }
}

void conv(const Conv& c, const float* x, const float* w, const float* bias, float* y, int threads,
          const Finish& finish) {
  const Buffer<float> own(c.packed ? 0 : packed_size(c));
  if (!c.packed) pack(c, w, own.data());
  const float* packed = c.packed ? w : own.data();
  float start[kMostChannels] = {};
  if (bias) std::copy_n(bias, c.out_channels, start);
  each_row_part(c, c.kernel_size() * c.in_channels, threads, [&](int64_t i) {
    const int64_t at = part_begin(c, i);
    const ConvRow part(c, i, x);
    const Row row{part, packed, start, y + at - part.first * c.out_channels};
    lanes_of(c) == 8 ? vector_call([&] { run_row<32>(row); })
                     : vector_call([&] { run_row<16>(row); });
    run_steps(finish, at, y + at, (part.last - part.first) * c.out_channels);
  });
}

}  // namespace plait::kernels::narrow
