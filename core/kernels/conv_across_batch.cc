#include <algorithm>
#include <vector>

#include "kernels/buffer.h"
#include "kernels/conv_tiles.h"
#include "kernels/convolution.h"
#include "kernels/parallel.h"
#include "kernels/transpose.h"

// Data are brought into blocks [channel][padded place][sample] with as many samples as a vector has
// lanes. A tile of output channels x neighbouring places is kept in registers while all input
// channels and places of the kernel run by; each costs one vector load for a place of the tile and
// one broadcast for a channel.
namespace plait::kernels::across_batch {
namespace {

constexpr int kMostChannels = 6;                                      // of a tile
constexpr int most_places(int bytes) { return bytes == 64 ? 4 : 2; }  // 32 or 16 registers

// Equal parts of at most `most`: part i is [begin(i), begin(i + 1)).
struct Parts {
  int64_t n, count;
  Parts(int64_t n, int64_t most) : n(n), count((n + most - 1) / most) {}
  int64_t begin(int64_t i) const { return n * i / count; }
};

// A stack of planes in blocks: block b holds samples [b * lanes, ...) as
// [channel][padded place][lane].
struct Blocks {
  int64_t batch, channels, blocks;
  int lanes;
  Conv::Axes size, pad, padded;

  Blocks(int64_t batch, int64_t channels, const Conv::Axes& size, const Conv::Axes& pad, int lanes)
      : batch(batch),
        channels(channels),
        blocks((batch + lanes - 1) / lanes),
        lanes(lanes),
        size(size),
        pad(pad) {
    for (size_t i = 0; i < 3; ++i) padded[i] = size[i] + 2 * pad[i];
  }
  int64_t plane() const { return padded[0] * padded[1] * padded[2]; }
  int64_t block() const { return channels * plane() * lanes; }
  int64_t row(int64_t a, int64_t b) const { return (a * padded[1] + b) * padded[2]; }
  int64_t samples(int64_t b) const { return std::min<int64_t>(lanes, batch - b * lanes); }

  // f(first element of a stretch in the plane, in the padded plane, length) for the stretches that
  // are contiguous in both.
  template <class F>
  void stretches(const F& f) const {
    if (plane() == size[0] * size[1] * size[2]) return f(int64_t{0}, int64_t{0}, plane());
    for (int64_t a = 0; a < size[0]; ++a) {
      for (int64_t b = 0; b < size[1]; ++b) {
        f((a * size[1] + b) * size[2], row(a + pad[0], b + pad[1]) + pad[2], size[2]);
      }
    }
  }
  // Without padding all channels are one stretch.
  bool joined() const { return plane() == size[0] * size[1] * size[2]; }
};

template <class T, int kBytes>
void to_blocks(const Blocks& l, const T* x, T* to, int threads) {
  const int64_t plane = l.size[0] * l.size[1] * l.size[2], sample = l.channels * plane;
  parallel_for(threads, l.blocks * l.channels, 1, [&](int64_t begin, int64_t end) {
    vector_call_of<kBytes>([&] {
      for (int64_t i = begin; i < end; ++i) {
        const int64_t b = i / l.channels, c = i % l.channels;
        const T* from = x + b * l.lanes * sample + c * plane;
        T* out = to + i * l.plane() * l.lanes;
        const int64_t rows = l.samples(b);
        if (!l.joined() || rows < l.lanes) std::fill_n(out, l.plane() * l.lanes, T(0));
        l.stretches([&](int64_t at, int64_t padded, int64_t n) {
          transpose_matrix<T, kBytes>(from + at, sample, rows, n, out + padded * l.lanes, l.lanes);
        });
      }
    });
  });
}

// What has no operands is done in the blocks, which are longer than the planes.
template <class T, int kBytes>
void from_blocks(const Blocks& l, T* from, T* y, int threads, const Finish& finish = {}) {
  const int64_t plane = l.plane(), sample = l.channels * plane;
  const auto steps = [&](int64_t at, T* data, int64_t n) {
    if constexpr (std::is_same_v<T, float>) run_steps(finish, at, data, n);
  };
  const bool in_blocks = finish.operands.empty();
  parallel_for(threads, l.blocks * l.channels, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t b = i / l.channels, c = i % l.channels;
      const int64_t at = b * l.lanes * sample + c * plane, samples = l.samples(b);
      T* const block = from + i * plane * l.lanes;
      if (in_blocks) steps(0, block, plane * l.lanes);
      vector_call_of<kBytes>(
          [&] { transpose_matrix<T, kBytes>(block, l.lanes, plane, samples, y + at, sample); });
      for (int64_t s = 0; !in_blocks && s < samples; ++s) {
        steps(at + s * sample, y + at + s * sample, plane);
      }
    }
  });
}

// Where the taps of a window lie from its first element, in vectors.
std::vector<int64_t> tap_offsets(const Conv& c, const Blocks& x) {
  std::vector<int64_t> offset;
  for (int64_t i = 0; i < x.channels; ++i) {
    for (int64_t k = 0; k < c.kernel_size(); ++k) {
      const int64_t a = k / (c.kernel[1] * c.kernel[2]), b = k / c.kernel[2] % c.kernel[1];
      offset.push_back(i * x.plane() + x.row(a * c.dilate[0], b * c.dilate[1]) +
                       k % c.kernel[2] * c.dilate[2]);
    }
  }
  return offset;
}

// f<n>() for a number n in [1, kMost] known only at run time.
template <int kMost, class F>
inline void with_size(int64_t n, const F& f) {
  if constexpr (kMost > 1) {
    if (n < kMost) return with_size<kMost - 1>(n, f);
  }
  f(std::integral_constant<int, kMost>{});
}

// Weights in the order in which tiles read them:
// [part of the output channels][place of the kernel][input channel][channel of the part];
// weight(output channel, input channel, place of the kernel).
template <class T, class F>
void pack_weights(const Conv& c, T* to, const F& weight) {
  const Parts parts(c.out_channels, kMostChannels);
  for (int64_t part = 0; part < parts.count; ++part) {
    for (int64_t k = 0; k < c.kernel_size(); ++k) {
      for (int64_t i = 0; i < c.in_channels; ++i) {
        for (int64_t o = parts.begin(part); o < parts.begin(part + 1); ++o) {
          *to++ = weight(o, i, k);
        }
      }
    }
  }
}

// The taps that meet data, not only padding, for `width` places from `at` (in x, padded).
void find_taps(const Conv& c, const Blocks& x, const Conv::Axes& at, int64_t width,
               std::vector<Tap>& taps) {
  const auto inside = [&](size_t axis, int64_t first, int64_t last) {
    return last >= x.pad[axis] && first < x.pad[axis] + x.size[axis];
  };
  taps.clear();
  for (int64_t k = 0; k < c.kernel_size(); ++k) {
    const int64_t a = k / (c.kernel[1] * c.kernel[2]) * c.dilate[0],
                  b = k / c.kernel[2] % c.kernel[1] * c.dilate[1],
                  d = k % c.kernel[2] * c.dilate[2];
    const int64_t first = at[2] + d;
    if (inside(0, at[0] + a, at[0] + a) && inside(1, at[1] + b, at[1] + b) &&
        inside(2, first, first + (width - 1) * c.stride[2])) {
      taps.push_back({(x.row(at[0] + a, at[1] + b) + first) * x.lanes, k});
    }
  }
}

// The convolution of blocks: `x` padded, `y` not; `w` packed.
template <class T, int kBytes>
void convolve(const Conv& c, const Blocks& x, const T* xs, const Blocks& y, T* ys, const T* w,
              const T* bias, int threads) {
  constexpr int kLanes = Vector<T, kBytes>::kLanes, kPlaces = most_places(kBytes);
  const Parts channels(y.channels, kMostChannels), places(y.size[2], kPlaces);
  const int64_t weights = c.in_channels * c.kernel_size();  // of one output channel
  const int64_t rows = y.size[0] * y.size[1], step = c.stride[2] * kLanes;
  parallel_for(threads, y.blocks * rows, 1, [&](int64_t begin, int64_t end) {
    std::vector<Tap> taps;
    vector_call_of<kBytes>([&] {
      for (int64_t item = begin; item < end; ++item) {
        const int64_t block = item / rows, row = item % rows;
        const T* from = xs + block * x.block();
        T* to = ys + block * y.block() + row * y.size[2] * kLanes;
        for (int64_t j = 0; j < places.count; ++j) {
          const int64_t p = places.begin(j), width = places.begin(j + 1) - p;
          const Conv::Axes at{row / y.size[1] * c.stride[0], row % y.size[1] * c.stride[1],
                              p * c.stride[2]};
          find_taps(c, x, at, width, taps);
          for (int64_t i = 0; i < channels.count; ++i) {
            const int64_t o = channels.begin(i);
            with_size<kMostChannels>(channels.begin(i + 1) - o, [&](auto many) {
              with_size<kPlaces>(width, [&](auto wide) {
                forward_tile<T, kBytes, many, wide>(
                    from, x.plane() * kLanes, step, c.in_channels, taps, w + o * weights,
                    bias ? bias + o : nullptr, to + (o * y.plane() + p) * kLanes,
                    y.plane() * kLanes);
              });
            });
          }
        }
      }
    });
  });
}

template <class T, int kBytes>
void forward(const Conv& c, const T* x, const T* w, const T* bias, T* y, int threads,
             const Finish& finish) {
  constexpr int kLanes = Vector<T, kBytes>::kLanes;
  const Blocks in(c.batch, c.in_channels, c.in, c.pad, kLanes);
  const Blocks out(c.batch, c.out_channels, c.out, {0, 0, 0}, kLanes);
  Buffer<T> xs(in.blocks * in.block()), ys(out.blocks * out.block());
  to_blocks<T, kBytes>(in, x, xs.data(), threads);
  const int64_t size = c.kernel_size();
  Buffer<T> packed(c.out_channels * c.in_channels * size);
  pack_weights(c, packed.data(), [&](int64_t o, int64_t i, int64_t k) {
    return w[(o * c.in_channels + i) * size + k];
  });
  convolve<T, kBytes>(c, in, xs.data(), out, ys.data(), packed.data(), bias, threads);
  from_blocks<T, kBytes>(out, ys.data(), y, threads, finish);
}

// The gradient of data is the convolution of dy with the kernels turned round.
Conv turned(const Conv& c) {
  Conv t = c;
  std::swap(t.in_channels, t.out_channels);
  std::swap(t.in, t.out);
  for (size_t i = 0; i < 3; ++i) t.pad[i] = (c.kernel[i] - 1) * c.dilate[i] - c.pad[i];
  return t;
}

template <class T, int kBytes>
void backward_data(const Conv& c, const T* dy, const T* w, T* dx, int threads) {
  constexpr int kLanes = Vector<T, kBytes>::kLanes;
  const Conv t = turned(c);
  const Blocks in(t.batch, t.in_channels, t.in, t.pad, kLanes);
  const Blocks out(t.batch, t.out_channels, t.out, {0, 0, 0}, kLanes);
  Buffer<T> xs(in.blocks * in.block()), ys(out.blocks * out.block());
  to_blocks<T, kBytes>(in, dy, xs.data(), threads);
  const int64_t size = c.kernel_size();
  Buffer<T> packed(c.out_channels * c.in_channels * size);
  pack_weights(t, packed.data(), [&](int64_t o, int64_t i, int64_t k) {
    return w[(i * c.in_channels + o) * size + size - 1 - k];
  });
  convolve<T, kBytes>(t, in, xs.data(), out, ys.data(), packed.data(), nullptr, threads);
  from_blocks<T, kBytes>(out, ys.data(), dx, threads);
}

template <class T, int kBytes>
void backward_weight(const Conv& c, const T* x, const T* dy, T* dw, int threads) {
  constexpr int kLanes = Vector<T, kBytes>::kLanes;
  const Blocks in(c.batch, c.in_channels, c.in, c.pad, kLanes);
  const Blocks out(c.batch, c.out_channels, c.out, {0, 0, 0}, kLanes);
  Buffer<T> xs(in.blocks * in.block()), ys(out.blocks * out.block());
  to_blocks<T, kBytes>(in, x, xs.data(), threads);
  to_blocks<T, kBytes>(out, dy, ys.data(), threads);
  std::vector<std::pair<int64_t, int64_t>> rows;
  for (int64_t b = 0; b < in.blocks; ++b) {
    for (int64_t r = 0; r < c.out[0] * c.out[1]; ++r) {
      const int64_t from = in.row(r / c.out[1] * c.stride[0], r % c.out[1] * c.stride[1]);
      rows.emplace_back(b * in.block() + from * kLanes, b * out.block() + r * c.out[2] * kLanes);
    }
  }
  const std::vector<int64_t> offset = tap_offsets(c, in);
  const int64_t taps = static_cast<int64_t>(offset.size());
  const Parts channels(c.out_channels, kMostChannels), groups(taps, most_places(kBytes));
  parallel_for(threads, channels.count * groups.count, 1, [&](int64_t begin, int64_t end) {
    vector_call_of<kBytes>([&] {
      for (int64_t item = begin; item < end; ++item) {
        const int64_t i = item / groups.count, j = item % groups.count;
        const int64_t o = channels.begin(i), t = groups.begin(j);
        with_size<kMostChannels>(channels.begin(i + 1) - o, [&](auto many) {
          with_size<most_places(kBytes)>(groups.begin(j + 1) - t, [&](auto width) {
            weight_tile<T, kBytes, many, width>(
                xs.data(), c.stride[2] * kLanes, offset.data() + t,
                ys.data() + o * out.plane() * kLanes, out.plane() * kLanes, rows.data(),
                static_cast<int64_t>(rows.size()), c.out[2], dw + o * taps + t, taps);
          });
        });
      }
    });
  });
}

}  // namespace

bool can(const Conv& c) { return c.groups == 1; }

bool can_backward_data(const Conv& c) {
  for (size_t i = 0; i < 3; ++i) {
    if (c.stride[i] != 1 || c.pad[i] > (c.kernel[i] - 1) * c.dilate[i]) return false;
  }
  return can(c);
}

template <class T>
void conv(const Conv& c, const T* x, const T* w, const T* bias, T* y, int threads,
          const Finish& finish) {
  with_vector_bytes([&](auto bytes) { forward<T, bytes>(c, x, w, bias, y, threads, finish); });
}
template <class T>
void conv_backward_data(const Conv& c, const T* dy, const T* w, T* dx, int threads) {
  with_vector_bytes([&](auto bytes) { backward_data<T, bytes>(c, dy, w, dx, threads); });
}
template <class T>
void conv_backward_weight(const Conv& c, const T* x, const T* dy, T* dw, int threads) {
  with_vector_bytes([&](auto bytes) { backward_weight<T, bytes>(c, x, dy, dw, threads); });
}

template void conv(const Conv&, const float*, const float*, const float*, float*, int,
                   const Finish&);
template void conv(const Conv&, const double*, const double*, const double*, double*, int,
                   const Finish&);
template void conv_backward_data(const Conv&, const float*, const float*, float*, int);
template void conv_backward_data(const Conv&, const double*, const double*, double*, int);
template void conv_backward_weight(const Conv&, const float*, const float*, float*, int);
template void conv_backward_weight(const Conv&, const double*, const double*, double*, int);

}  // namespace plait::kernels::across_batch
