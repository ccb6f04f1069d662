#pragma once

#include <array>
#include <cstdint>

#include "base/dtype.h"

namespace plait::kernels {

// A window that slides over up to three spatial axes of many planes; missing axes have size 1.
struct Pool {
  using Axes = std::array<int64_t, 3>;
  enum Kind { kMax, kSum, kMean };

  int64_t planes = 0;    // batch times channels; with channels last the batch
  int64_t channels = 0;  // > 0: channels last, data are (planes, in, channels)
  Axes in{1, 1, 1}, out{1, 1, 1}, kernel{1, 1, 1}, stride{1, 1, 1}, pad{0, 0, 0};
  Kind kind = kMax;
  bool include_pad = true;  // the mean counts padding

  int64_t in_size() const { return in[0] * in[1] * in[2]; }
  int64_t out_size() const { return out[0] * out[1] * out[2]; }
};

// y (planes, out) from x (planes, in). Floating dtypes; float16 and bfloat16 through float32. A NaN
// in a window makes its maximum NaN.
void pool(const Pool& p, DType dtype, const void* x, void* y, int threads);

// y = (sum |x|^power)^(1 / power) over a window, the sum in float32 at least; `p.kind` is kSum.
void pool_norm(const Pool& p, double power, DType dtype, const void* x, void* y, int threads);

// dx (planes, in) from dy (planes, out); x is read for maxima only, whose gradient goes to the
// first place of the maximum.
void pool_backward(const Pool& p, DType dtype, const void* dy, const void* x, void* dx,
                   int threads);

// y (planes, out): `values` (planes, in) at the places where x has its maxima.
void pool_at_maximum(const Pool& p, DType dtype, const void* values, const void* x, void* y,
                     int threads);

// The same with channels last, for `channels` > 0.
namespace channels_last {
void pool(const Pool& p, DType dtype, const void* x, void* y, int threads);
void pool_backward(const Pool& p, DType dtype, const void* dy, const void* x, void* dx,
                   int threads);
void pool_at_maximum(const Pool& p, DType dtype, const void* values, const void* x, void* y,
                     int threads);
}  // namespace channels_last

}  // namespace plait::kernels
