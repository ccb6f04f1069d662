#include <algorithm>

#include "kernels/buffer.h"
#include "kernels/convolution.h"
#include "kernels/gemm.h"
#include "kernels/parallel.h"
#include "kernels/transpose.h"

// S. Winograd, "Arithmetic complexity of computations" (1980); A. Lavin, S. Gray, "Fast algorithms
// for convolutional neural networks" (2016): F(2 x 2, 3 x 3). A tile of 4 x 4 places of the input
// gives one of 2 x 2 of the result with 16 products of channels instead of 36. All tiles of a block
// of rows are transformed, multiplied (16 products of matrices) and transformed back while they are
// in the cache. Rounding errors are about twice those of the direct sum.
namespace plait::kernels::winograd {
namespace {

constexpr int64_t kPlaces = 16;  // of an input tile, and of a transformed kernel

int64_t tiles_across(const Conv& c) { return (c.out[2] + 1) / 2; }
int64_t tiles_down(const Conv& c) { return (c.out[1] + 1) / 2; }
int64_t num_rows(const Conv& c) { return c.batch * tiles_down(c); }  // of tiles
int64_t weights_size(const Conv& c) { return kPlaces * c.in_channels * c.out_channels; }

// Rows of tiles that are worked on at a time. Small weights stay in the cache of a core, which then
// needs few tiles; others are read once for as many tiles as the caches hold.
bool has_small_weights(const Conv& c) { return weights_size(c) <= 1 << 17; }
int64_t block_rows(const Conv& c) {
  const int64_t channels = std::max(c.in_channels, c.out_channels);
  const int64_t tiles = has_small_weights(c) ? (1 << 12) / channels : (1 << 17) / channels;
  return std::clamp<int64_t>(tiles / tiles_across(c), 1, num_rows(c));
}

Gemm product(const Conv& c, int64_t tiles) {
  return {false, false, kPlaces, tiles, c.out_channels, c.in_channels};
}
// Weights are packed for blocks of the usual size.
Gemm usual_product(const Conv& c) { return product(c, block_rows(c) * tiles_across(c)); }

// Memory of a block: transformed tiles (16, tiles, channels) before and after the products.
struct Block {
  float *in, *out;
};
int64_t block_size(const Conv& c) {
  return kPlaces * block_rows(c) * tiles_across(c) * (c.in_channels + c.out_channels);
}

// B^T d B of one tile, for all channels. `d` has the 16 places of the tile.
template <int kBytes>
inline void transform_in(const float* const* d, int64_t channels, float* to, int64_t step) {
  using V = typename Vector<float, kBytes>::type;
  for (int64_t i = 0; i < channels; i += Vector<float, kBytes>::kLanes) {
    V t[4][4];
#pragma GCC unroll 4
    for (int j = 0; j < 4; ++j) {
      V x[4];
#pragma GCC unroll 4
      for (int r = 0; r < 4; ++r) x[r] = *reinterpret_cast<const V*>(d[4 * r + j] + i);
      t[0][j] = x[0] - x[2], t[1][j] = x[1] + x[2], t[2][j] = x[2] - x[1], t[3][j] = x[1] - x[3];
    }
#pragma GCC unroll 4
    for (int r = 0; r < 4; ++r) {
      const V all[] = {t[r][0] - t[r][2], t[r][1] + t[r][2], t[r][2] - t[r][1], t[r][1] - t[r][3]};
#pragma GCC unroll 4
      for (int j = 0; j < 4; ++j) *reinterpret_cast<V*>(to + (4 * r + j) * step + i) = all[j];
    }
  }
}

// A^T m A plus the bias, for all channels, into the four places of `y`, the first one last.
template <int kBytes>
inline void transform_out(const float* m, int64_t step, int64_t channels, const float* bias,
                          float* const* y) {
  using V = typename Vector<float, kBytes>::type;
  for (int64_t i = 0; i < channels; i += Vector<float, kBytes>::kLanes) {
    V t[2][4];
#pragma GCC unroll 4
    for (int j = 0; j < 4; ++j) {
      V x[4];
#pragma GCC unroll 4
      for (int r = 0; r < 4; ++r) x[r] = *reinterpret_cast<const V*>(m + (4 * r + j) * step + i);
      t[0][j] = x[0] + x[1] + x[2], t[1][j] = x[1] - x[2] - x[3];
    }
    const V more = bias ? *reinterpret_cast<const V*>(bias + i) : V{};
#pragma GCC unroll 2
    for (int r = 2; r-- > 0;) {
      *reinterpret_cast<V*>(y[2 * r + 1] + i) = t[r][1] - t[r][2] - t[r][3] + more;
      *reinterpret_cast<V*>(y[2 * r] + i) = t[r][0] + t[r][1] + t[r][2] + more;
    }
  }
}

// A convolution in progress.
struct Work {
  const Conv& c;
  const float *x, *weights, *bias;
  const float* zeros;  // channels of a place outside
  float* y;
  const Finish& finish;

  // Row `row` of tiles into row `at` of a block of `tiles`.
  template <int kBytes>
  void row_in(int64_t row, const Block& block, int64_t at, int64_t tiles) const {
    const int64_t n = row / tiles_down(c), top = row % tiles_down(c) * 2 - c.pad[1];
    const float* image = x + n * c.in_size() * c.in_channels;
    for (int64_t t = 0; t < tiles_across(c); ++t) {
      const float* d[kPlaces];
      for (int64_t k = 0; k < kPlaces; ++k) {
        const int64_t a = top + k / 4, b = 2 * t - c.pad[2] + k % 4;
        const bool inside = a >= 0 && a < c.in[1] && b >= 0 && b < c.in[2];
        d[k] = inside ? image + (a * c.in[2] + b) * c.in_channels : zeros;
      }
      transform_in<kBytes>(d, c.in_channels, block.in + (at * tiles_across(c) + t) * c.in_channels,
                           tiles * c.in_channels);
    }
  }

  // Places outside are written over by that inside.
  template <int kBytes>
  void row_out(int64_t row, const Block& block, int64_t at, int64_t tiles) const {
    const int64_t n = row / tiles_down(c), top = row % tiles_down(c) * 2;
    const int64_t first = (n * c.out[1] + top) * c.out[2] * c.out_channels;
    for (int64_t t = 0; t < tiles_across(c); ++t) {
      float* to[4];
      for (int64_t k = 0; k < 4; ++k) {
        const bool inside = top + k / 2 < c.out[1] && 2 * t + k % 2 < c.out[2];
        const int64_t place = inside ? k / 2 * c.out[2] + 2 * t + k % 2 : 2 * t;
        to[k] = y + first + place * c.out_channels;
      }
      transform_out<kBytes>(block.out + (at * tiles_across(c) + t) * c.out_channels,
                            tiles * c.out_channels, c.out_channels, bias, to);
    }
    const int64_t rows = std::min<int64_t>(2, c.out[1] - top);
    run_steps(finish, first, y + first, rows * c.out[2] * c.out_channels);
  }

  // Rows [row, row + rows) of tiles.
  template <int kBytes>
  void run_block(int64_t row, int64_t rows, float* memory, int threads) const {
    const int64_t tiles = rows * tiles_across(c);
    const Block block{memory, memory + kPlaces * tiles * c.in_channels};
    parallel_for(threads, rows, 1, [&](int64_t begin, int64_t end) {
      vector_call_of<kBytes>([&] {
        for (int64_t r = begin; r < end; ++r) row_in<kBytes>(row + r, block, r, tiles);
      });
    });
    gemm_packed(product(c, tiles), usual_product(c), block.in, weights, nullptr, block.out,
                threads);
    parallel_for(threads, rows, 1, [&](int64_t begin, int64_t end) {
      vector_call_of<kBytes>([&] {
        for (int64_t r = begin; r < end; ++r) row_out<kBytes>(row + r, block, r, tiles);
      });
    });
  }
};

// Blocks are shared out among the threads where the weights are small, else each block's work.
int64_t num_blocks(const Conv& c) { return (num_rows(c) + block_rows(c) - 1) / block_rows(c); }
int64_t num_parts(const Conv& c, int threads) {
  return has_small_weights(c) ? std::min<int64_t>(threads, num_blocks(c)) : 1;
}

template <int kBytes>
void run(const Conv& c, const Work& work, float* memory, int threads) {
  const int64_t size = block_rows(c), blocks = num_blocks(c), parts = num_parts(c, threads);
  const int inner = parts > 1 ? 1 : threads;
  parallel_for(static_cast<int>(parts), parts, 1, [&](int64_t begin, int64_t end) {
    for (int64_t p = begin; p < end; ++p) {
      for (int64_t b = blocks * p / parts; b < blocks * (p + 1) / parts; ++b) {
        work.run_block<kBytes>(b * size, std::min(size, num_rows(c) - b * size),
                               memory + p * block_size(c), inner);
      }
    }
  });
}

}  // namespace

bool pays(const Conv& c) {
  constexpr int64_t kFewTiles = 32;  // as many as make up for reading 16 instead of 9 weights
  const auto all = [](const Conv::Axes& axes, int64_t first, int64_t rest) {
    return axes[0] == first && axes[1] == rest && axes[2] == rest;
  };
  return c.channels_last && c.groups == 1 && c.axes == 2 && all(c.kernel, 1, 3) &&
         all(c.stride, 1, 1) && all(c.dilate, 1, 1) && c.in_channels % 16 == 0 &&
         c.out_channels % 16 == 0 && c.in_channels >= 32 && c.out_channels >= 32 &&
         num_rows(c) * tiles_across(c) >= kFewTiles;
}

int64_t packed_size(const Conv& c) { return gemm_packed_size(usual_product(c)); }

namespace {

constexpr int64_t kLanes = 16;  // kernels that are transformed at a time

// The values of the kernels of input channel `i` and kLanes outputs from `first`, place by place.
// Of the gradient of data w has (in_channels, out_channels), and kernels are read backwards.
void gather(const Conv& c, const float* w, bool backwards, int64_t i, int64_t first,
            float (&g)[9][kLanes]) {
  for (int64_t l = 0; l < kLanes; ++l) {
    const int64_t o = first + l;
    const float* from = w + (backwards ? i * c.out_channels + o : o * c.in_channels + i) * 9;
    for (int64_t k = 0; k < 9; ++k) g[k][l] = from[backwards ? 8 - k : k];
  }
}

// G g G^T; the places of the result are `step` apart.
void transform_weights(const float (&g)[9][kLanes], float* to, int64_t step) {
  for (int64_t l = 0; l < kLanes; ++l) {
    float t[4][3];
    for (int j = 0; j < 3; ++j) {
      const float sum = 0.5f * (g[j][l] + g[6 + j][l]), middle = 0.5f * g[3 + j][l];
      t[0][j] = g[j][l], t[1][j] = sum + middle, t[2][j] = sum - middle, t[3][j] = g[6 + j][l];
    }
    for (int r = 0; r < 4; ++r) {
      float* at = to + 4 * r * step + l;
      const float sum = 0.5f * (t[r][0] + t[r][2]), middle = 0.5f * t[r][1];
      at[0] = t[r][0], at[step] = sum + middle, at[2 * step] = sum - middle;
      at[3 * step] = t[r][2];
    }
  }
}

// As matrices (in_channels, out_channels) for each place, packed for the products.
void pack(const Conv& c, const float* w, bool backwards, float* to, int threads) {
  const Buffer<float> plain(weights_size(c));
  const int64_t blocks = c.out_channels / kLanes;
  parallel_for(threads, blocks, 1, [&](int64_t begin, int64_t end) {
    vector_call([&] {
      for (int64_t first = begin * kLanes; first < end * kLanes; first += kLanes) {
        for (int64_t i = 0; i < c.in_channels; ++i) {
          float g[9][kLanes];
          gather(c, w, backwards, i, first, g);
          transform_weights(g, plain.data() + i * c.out_channels + first,
                            c.in_channels * c.out_channels);
        }
      }
    });
  });
  gemm_pack(usual_product(c), plain.data(), to, threads);
}

}  // namespace

void pack(const Conv& c, const float* w, float* to, int threads) { pack(c, w, false, to, threads); }

// As many tiles as make up for transforming the weights, and for the memory that these take.
bool pays_unpacked(const Conv& c) {
  constexpr int64_t kFewestTiles = 512, kTilesForChannel = 3;
  const int64_t channels = std::max(c.in_channels, c.out_channels);
  return pays(c) && !c.packed &&
         num_rows(c) * tiles_across(c) >= std::max(kFewestTiles, kTilesForChannel * channels);
}

Conv backward_of(const Conv& c) {
  Conv b = c;
  std::swap(b.in, b.out);
  std::swap(b.in_channels, b.out_channels);
  for (int64_t& pad : b.pad) pad = 2 - pad;
  b.pad[0] = 0;
  return b;
}

void conv_unpacked(const Conv& c, const float* x, const float* w, const float* bias, float* y,
                   int threads, const Finish& finish) {
  const Buffer<float> packed(packed_size(c));
  pack(c, w, false, packed.data(), threads);
  conv(c, x, packed.data(), bias, y, threads, finish);
}

void conv_backward_data(const Conv& c, const float* dy, const float* w, float* dx, int threads) {
  const Conv b = backward_of(c);
  const Buffer<float> packed(packed_size(b));
  pack(b, w, true, packed.data(), threads);
  conv(b, dy, packed.data(), nullptr, dx, threads, {});
}

void conv(const Conv& c, const float* x, const float* packed, const float* bias, float* y,
          int threads, const Finish& finish) {
  const Buffer<float> zeros(c.in_channels), memory(num_parts(c, threads) * block_size(c));
  std::fill_n(zeros.data(), c.in_channels, 0.0f);
  const Work work{c, x, packed, bias, zeros.data(), y, finish};
  with_vector_bytes([&](auto bytes) { run<bytes>(c, work, memory.data(), threads); });
}

}  // namespace plait::kernels::winograd
