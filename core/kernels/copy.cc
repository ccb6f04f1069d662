#include "kernels/copy.h"

#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "kernels/convert.h"
#include "kernels/simd.h"
#include "kernels/strided.h"
#include "kernels/transpose.h"

namespace plait::kernels {
namespace {

constexpr int64_t kStrip = 64;                    // rows that one thread takes at a time
constexpr int64_t kCopyGrain = int64_t{1} << 18;  // bytes worth a second thread

// Where row number `index` of all rows but those along `axis` starts in out and in.
std::pair<int64_t, int64_t> start_of(const Walk& walk, int axis, int64_t index) {
  int64_t in_at = 0, out_at = 0;
  for (int d = walk.ndim; d-- > 0;) {
    if (d == axis) continue;
    const int64_t at = index % walk.shape[d];
    index /= walk.shape[d];
    out_at += at * walk.stride[0][d];
    in_at += at * walk.stride[1][d];
  }
  return {out_at, in_at};
}

// The walk's row runs along out; `axis` is an outer axis that is contiguous in `in`.
template <class T>
void transpose(const T* x, T* y, const Walk& walk, int axis, int threads) {
  const int64_t rows = walk.shape[axis], columns = walk.row;
  const int64_t sx = walk.row_stride[1], sy = walk.stride[0][axis];
  const int64_t strips = (rows + kStrip - 1) / kStrip;
  const int64_t planes = walk.size / (rows * columns);
  const int64_t grain = std::max<int64_t>(1, kCopyGrain / (kStrip * columns * sizeof(T)));
  parallel_for(threads, planes * strips, grain, [&](int64_t begin, int64_t end) {
    for (int64_t strip = begin; strip < end; ++strip) {
      const auto [out_at, in_at] = start_of(walk, axis, strip / strips);
      const int64_t i = strip % strips * kStrip, height = std::min(kStrip, rows - i);
      const T* from = x + in_at + i;
      T* to = y + out_at + i * sy;
      with_vector_bytes([&](auto bytes) {
        vector_call_of<bytes>([=] {
          transpose_matrix<T, transpose_bytes<T, bytes>()>(from, sx, columns, height, to, sy);
        });
      });
    }
  });
}

// An outer axis along which the input is contiguous while the output's rows are: a transpose.
int transposed_axis(const Walk& walk) {
  if (walk.row_stride[0] != 1 || walk.row_stride[1] <= 1 || walk.row < 4) return -1;
  for (int d = 0; d < walk.ndim; ++d) {
    if (walk.stride[1][d] == 1 && walk.shape[d] >= 4) return d;
  }
  return -1;
}

// A walk by rows that are short: the axis around them takes their place, each of its steps is one.
Walk around_rows(const Walk& walk) {
  Walk outer = walk;
  --outer.ndim;
  outer.row = walk.shape[outer.ndim];
  outer.size = walk.size / walk.row;
  for (int a = 0; a < walk.arrays; ++a) outer.row_stride[a] = walk.stride[a][outer.ndim];
  return outer;
}

// n rows of kRow (0: `row`) elements.
template <int kRow, class T>
void copy_rows(const T* x, T* y, int64_t n, const Walk& outer, const Walk& walk) {
  const int64_t row = kRow ? kRow : walk.row;
  const int64_t gap_x = outer.row_stride[1], gap_y = outer.row_stride[0];
  const int64_t sx = walk.row_stride[1], sy = walk.row_stride[0];
  if (kRow && sy == 1 && gap_x == 1 && gap_y == kRow) {  // interleaved, or repeated
    return vector_call([=] {
#pragma GCC ivdep
      for (int64_t i = 0; i < n; ++i) {
        for (int64_t j = 0; j < kRow; ++j) y[i * kRow + j] = x[i + j * sx];
      }
    });
  }
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t j = 0; j < row; ++j) y[i * gap_y + j * sy] = x[i * gap_x + j * sx];
  }
}

template <class T>
void copy_short_rows(const View& in, const View& out, const Walk& walk, int threads) {
  const Walk outer = around_rows(walk);
  const auto grain =
      std::max<int64_t>(1, kCopyGrain / (walk.row * static_cast<int64_t>(sizeof(T))));
  outer.parallel_rows(threads, grain, [&](const auto& at, int64_t n) {
    const T* x = in.ptr<T>() + at[1];
    T* y = out.ptr<T>() + at[0];
    switch (walk.row) {
      case 2: return copy_rows<2>(x, y, n, outer, walk);
      case 3: return copy_rows<3>(x, y, n, outer, walk);
      case 4: return copy_rows<4>(x, y, n, outer, walk);
      default: return copy_rows<0>(x, y, n, outer, walk);
    }
  });
}

void copy_same_type(const View& in, const View& out, const Walk& walk, int threads) {
  const int64_t item = dtype_size(out.dtype);
  const int axis = item > 8 ? -1 : transposed_axis(walk);
  if (axis >= 0) {
    switch (item) {
      case 1: return transpose(in.ptr<uint8_t>(), out.ptr<uint8_t>(), walk, axis, threads);
      case 2: return transpose(in.ptr<uint16_t>(), out.ptr<uint16_t>(), walk, axis, threads);
      case 4: return transpose(in.ptr<uint32_t>(), out.ptr<uint32_t>(), walk, axis, threads);
      default: return transpose(in.ptr<uint64_t>(), out.ptr<uint64_t>(), walk, axis, threads);
    }
  }
  const int64_t sy = walk.row_stride[0], sx = walk.row_stride[1];
  const auto rows = [&](auto type) {
    using T = decltype(type);
    if (walk.row < 16 && walk.ndim > 0) return copy_short_rows<T>(in, out, walk, threads);
    walk.parallel_rows(threads, kCopyGrain / item, [&](const auto& at, int64_t n) {
      T* y = out.ptr<T>() + at[0];
      const T* x = in.ptr<T>() + at[1];
      if (sx == 1 && sy == 1) {
        if (n < 16) {
          for (int64_t i = 0; i < n; ++i) y[i] = x[i];
        } else {
          copy_bytes(y, x, n * static_cast<int64_t>(sizeof(T)));
        }
      } else if (sx == 0 && sy == 1) {
        vector_loop(n, [y, value = *x](int64_t i) { y[i] = value; });
      } else {
        for (int64_t i = 0; i < n; ++i) y[i * sy] = x[i * sx];
      }
    });
  };
  switch (item) {
    case 1: return rows(uint8_t{});
    case 2: return rows(uint16_t{});
    case 4: return rows(uint32_t{});
    case 8: return rows(uint64_t{});
    default: return rows(Complex128{});
  }
}

}  // namespace

void copy(const View& in, const View& out, int threads) {
  const View* views[] = {&out, &in};
  const Walk walk(*out.shape, views);
  if (walk.size == 0) return;
  if (in.dtype == out.dtype) return copy_same_type(in, out, walk, threads);
  const int64_t sy = walk.row_stride[0], sx = walk.row_stride[1];
  const int64_t in_item = dtype_size(in.dtype), out_item = dtype_size(out.dtype);
  walk.parallel_rows(threads, kGrain, [&](const auto& at, int64_t n) {
    const char* x = in.ptr<char>() + at[1] * in_item;
    char* y = out.ptr<char>() + at[0] * out_item;
    if (sy == 1) return convert(x, in.dtype, sx, y, out.dtype, n);
    alignas(64) char block[kBlock * kWidest];
    for (int64_t i = 0; i < n; i += kBlock) {
      const int64_t m = std::min(kBlock, n - i);
      convert(x + i * sx * in_item, in.dtype, sx, block, in.dtype, m);
      convert_scatter(block, in.dtype, y + i * sy * out_item, out.dtype, sy, m);
    }
  });
}

void copy_bytes(void* to, const void* from, int64_t bytes) {
  constexpr int64_t kStep = 256;
  char* y = static_cast<char*>(to);
  const char* x = static_cast<const char*>(from);
  const auto apart = reinterpret_cast<uintptr_t>(to) - reinterpret_cast<uintptr_t>(from);
  if (bytes >= 1024 && apart % 64 != 0) {
    const int64_t whole = bytes / kStep * kStep;
    with_vector_bytes([&](auto width) {
      vector_call_of<width>([=] {
        using V = typename Vector<uint8_t, width>::type;
        constexpr int64_t kVectors = kStep / width;
        for (int64_t i = 0; i < whole; i += kStep) {
          V block[kVectors];
          for (int64_t j = 0; j < kVectors; ++j) block[j] = reinterpret_cast<const V*>(x + i)[j];
          for (int64_t j = 0; j < kVectors; ++j) reinterpret_cast<V*>(y + i)[j] = block[j];
        }
      });
    });
    y += whole;
    x += whole;
    bytes -= whole;
  }
  std::memcpy(y, x, static_cast<size_t>(bytes));
}

#if defined(__x86_64__)
namespace {

// Whole cache lines at a time, where the processor can.
__attribute__((target("avx512f"))) void stream_lines_avx512(char* to, const char* from,
                                                            int64_t bytes) {
  for (int64_t i = 0; i < bytes; i += 64) {
    _mm512_stream_si512(reinterpret_cast<__m512i*>(to + i), _mm512_load_si512(from + i));
  }
}

void stream_lines(char* to, const char* from, int64_t bytes) {
  for (int64_t i = 0; i < bytes; i += 16) {
    _mm_stream_si128(reinterpret_cast<__m128i*>(to + i),
                     _mm_load_si128(reinterpret_cast<const __m128i*>(from + i)));
  }
}

}  // namespace

void stream_copy(void* to, const void* from, int64_t bytes) {
  char* y = static_cast<char*>(to);
  const char* x = static_cast<const char*>(from);
  const int64_t lines = bytes / 64 * 64;
  kIsa == Isa::kAvx512 ? stream_lines_avx512(y, x, lines) : stream_lines(y, x, lines);
  if (lines < bytes) std::memcpy(y + lines, x + lines, static_cast<size_t>(bytes - lines));
}
void stream_end() { _mm_sfence(); }
#else
void stream_copy(void* to, const void* from, int64_t bytes) {
  std::memcpy(to, from, static_cast<size_t>(bytes));
}
void stream_end() {}
#endif

void fill(const View& out, double value, int threads) {
  alignas(kWidest) char item[kWidest];
  const DType wide = is_inexact(out.dtype) ? DType::kFloat64 : DType::kInt64;
  if (wide == DType::kInt64 && out.dtype != DType::kBool) {
    const int64_t whole = static_cast<int64_t>(value);
    convert(&whole, wide, 1, item, out.dtype, 1);
  } else {
    convert(&value, DType::kFloat64, 1, item, out.dtype, 1);
  }
  static const Dims kNone{};
  copy({item, &kNone, &kNone, out.dtype, true}, out, threads);
}

}  // namespace plait::kernels
