#include <algorithm>

#include "kernels/buffer.h"
#include "kernels/convolution.h"
#include "kernels/gemm.h"
#include "kernels/parallel.h"

namespace plait::kernels::by_gemm {
namespace {

int64_t num_windows(const Conv& c) { return c.batch * c.out_size(); }
int64_t window_size(const Conv& c) { return c.in_channels * c.kernel_size(); }

// The windows of x as rows, in the order of a filter: (channel, place of the kernel).
class Windows {
 public:
  Windows(const Conv& c, const float* x, int threads) : rows_(num_windows(c) * window_size(c)) {
    parallel_for(threads, num_windows(c), std::max<int64_t>(1, kGrain / window_size(c)),
                 [&](int64_t begin, int64_t end) {
                   for (int64_t i = begin; i < end; ++i) fill(c, x, i);
                 });
  }
  const float* data() const { return rows_.data(); }

 private:
  void fill(const Conv& c, const float* x, int64_t window) {
    const int64_t size = c.kernel_size(), place = window % c.out_size();
    const float* sample = x + window / c.out_size() * c.in_size() * c.in_channels;
    const int64_t at[] = {place / (c.out[1] * c.out[2]), place / c.out[2] % c.out[1],
                          place % c.out[2]};
    float* row = rows_.data() + window * window_size(c);
    for (int64_t k = 0; k < size; ++k) {
      const int64_t tap[] = {k / (c.kernel[1] * c.kernel[2]), k / c.kernel[2] % c.kernel[1],
                             k % c.kernel[2]};
      int64_t from = 0;
      bool inside = true;
      for (size_t a = 0; a < 3; ++a) {
        const int64_t q = at[a] * c.stride[a] - c.pad[a] + tap[a] * c.dilate[a];
        inside = inside && q >= 0 && q < c.in[a];
        from = from * c.in[a] + q;
      }
      const float* values = sample + from * c.in_channels;
      for (int64_t i = 0; i < c.in_channels; ++i) row[i * size + k] = inside ? values[i] : 0.0f;
    }
  }

  Buffer<float> rows_;
};

}  // namespace

bool pays(const Conv& c) {
  constexpr int64_t kFewWindows =
      64;  // measured: reading a weight costs as much as 60 to 80 of them
  return c.channels_last && !c.packed && c.groups == 1 && c.kernel_size() > 1 &&
         c.in_channels > 16 && num_windows(c) <= kFewWindows;
}

void conv(const Conv& c, const float* x, const float* w, const float* bias, float* y, int threads,
          const Finish& finish) {
  const Windows windows(c, x, threads);
  gemm({false, true, 1, num_windows(c), c.out_channels, window_size(c)}, DType::kFloat32,
       windows.data(), w, bias, y, threads, finish);
}

void conv_backward_weight(const Conv& c, const float* x, const float* dy, float* dw, int threads) {
  const Windows windows(c, x, threads);
  gemm({true, false, 1, c.out_channels, window_size(c), num_windows(c)}, DType::kFloat32, dy,
       windows.data(), nullptr, dw, threads);
}

}  // namespace plait::kernels::by_gemm
