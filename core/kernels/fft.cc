#include "kernels/fft.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/fft_plan.h"
#include "kernels/parallel.h"
#include "kernels/transpose.h"

namespace plait::kernels {
namespace {

// Calls f(number of the first line, width, space) for groups of lines that are beside each other or
// follow each other, on several threads; `space` holds as many numbers as size(width) says.
template <class T, class Size, class F>
void groups(const Fft& f, int threads, const Size& size, const F& each) {
  constexpr int64_t kMost = 64 / sizeof(T), kInCache = int64_t{1} << 16;
  const int64_t most = std::clamp<int64_t>(kInCache / f.n, 1, kMost);
  const int64_t row = f.inner == 1 ? f.outer : f.inner;  // lines among which groups are made
  const int64_t in_row = (row + most - 1) / most;
  const int64_t rows = f.inner == 1 ? 1 : f.outer;
  const int64_t cost = most * f.n * 8 * (1 + static_cast<int64_t>(std::log2(f.n + 1)));
  const int64_t grain = std::max<int64_t>(1, kGrain * 4 / cost);
  parallel_for(threads, rows * in_row, grain, [&](int64_t begin, int64_t end) {
    std::vector<T> space(static_cast<size_t>(size(most)));
    for (int64_t i = begin; i < end; ++i) {
      const int64_t first = i % in_row * most;
      each(i / in_row * row + first, std::min(most, row - first), space.data());
    }
  });
}

constexpr int64_t kTile = 64;  // elements of each line that are turned at a time

// Element 0 of line i of an array with n elements a line.
int64_t start_of(const Fft& f, int64_t i, int64_t n) {
  return i / f.inner * n * f.inner + i % f.inner;
}

// The lines of a group in an array of complex numbers, n elements each, to and from planes.
template <class T>
struct ComplexLines {
  int64_t n, inner, start, width;

  ComplexLines(const Fft& f, int64_t first, int64_t lines, int64_t length)
      : n(length), inner(f.inner), start(start_of(f, first, length)), width(lines) {}

  // to[j, l] = g(x[j, l])
  template <class G>
  void load(const Number<T>* x, Planes<T> to, const G& g) const {
    if (inner > 1) {
      for (int64_t j = 0; j < n; ++j) {
        const Number<T>* from = x + start + j * inner;
        vector_loop(width, [=](int64_t l) { to.set(j * width + l, g(from[l])); });
      }
      return;
    }
    Number<T> tile[kTile * (64 / sizeof(T))];
    for (int64_t j = 0; j < n; j += kTile) {
      const int64_t m = std::min(kTile, n - j);
      turn(x + start + j, n, width, m, tile, width);
      const Number<T>* from = tile;
      vector_loop(m * width, [=](int64_t i) { to.set(j * width + i, g(from[i])); });
    }
  }

  // y[j, l] = g(from[j, l])
  template <class G>
  void store(Planes<T> from, Number<T>* y, const G& g) const {
    if (inner > 1) {
      for (int64_t j = 0; j < n; ++j) {
        Number<T>* to = y + start + j * inner;
        vector_loop(width, [=](int64_t l) { to[l] = g(from[j * width + l]); });
      }
      return;
    }
    Number<T> tile[kTile * (64 / sizeof(T))];
    for (int64_t j = 0; j < n; j += kTile) {
      const int64_t m = std::min(kTile, n - j);
      Number<T>* to = tile;
      vector_loop(m * width, [=](int64_t i) { to[i] = g(from[j * width + i]); });
      turn(tile, width, m, width, y + start + j, n);
    }
  }

  // to (columns, rows) = from (rows, columns), of which rows are the given numbers apart.
  static void turn(const Number<T>* from, int64_t from_step, int64_t rows, int64_t columns,
                   Number<T>* to, int64_t to_step) {
    if constexpr (sizeof(T) == 4) {
      with_vector_bytes([&](auto bytes) {
        vector_call_of<bytes>([=] {
          transpose_matrix<uint64_t, transpose_bytes<uint64_t, bytes>()>(
              reinterpret_cast<const uint64_t*>(from), from_step, rows, columns,
              reinterpret_cast<uint64_t*>(to), to_step);
        });
      });
    } else {
      for (int64_t r = 0; r < rows; ++r) {
        for (int64_t c = 0; c < columns; ++c) to[c * to_step + r] = from[r * from_step + c];
      }
    }
  }
};

// f(j, l, offset of element j of line l) for a group of lines of real numbers.
template <class F>
void each_real(const Fft& f, int64_t first, int64_t width, int64_t n, const F& g) {
  const int64_t start = start_of(f, first, n);
  const int64_t next_line = f.inner == 1 ? n : 1;
  for (int64_t j = 0; j < n; ++j) {
    for (int64_t l = 0; l < width; ++l) g(j, l, start + j * f.inner + l * next_line);
  }
}

template <class T>
void complex_lines(const Fft& f, const void* x_data, void* y_data, int threads) {
  const auto plan = plan_of<T>(f.n);
  const auto* x = static_cast<const Number<T>*>(x_data);
  auto* y = static_cast<Number<T>*>(y_data);
  const T scale = static_cast<T>(f.scale), sign = f.inverse ? T(-1) : T(1);
  const auto size = [&](int64_t width) { return 2 * f.n * width + plan->work_size(width); };
  groups<T>(f, threads, size, [&](int64_t first, int64_t width, T* space) {
    const ComplexLines<T> lines(f, first, width, f.n);
    const Planes<T> z(space, f.n * width);
    lines.load(x, z, [=](Number<T> v) { return Number<T>{v.re, sign * v.im}; });
    plan->forward(z, space + 2 * f.n * width, width);
    lines.store(z, y, [=](Number<T> v) { return Number<T>{v.re * scale, sign * v.im * scale}; });
  });
}

template <class T>
std::vector<Number<T>> roots_of(int64_t n) {
  std::vector<Number<T>> out;
  for (int64_t k = 0; k <= n / 2; ++k) out.push_back(root<T>(k, n));
  return out;
}

// Real numbers of even count as half as many complex ones: z[j] = x[2 j] + i x[2 j + 1], of which
// the transform holds those of the even and the odd ones.
template <class T>
void split_halves(Planes<T> z, const std::vector<Number<T>>& roots, int64_t half, int64_t width,
                  Planes<T> out) {
  for (int64_t k = 0; k <= half; ++k) {
    const int64_t here = k % half * width, there = (half - k) % half * width;
    const Number<T> w = roots[static_cast<size_t>(k)];
    vector_loop(width, [=](int64_t l) {
      const Number<T> a = z[here + l], b = conj(z[there + l]);
      const Number<T> even = (a + b) * T(0.5), odd = times_minus_i((a - b) * T(0.5));
      out.set(k * width + l, even + odd * w);
    });
  }
}

template <class T>
void lines_of_real(const Fft& f, const void* x_data, void* y_data, int threads) {
  const bool even = f.n % 2 == 0;
  const int64_t half = f.n / 2, kept = half + 1, length = even ? half : f.n;
  const auto plan = plan_of<T>(length);
  const auto roots = even ? roots_of<T>(f.n) : std::vector<Number<T>>();
  const T* x = static_cast<const T*>(x_data);
  auto* y = static_cast<Number<T>*>(y_data);
  const T scale = static_cast<T>(f.scale);
  const auto size = [&](int64_t width) {
    return 2 * (length + kept) * width + plan->work_size(width);
  };
  groups<T>(f, threads, size, [&](int64_t first, int64_t width, T* space) {
    const Planes<T> z(space, length * width), result(space + 2 * length * width, kept * width);
    T* work = space + 2 * (length + kept) * width;
    if (even && f.inner == 1) {  // pairs lie as complex numbers do
      ComplexLines<T>(f, first, width, half)
          .load(reinterpret_cast<const Number<T>*>(x), z, [](Number<T> v) { return v; });
    } else {
      each_real(f, first, width, f.n, [&](int64_t j, int64_t l, int64_t at) {
        if (!even) return z.set(j * width + l, {x[at], T(0)});
        (j % 2 ? z.im : z.re)[j / 2 * width + l] = x[at];
      });
    }
    plan->forward(z, work, width);
    if (even) split_halves(z, roots, half, width, result);
    ComplexLines<T>(f, first, width, kept).store(even ? result : z, y, [=](Number<T> v) {
      return v * scale;
    });
  });
}

// What split_halves() makes, brought back: z of `half` numbers from v of one more.
template <class T>
void join_halves(Planes<T> v, const std::vector<Number<T>>& roots, int64_t half, int64_t width,
                 Planes<T> z) {
  for (int64_t k = 0; k < half; ++k) {
    const int64_t there = (half - k) * width;
    const Number<T> w = conj(roots[static_cast<size_t>(k)]);
    vector_loop(width, [=](int64_t l) {
      const Number<T> a = v[k * width + l], b = conj(v[there + l]);
      z.set(k * width + l, conj((a + b) - times_minus_i((a - b) * w)));  // even + i odd part
    });
  }
}

template <class T>
void lines_to_real(const Fft& f, const void* x_data, void* y_data, int threads) {
  const bool even = f.n % 2 == 0;
  const int64_t half = f.n / 2, kept = half + 1, length = even ? half : f.n;
  const auto plan = plan_of<T>(length);
  const auto roots = even ? roots_of<T>(f.n) : std::vector<Number<T>>();
  const auto* x = static_cast<const Number<T>*>(x_data);
  T* y = static_cast<T*>(y_data);
  const T scale = static_cast<T>(f.scale);
  const auto size = [&](int64_t width) {
    return 2 * (length + kept) * width + plan->work_size(width);
  };
  groups<T>(f, threads, size, [&](int64_t first, int64_t width, T* space) {
    const Planes<T> z(space, length * width), given(space + 2 * length * width, kept * width);
    ComplexLines<T>(f, first, width, kept).load(x, given, [](Number<T> v) { return v; });
    std::fill_n(given.im, width, T(0));  // those that belong to themselves are real
    if (even) {
      std::fill_n(given.im + half * width, width, T(0));
      join_halves(given, roots, half, width, z);
    } else {  // conjugates go in, so the transform is the inverse one; the result is real
      for (int64_t i = 0; i < kept * width; ++i) z.set(i, conj(given[i]));
      for (int64_t k = kept; k < f.n; ++k) {
        for (int64_t l = 0; l < width; ++l) z.set(k * width + l, given[(f.n - k) * width + l]);
      }
    }
    plan->forward(z, space + 2 * (length + kept) * width, width);
    if (even && f.inner == 1) {
      ComplexLines<T>(f, first, width, half)
          .store(z, reinterpret_cast<Number<T>*>(y), [=](Number<T> v) {
            return Number<T>{v.re * scale, -v.im * scale};
          });
      return;
    }
    each_real(f, first, width, f.n, [&](int64_t j, int64_t l, int64_t at) {
      const int64_t i = (even ? j / 2 : j) * width + l;
      y[at] = (even && j % 2 ? -z.im[i] : z.re[i]) * scale;
    });
  });
}

}  // namespace

void fft(const Fft& f, DType dtype, const void* x, void* y, int threads) {
  if (f.outer * f.n * f.inner == 0) return;
  if (dtype == DType::kComplex64) return complex_lines<float>(f, x, y, threads);
  complex_lines<double>(f, x, y, threads);
}

void fft_of_real(const Fft& f, DType real, const void* x, void* y, int threads) {
  if (f.outer * f.n * f.inner == 0) return;
  if (real == DType::kFloat32) return lines_of_real<float>(f, x, y, threads);
  lines_of_real<double>(f, x, y, threads);
}

void fft_to_real(const Fft& f, DType real, const void* x, void* y, int threads) {
  if (f.outer * f.n * f.inner == 0) return;
  if (real == DType::kFloat32) return lines_to_real<float>(f, x, y, threads);
  lines_to_real<double>(f, x, y, threads);
}

}  // namespace plait::kernels
