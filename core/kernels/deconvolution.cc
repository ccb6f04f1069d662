#include "kernels/deconvolution.h"

#include <algorithm>

#include "kernels/buffer.h"
#include "kernels/gemm.h"
#include "kernels/parallel.h"
#include "kernels/simd.h"

// One product of matrices gives what each place of the data adds to its window of the result; then
// each row of the result sums up what belongs to it. Rows of the data are taken in blocks, so that
// the products are still in the cache when they are summed.
namespace plait::kernels::deconvolution {
namespace {

constexpr int64_t kBlock = 1 << 18;  // numbers of the products of a block

int64_t window_size(const Conv& c) { return c.kernel_size() * c.in_channels; }

// Rows [first, last) of the data of samples [begin, end): several samples only as a whole.
struct Block {
  int64_t begin, end, first, last;
  int64_t samples() const { return end - begin; }
  int64_t rows() const { return last - first; }
};

// Rows of a sample's data that are taken at once, and samples if they are taken as a whole.
int64_t rows_at_once(const Conv& c) {
  return std::clamp<int64_t>(kBlock / (c.out[2] * window_size(c)), 1, c.out[1]);
}
int64_t samples_at_once(const Conv& c) {
  return std::clamp<int64_t>(kBlock / (c.out_size() * window_size(c)), 1, c.batch);
}

Gemm product(const Conv& c, int64_t places) {
  return {false, false, 1, places, window_size(c), c.out_channels};
}
Gemm usual_product(const Conv& c) {
  return product(c, samples_at_once(c) * rows_at_once(c) * c.out[2]);
}
bool is_packed(const Conv& c) { return usual_product(c).m > 1; }

// The first row of the result to which row `r` of the data, or one behind it, adds something.
int64_t first_row(const Conv& c, int64_t r) {
  if (r == 0 || r == c.out[1]) return r == 0 ? 0 : c.in[1];
  return std::clamp<int64_t>(r * c.stride[1] - c.pad[1], 0, c.in[1]);
}
// Behind the last row to which a row of the data before `r` adds something; not before first_row.
int64_t end_row(const Conv& c, int64_t r) {
  if (r == 0 || r == c.out[1]) return r == 0 ? 0 : c.in[1];
  const int64_t end = (r - 1) * c.stride[1] - c.pad[1] + c.dilate[1] * (c.kernel[1] - 1) + 1;
  return std::max(std::clamp<int64_t>(end, 0, c.in[1]), first_row(c, r));
}

struct Work {
  const Conv& c;
  const float *x, *packed, *bias;
  float *y, *products;
  const Finish& finish;

  void run_block(const Block& b, int threads) const {
    const int64_t places = b.samples() * b.rows() * c.out[2];
    const float* from = x + (b.begin * c.out[1] + b.first) * c.out[2] * c.out_channels;
    if (is_packed(c)) {
      gemm_packed(product(c, places), usual_product(c), from, packed, nullptr, products, threads);
    } else {
      gemm(product(c, places), DType::kFloat32, from, packed, nullptr, products, threads);
    }
    const int64_t first = first_row(c, b.first), rows = end_row(c, b.last) - first;
    const int64_t grain = 1 + kGrain / 4 / (c.in[2] * c.in_channels);
    parallel_for(threads, b.samples() * rows, grain, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) sum_row(b, i / rows, first + i % rows);
    });
  }

  // Adds to row `row` of the result of sample b.begin + n.
  void sum_row(const Block& b, int64_t n, int64_t row) const {
    const int64_t size = c.in[2] * c.in_channels, at = ((b.begin + n) * c.in[1] + row) * size;
    if (row >= end_row(c, b.first)) clear(y + at);
    for (int64_t k = 0; k < c.kernel[1]; ++k) {
      const int64_t from = row + c.pad[1] - k * c.dilate[1], r = from / c.stride[1];
      if (from % c.stride[1] != 0 || r < b.first || r >= b.last) continue;
      const int64_t line = n * b.rows() + r - b.first;
      vector_call([&] { add_line(line, k, y + at); });
    }
    if (row < first_row(c, b.last)) run_steps(finish, at, y + at, size);
  }

  void clear(float* row) const {
    if (!bias) return void(std::fill_n(row, c.in[2] * c.in_channels, 0.0f));
    for (int64_t i = 0; i < c.in[2]; ++i) {
      std::copy_n(bias, c.in_channels, row + i * c.in_channels);
    }
  }

  // What line `line` of the block's data adds to a row of the result through row `k` of the kernel.
  inline void add_line(int64_t line, int64_t k, float* row) const {
    const int64_t filters = c.in_channels, step = window_size(c), stride = c.stride[2];
    for (int64_t j = 0; j < c.kernel[2]; ++j) {
      const int64_t shift = j * c.dilate[2] - c.pad[2];
      const int64_t first = shift < 0 ? (-shift + stride - 1) / stride : 0;
      const int64_t last = std::min(c.out[2], (c.in[2] - 1 - shift + stride) / stride);
      const float* from =
          products + (line * c.out[2] + first) * step + (k * c.kernel[2] + j) * filters;
      float* to = row + (first * stride + shift) * filters;
      for (int64_t i = first; i < last; ++i, from += step, to += stride * filters) {
#pragma GCC ivdep
        for (int64_t f = 0; f < filters; ++f) to[f] += from[f];
      }
    }
  }
};

}  // namespace

bool can(const Conv& c) { return c.groups == 1 && c.in[0] == 1 && c.kernel[0] == 1; }

int64_t packed_size(const Conv& c) {
  const Gemm g = usual_product(c);
  return is_packed(c) ? gemm_packed_size(g) : g.n * g.k;
}

void pack(const Conv& c, const float* w, float* to, int threads) {
  const Gemm g = usual_product(c);
  const Buffer<float> plain(is_packed(c) ? g.n * g.k : 0);
  float* matrix = is_packed(c) ? plain.data() : to;  // (out_channels, kernel, in_channels)
  const int64_t size = c.kernel_size();
  parallel_for(threads, c.out_channels, 1 + kGrain / g.n, [&](int64_t begin, int64_t end) {
    for (int64_t o = begin; o < end; ++o) {
      for (int64_t k = 0; k < size; ++k) {
        for (int64_t i = 0; i < c.in_channels; ++i) {
          matrix[(o * size + k) * c.in_channels + i] = w[(o * c.in_channels + i) * size + k];
        }
      }
    }
  });
  if (is_packed(c)) gemm_pack(g, matrix, to, threads);
}

void run(const Conv& c, const float* x, const float* packed, const float* bias, float* y,
         int threads, const Finish& finish) {
  const int64_t rows = rows_at_once(c), samples = rows == c.out[1] ? samples_at_once(c) : 1;
  const Buffer<float> products(usual_product(c).m * window_size(c));
  const Work work{c, x, packed, bias, y, products.data(), finish};
  for (int64_t n = 0; n < c.batch; n += samples) {
    for (int64_t r = 0; r < c.out[1]; r += rows) {
      work.run_block({n, std::min(n + samples, c.batch), r, std::min(r + rows, c.out[1])}, threads);
    }
  }
}

}  // namespace plait::kernels::deconvolution
