#include <algorithm>

#include "kernels/buffer.h"
#include "kernels/conv_rows.h"
#include "kernels/transpose.h"

// Vectors run over neighbouring channels, which do not mix. A row of the result is made channel
// vector by channel vector: while its weights stay in registers, tiles of neighbouring places,
// whose sums are independent, go along the row.
namespace plait::kernels::depthwise {
namespace {

struct Row : ConvRow {
  const float *w, *bias;  // w: (kernel, channels)
  float* y;               // the row of the result
};

// kPlaces places from `o` on, one vector of channels from `channel` on. kWidth: columns of the
// kernel, or 0 for any.
template <class V, int kWidth, int kPlaces>
inline void tile(const Row& r, int64_t channel, int64_t o) {
  const int64_t channels = r.c.in_channels, step = r.c.stride[2] * channels,
                tap = r.c.dilate[2] * channels, width = kWidth ? kWidth : r.c.kernel[2];
  V sum[kPlaces];
  const V start = r.bias ? *reinterpret_cast<const V*>(r.bias + channel) : V{};
#pragma GCC unroll 8
  for (int p = 0; p < kPlaces; ++p) sum[p] = start;
  for (int64_t line = r.first_line; line < r.last_line; ++line) {
    const float *from = r.data(line, o) + channel, *w = r.w + line * width * channels + channel;
#pragma GCC unroll 5
    for (int64_t k = 0; k < width; ++k, from += tap, w += channels) {
      const V weight = *reinterpret_cast<const V*>(w);
#pragma GCC unroll 8
      for (int p = 0; p < kPlaces; ++p) {
        sum[p] += weight * *reinterpret_cast<const V*>(from + p * step);
      }
    }
  }
#pragma GCC unroll 8
  for (int p = 0; p < kPlaces; ++p) {
    *reinterpret_cast<V*>(r.y + (o + p) * channels + channel) = sum[p];
  }
}

// One place whose window may lie partly outside, kVectors vectors of channels.
template <class V, int kVectors>
inline void edge(const Row& r, int64_t channel, int64_t o) {
  constexpr int kLanes = static_cast<int>(sizeof(V) / sizeof(float));
  const int64_t channels = r.c.in_channels, left = o * r.c.stride[2] - r.c.pad[2];
  V sum[kVectors];
#pragma GCC unroll 8
  for (int v = 0; v < kVectors; ++v) {
    sum[v] = r.bias ? *reinterpret_cast<const V*>(r.bias + channel + v * kLanes) : V{};
  }
  for (int64_t line = r.first_line; line < r.last_line; ++line) {
    for (int64_t k = 0; k < r.c.kernel[2]; ++k) {
      const int64_t at = left + k * r.c.dilate[2];
      if (at < 0 || at >= r.c.in[2]) continue;
      const float* from = r.data(line, o) + k * r.c.dilate[2] * channels + channel;
      const float* w = r.w + (line * r.c.kernel[2] + k) * channels + channel;
#pragma GCC unroll 8
      for (int v = 0; v < kVectors; ++v) {
        sum[v] += *reinterpret_cast<const V*>(w + v * kLanes) *
                  *reinterpret_cast<const V*>(from + v * kLanes);
      }
    }
  }
#pragma GCC unroll 8
  for (int v = 0; v < kVectors; ++v) {
    *reinterpret_cast<V*>(r.y + o * channels + channel + v * kLanes) = sum[v];
  }
}

// Places [begin, end), whose windows lie inside. The last tile overlaps the one before.
template <class V, int kWidth, int kPlaces>
inline void tiles(const Row& r, int64_t channel) {
  for (int64_t o = r.begin; o < r.end; o += kPlaces) {
    tile<V, kWidth, kPlaces>(r, channel, std::min(o, r.end - kPlaces));
  }
}

// The vectors of V that fit into channels [channel, channels); returns the first that is left.
template <class V, int kWidth>
inline int64_t run_vectors(const Row& r, int64_t channel) {
  constexpr int kLanes = static_cast<int>(sizeof(V) / sizeof(float)), kVectors = 4;
  const int64_t channels = r.c.in_channels, inside = r.end - r.begin;
  const auto edges = [&](int64_t from, int64_t to, int64_t c) {
    for (; c + kVectors * kLanes <= channels; c += kVectors * kLanes) {
      for (int64_t o = from; o < to; ++o) edge<V, kVectors>(r, c, o);
    }
    for (; c + kLanes <= channels; c += kLanes) {
      for (int64_t o = from; o < to; ++o) edge<V, 1>(r, c, o);
    }
  };
  const bool few = inside < 4;
  edges(r.first, few ? r.end : r.begin, channel);
  edges(r.end, r.last, channel);
  for (; channel + kLanes <= channels; channel += kLanes) {
    if (inside >= 8) {
      tiles<V, kWidth, 8>(r, channel);
    } else if (!few) {
      tiles<V, kWidth, 4>(r, channel);
    }
  }
  return channel;
}

template <int kBytes, int kWidth>
inline void run_row(const Row& r) {
  typedef float One __attribute__((vector_size(4), aligned(4), may_alias));
  int64_t channel = run_vectors<typename Vector<float, kBytes>::type, kWidth>(r, 0);
  if constexpr (kBytes > 32) {
    channel = run_vectors<typename Vector<float, 32>::type, kWidth>(r, channel);
  }
  if constexpr (kBytes > 16) {
    channel = run_vectors<typename Vector<float, 16>::type, kWidth>(r, channel);
  }
  run_vectors<One, kWidth>(r, channel);
}

}  // namespace

bool can(const Conv& c) {
  return has_rows(c) && c.groups > 1 && c.groups == c.in_channels && c.groups == c.out_channels;
}

int64_t packed_size(const Conv& c) { return c.kernel_size() * c.in_channels; }

void pack(const Conv& c, const float* w, float* to, int threads) {
  const int64_t size = c.kernel_size();
  parallel_for(threads, size, 1 + kGrain / c.in_channels, [&](int64_t begin, int64_t end) {
    for (int64_t k = begin; k < end; ++k) {
      for (int64_t i = 0; i < c.in_channels; ++i) to[k * c.in_channels + i] = w[i * size + k];
    }
  });
}

void conv(const Conv& c, const float* x, const float* w, const float* bias, float* y, int threads,
          const Finish& finish) {
  const Buffer<float> own(c.packed ? 0 : packed_size(c));
  if (!c.packed) pack(c, w, own.data(), threads);
  const float* packed = c.packed ? w : own.data();
  each_row_part(c, c.kernel_size() * c.in_channels, threads, [&](int64_t i) {
    const int64_t at = part_begin(c, i);
    const ConvRow part(c, i, x);
    const Row row{part, packed, bias, y + at - part.first * c.out_channels};
    with_vector_bytes([&](auto bytes) {
      vector_call_of<bytes>([&] {
        if (c.kernel[2] == 3) return run_row<bytes, 3>(row);
        if (c.kernel[2] == 5) return run_row<bytes, 5>(row);
        run_row<bytes, 0>(row);
      });
    });
    run_steps(finish, at, y + at, (part.last - part.first) * c.out_channels);
  });
}

}  // namespace plait::kernels::depthwise
