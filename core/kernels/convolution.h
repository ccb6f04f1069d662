#pragma once

#include <array>
#include <cstdint>

#include "base/dtype.h"
#include "kernels/epilogue.h"

namespace plait::kernels {

// A convolution over one to three spatial axes; missing ones come first and have size 1.
struct Conv {
  using Axes = std::array<int64_t, 3>;

  int axes = 2;
  int64_t batch = 0, in_channels = 0, out_channels = 0, groups = 1;
  Axes in{1, 1, 1}, out{1, 1, 1}, kernel{1, 1, 1};
  Axes stride{1, 1, 1}, dilate{1, 1, 1}, pad{0, 0, 0};
  bool channels_last = false;  // x: (batch, in, in_channels) and y: (batch, out, out_channels)
  bool packed = false;         // w as conv_pack left it; forward only, with channels last

  int64_t in_size() const { return in[0] * in[1] * in[2]; }
  int64_t out_size() const { return out[0] * out[1] * out[2]; }
  int64_t kernel_size() const { return kernel[0] * kernel[1] * kernel[2]; }
};

// x: (batch, in_channels, in), w: (out_channels, in_channels / groups, kernel), bias:
// (out_channels) or null, y: (batch, out_channels, out); contiguous, floating. float16, and
// bfloat16 where the processor cannot multiply it, are computed in float32. With channels last only
// float32. Only float32 results may be finished by an epilogue.
void conv(const Conv& c, DType dtype, const void* x, const void* w, const void* bias, void* y,
          int threads, const Finish& finish = {});
// Gradients of a sum of y weighted with dy.
void conv_backward_data(const Conv& c, DType dtype, const void* dy, const void* w, void* dx,
                        int threads);
void conv_backward_weight(const Conv& c, DType dtype, const void* x, const void* dy, void* dw,
                          int threads);

// Weights in the layout that the forward kernel reads: conv_packed_size(c) numbers of float32.
int64_t conv_packed_size(const Conv& c);
void conv_pack(const Conv& c, const void* w, void* to, int threads);

// True if float32 data of this convolution are better kept with channels last.
bool prefers_channels_last(const Conv& c);

// The ways to compute them; see the files.
namespace onednn {
bool has(DType dtype);  // float32, and bfloat16 where the processor multiplies it
void conv(const Conv& c, DType dtype, const void* x, const void* w, const void* bias, void* y,
          int threads, const Finish& finish);
void conv_backward_data(const Conv& c, DType dtype, const void* dy, const void* w, void* dx,
                        int threads);
void conv_backward_weight(const Conv& c, DType dtype, const void* x, const void* dy, void* dw,
                          int threads);
int64_t packed_size(const Conv& c);
void pack(const Conv& c, const void* w, void* to, int threads);
}  // namespace onednn

// Vectors run over the samples of the batch, so no lane is lost to numbers of channels that do not
// fill vectors. Only without groups; the gradient of data only for stride 1 and pad < span of the
// kernel. Only results of float may be finished.
namespace across_batch {
bool can(const Conv& c);
bool can_backward_data(const Conv& c);
template <class T>
void conv(const Conv& c, const T* x, const T* w, const T* bias, T* y, int threads,
          const Finish& finish = {});
template <class T>
void conv_backward_data(const Conv& c, const T* dy, const T* w, T* dx, int threads);
template <class T>
void conv_backward_weight(const Conv& c, const T* x, const T* dy, T* dw, int threads);
}  // namespace across_batch

// Products of matrices with the windows as rows, for data with channels last and without groups.
// The weights stay as they are, which pays where there are few windows: oneDNN's convolutions are
// faster, but a change of layout of the weights costs as much as the products.
namespace by_gemm {
bool pays(const Conv& c);
void conv(const Conv& c, const float* x, const float* w, const float* bias, float* y, int threads,
          const Finish& finish);
void conv_backward_weight(const Conv& c, const float* x, const float* dy, float* dw, int threads);
}  // namespace by_gemm

// Fewer products, by Winograd's method, for data with channels last.
namespace winograd {
bool pays(const Conv& c);           // with weights that are packed once
bool pays_unpacked(const Conv& c);  // with others
Conv backward_of(const Conv& c);    // the convolution of dy that gives dx
int64_t packed_size(const Conv& c);
void pack(const Conv& c, const float* w, float* to, int threads);
void conv(const Conv& c, const float* x, const float* packed, const float* bias, float* y,
          int threads, const Finish& finish);
void conv_unpacked(const Conv& c, const float* x, const float* w, const float* bias, float* y,
                   int threads, const Finish& finish);
void conv_backward_data(const Conv& c, const float* dy, const float* w, float* dx, int threads);
}  // namespace winograd

// A filter for each channel, for data with channels last.
namespace depthwise {
bool can(const Conv& c);
int64_t packed_size(const Conv& c);
void pack(const Conv& c, const float* w, float* to, int threads);
void conv(const Conv& c, const float* x, const float* w, const float* bias, float* y, int threads,
          const Finish& finish);
}  // namespace depthwise

// Few channels in the result and few samples, for data with channels last.
namespace narrow {
bool pays(const Conv& c);
int64_t packed_size(const Conv& c);
void pack(const Conv& c, const float* w, float* to);
void conv(const Conv& c, const float* x, const float* w, const float* bias, float* y, int threads,
          const Finish& finish);
}  // namespace narrow

namespace plain {
void conv(const Conv& c, const double* x, const double* w, const double* bias, double* y,
          int threads);
void conv_backward_data(const Conv& c, const double* dy, const double* w, double* dx, int threads);
void conv_backward_weight(const Conv& c, const double* x, const double* dy, double* dw,
                          int threads);
}  // namespace plain

}  // namespace plait::kernels
