#include "kernels/convolution.h"

#include <algorithm>
#include <vector>

#include "kernels/convert.h"
#include "kernels/parallel.h"
#include "kernels/simd.h"

namespace plait::kernels {
namespace {

double filled_up(int64_t n, int64_t lanes) {
  return static_cast<double>((n + lanes - 1) / lanes * lanes) / static_cast<double>(n);
}

// True if vectors over the batch waste clearly less than oneDNN's vectors over channels.
bool prefers_batch(const Conv& c) {
  if (!across_batch::can(c) || c.batch == 0 || c.channels_last) return false;
  constexpr int64_t kFewChannels = 4;  // of a first layer: oneDNN has a kernel without padding
  const int64_t lanes = kIsa == Isa::kAvx512 ? 16 : kIsa == Isa::kAvx2 ? 8 : 4;
  const double in = c.in_channels <= kFewChannels ? 1 : filled_up(c.in_channels, lanes);
  return filled_up(c.batch, lanes) * 1.2 < in * filled_up(c.out_channels, lanes);
}

// Calls f(float pointers...) on converted copies of `in`, then converts the result.
template <class F>
void through_float(DType dtype, std::initializer_list<std::pair<const void*, int64_t>> in,
                   void* out, int64_t out_size, const F& f) {
  std::vector<std::vector<float>> copies;
  std::array<const float*, 3> at{};
  size_t i = 0;
  for (const auto& [data, n] : in) {
    copies.emplace_back(static_cast<size_t>(data ? n : 0));
    if (data) {
      convert(data, dtype, 1, copies.back().data(), DType::kFloat32, n);
      at[i] = copies.back().data();
    }
    ++i;
  }
  std::vector<float> result(static_cast<size_t>(out_size));
  f(at, result.data());
  convert(result.data(), DType::kFloat32, 1, out, dtype, out_size);
}

int64_t x_size(const Conv& c) { return c.batch * c.in_channels * c.in_size(); }
int64_t y_size(const Conv& c) { return c.batch * c.out_channels * c.out_size(); }
int64_t w_size(const Conv& c) {
  return c.out_channels * (c.in_channels / c.groups) * c.kernel_size();
}

const double* f64(const void* p) { return static_cast<const double*>(p); }
const float* f32(const void* p) { return static_cast<const float*>(p); }
double* f64(void* p) { return static_cast<double*>(p); }
float* f32(void* p) { return static_cast<float*>(p); }

}  // namespace

bool prefers_channels_last(const Conv& c) {
  Conv last = c;
  last.channels_last = true;
  return narrow::pays(last) || !prefers_batch(c);
}

int64_t conv_packed_size(const Conv& c) {
  if (depthwise::can(c)) return depthwise::packed_size(c);
  if (narrow::pays(c)) return narrow::packed_size(c);
  return winograd::pays(c) ? winograd::packed_size(c) : onednn::packed_size(c);
}

void conv_pack(const Conv& c, const void* w, void* to, int threads) {
  if (depthwise::can(c)) return depthwise::pack(c, f32(w), f32(to), threads);
  if (narrow::pays(c)) return narrow::pack(c, f32(w), f32(to));
  if (winograd::pays(c)) return winograd::pack(c, f32(w), f32(to), threads);
  onednn::pack(c, w, to, threads);
}

void conv(const Conv& c, DType dtype, const void* x, const void* w, const void* bias, void* y,
          int threads, const Finish& finish) {
  if (dtype == DType::kFloat64) {
    if (across_batch::can(c)) {
      return across_batch::conv(c, f64(x), f64(w), f64(bias), f64(y), threads);
    }
    return plain::conv(c, f64(x), f64(w), f64(bias), f64(y), threads);
  }
  if (dtype == DType::kFloat32) {
    if (prefers_batch(c)) {
      return across_batch::conv(c, f32(x), f32(w), f32(bias), f32(y), threads, finish);
    }
    if (depthwise::can(c)) {
      return depthwise::conv(c, f32(x), f32(w), f32(bias), f32(y), threads, finish);
    }
    if (narrow::pays(c)) {
      return narrow::conv(c, f32(x), f32(w), f32(bias), f32(y), threads, finish);
    }
    if (c.packed && winograd::pays(c)) {
      return winograd::conv(c, f32(x), f32(w), f32(bias), f32(y), threads, finish);
    }
    if (winograd::pays_unpacked(c)) {
      return winograd::conv_unpacked(c, f32(x), f32(w), f32(bias), f32(y), threads, finish);
    }
    if (by_gemm::pays(c))
      return by_gemm::conv(c, f32(x), f32(w), f32(bias), f32(y), threads, finish);
  }
  if (finish.epilogue && !c.channels_last) {  // oneDNN may hold the result in another layout
    onednn::conv(c, dtype, x, w, bias, y, threads, {});
    return parallel_for(threads, y_size(c), kGrain, [&](int64_t begin, int64_t end) {
      run_steps(finish, begin, f32(y) + begin, end - begin);
    });
  }
  if (onednn::has(dtype)) return onednn::conv(c, dtype, x, w, bias, y, threads, finish);
  through_float(dtype, {{x, x_size(c)}, {w, w_size(c)}, {bias, c.out_channels}}, y, y_size(c),
                [&](const auto& in, float* out) {
                  conv(c, DType::kFloat32, in[0], in[1], in[2], out, threads);
                });
}

void conv_backward_data(const Conv& c, DType dtype, const void* dy, const void* w, void* dx,
                        int threads) {
  if (dtype == DType::kFloat64) {
    if (across_batch::can_backward_data(c)) {
      return across_batch::conv_backward_data(c, f64(dy), f64(w), f64(dx), threads);
    }
    return plain::conv_backward_data(c, f64(dy), f64(w), f64(dx), threads);
  }
  if (dtype == DType::kFloat32) {
    if (prefers_batch(c) && across_batch::can_backward_data(c)) {
      return across_batch::conv_backward_data(c, f32(dy), f32(w), f32(dx), threads);
    }
    if (winograd::pays(c) && winograd::pays_unpacked(winograd::backward_of(c))) {
      return winograd::conv_backward_data(c, f32(dy), f32(w), f32(dx), threads);
    }
  }
  if (onednn::has(dtype)) return onednn::conv_backward_data(c, dtype, dy, w, dx, threads);
  through_float(dtype, {{dy, y_size(c)}, {w, w_size(c)}}, dx, x_size(c),
                [&](const auto& in, float* out) {
                  conv_backward_data(c, DType::kFloat32, in[0], in[1], out, threads);
                });
}

void conv_backward_weight(const Conv& c, DType dtype, const void* x, const void* dy, void* dw,
                          int threads) {
  if (dtype == DType::kFloat64) {
    if (across_batch::can(c)) {
      return across_batch::conv_backward_weight(c, f64(x), f64(dy), f64(dw), threads);
    }
    return plain::conv_backward_weight(c, f64(x), f64(dy), f64(dw), threads);
  }
  if (dtype == DType::kFloat32) {
    if (prefers_batch(c)) {
      return across_batch::conv_backward_weight(c, f32(x), f32(dy), f32(dw), threads);
    }
    if (by_gemm::pays(c)) {
      return by_gemm::conv_backward_weight(c, f32(x), f32(dy), f32(dw), threads);
    }
  }
  if (onednn::has(dtype)) return onednn::conv_backward_weight(c, dtype, x, dy, dw, threads);
  through_float(dtype, {{x, x_size(c)}, {dy, y_size(c)}}, dw, w_size(c),
                [&](const auto& in, float* out) {
                  conv_backward_weight(c, DType::kFloat32, in[0], in[1], out, threads);
                });
}

namespace plain {
namespace {

enum class Role { kForward, kData, kWeight };

// Visits every product of the convolution: y += x w, dx += dy w or dw += x dy. Parallel over what
// no two visits of different threads write.
void visit(const Conv& c, Role role, double* x, double* w, double* y, int threads) {
  const int64_t ci = c.in_channels / c.groups, co = c.out_channels / c.groups;
  const int64_t in_size = c.in_size(), out_size = c.out_size(), ker_size = c.kernel_size();
  const auto plane = [&](int64_t n, int64_t o, int64_t i) {
    double* xs = x + (n * c.in_channels + o / co * ci + i) * in_size;
    double* ws = w + (o * ci + i) * ker_size;
    double* ys = y + (n * c.out_channels + o) * out_size;
    for (int64_t p = 0; p < out_size; ++p) {
      const int64_t po[3] = {p / (c.out[1] * c.out[2]), p / c.out[2] % c.out[1], p % c.out[2]};
      for (int64_t r = 0; r < ker_size; ++r) {
        const int64_t rk[3] = {r / (c.kernel[1] * c.kernel[2]), r / c.kernel[2] % c.kernel[1],
                               r % c.kernel[2]};
        int64_t q = 0;
        bool inside = true;
        for (size_t a = 0; a < 3; ++a) {
          const int64_t at = po[a] * c.stride[a] - c.pad[a] + rk[a] * c.dilate[a];
          inside = inside && at >= 0 && at < c.in[a];
          q = q * c.in[a] + at;
        }
        if (!inside) continue;
        if (role == Role::kForward) ys[p] += xs[q] * ws[r];
        if (role == Role::kData) xs[q] += ys[p] * ws[r];
        if (role == Role::kWeight) ws[r] += xs[q] * ys[p];
      }
    }
  };
  const int64_t outer = role == Role::kWeight ? c.out_channels : c.batch;
  const int64_t inner = role == Role::kWeight ? c.batch : c.out_channels;
  parallel_for(threads, outer, 1, [&](int64_t begin, int64_t end) {
    for (int64_t a = begin; a < end; ++a) {
      for (int64_t b = 0; b < inner; ++b) {
        for (int64_t i = 0; i < ci; ++i) {
          role == Role::kWeight ? plane(b, a, i) : plane(a, b, i);
        }
      }
    }
  });
}

double* writable(const double* p) { return const_cast<double*>(p); }

}  // namespace

void conv(const Conv& c, const double* x, const double* w, const double* bias, double* y,
          int threads) {
  const int64_t plane = c.out_size(), n = y_size(c);
  for (int64_t i = 0; i < n; ++i) y[i] = bias ? bias[i / plane % c.out_channels] : 0;
  visit(c, Role::kForward, writable(x), writable(w), y, threads);
}
void conv_backward_data(const Conv& c, const double* dy, const double* w, double* dx, int threads) {
  std::fill_n(dx, x_size(c), 0.0);
  visit(c, Role::kData, dx, writable(w), writable(dy), threads);
}
void conv_backward_weight(const Conv& c, const double* x, const double* dy, double* dw,
                          int threads) {
  std::fill_n(dw, w_size(c), 0.0);
  visit(c, Role::kWeight, writable(x), dw, writable(dy), threads);
}

}  // namespace plain
}  // namespace plait::kernels
