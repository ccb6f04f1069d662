#include "kernels/convolution.h"

#include <algorithm>
#include <type_traits>

#include "base/error.h"
#include "kernels/cast.h"
#include "kernels/cuda/gemm.h"
#include "kernels/cuda/launch.h"
#include "kernels/cuda/runtime.h"

// Convolutions as products of matrices. The windows of some images are written out as columns
// (image, channel, place in the kernel, place in the output), then each group of channels is one
// product for each image (Chellapilla, Puri, Simard, 2006).
namespace plait::kernels {
namespace {

constexpr int64_t kColumnBytes = int64_t{64} << 20;  // of the columns that are kept at a time

// Sizes of one group.
struct Sizes {
  int64_t rows, inner, out;  // filters, numbers of a window, places in the output
  explicit Sizes(const Conv& c)
      : rows(c.out_channels / c.groups),
        inner(c.in_channels / c.groups * c.kernel_size()),
        out(c.out_size()) {}
};

// Images whose columns fit.
template <class T>
int64_t images_at_once(const Conv& c) {
  const int64_t bytes = c.in_channels * c.kernel_size() * c.out_size() * int64_t{sizeof(T)};
  return std::clamp<int64_t>(kColumnBytes / std::max<int64_t>(bytes, 1), 1, c.batch);
}

template <class T>
struct Unfold {
  Conv c;
  const T* x;
  T* columns;
  int64_t out, places;

  Unfold(const Conv& conv, const T* from, T* to)
      : c(conv), x(from), columns(to), out(conv.out_size()), places(conv.kernel_size()) {}

  PLAIT_FN void operator()(int64_t i) const {
    const int64_t o = i % out, row = i / out, place = row % places, plane = row / places;
    const int64_t at_out[3] = {o / (c.out[1] * c.out[2]), o / c.out[2] % c.out[1], o % c.out[2]};
    const int64_t at_kernel[3] = {place / (c.kernel[1] * c.kernel[2]),
                                  place / c.kernel[2] % c.kernel[1], place % c.kernel[2]};
    int64_t at = plane;
    for (int a = 0; a < 3; ++a) {
      const int64_t p = at_out[a] * c.stride[a] - c.pad[a] + at_kernel[a] * c.dilate[a];
      if (p < 0 || p >= c.in[a]) {
        columns[i] = T(0);
        return;
      }
      at = at * c.in[a] + p;
    }
    columns[i] = x[at];
  }
};

// The reverse: each element gathers what came from it, in a fixed order.
template <class T>
struct Fold {
  Conv c;
  const T* columns;
  T* x;

  PLAIT_FN void operator()(int64_t i) const {
    const int64_t size = c.in[0] * c.in[1] * c.in[2], plane = i / size, e = i % size;
    const int64_t at[3] = {e / (c.in[1] * c.in[2]), e / c.in[2] % c.in[1], e % c.in[2]};
    const int64_t places = c.kernel[0] * c.kernel[1] * c.kernel[2];
    const int64_t out = c.out[0] * c.out[1] * c.out[2];
    T sum = 0;
    for (int64_t place = 0; place < places; ++place) {
      const int64_t at_kernel[3] = {place / (c.kernel[1] * c.kernel[2]),
                                    place / c.kernel[2] % c.kernel[1], place % c.kernel[2]};
      int64_t o = 0;
      bool inside = true;
      for (int a = 0; a < 3; ++a) {
        const int64_t shifted = at[a] + c.pad[a] - at_kernel[a] * c.dilate[a];
        inside = inside && shifted >= 0 && shifted % c.stride[a] == 0 &&
                 shifted / c.stride[a] < c.out[a];
        o = o * c.out[a] + shifted / c.stride[a];
      }
      if (inside) sum += columns[(plane * places + place) * out + o];
    }
    x[i] = sum;
  }
};

template <class T>
struct AddToChannels {
  int64_t size, channels;
  const T* bias;
  T* y;
  PLAIT_FN void operator()(int64_t i) const { y[i] += bias[i / size % channels]; }
};

template <class T>
void unfold(const Conv& c, int64_t images, const T* x, T* columns) {
  const int64_t n = images * c.in_channels * c.kernel_size() * c.out_size();
  cuda::for_each(n, Unfold<T>(c, x, columns));
}

template <class T>
void forward(const Conv& c, const T* x, const T* w, const T* bias, T* y) {
  const Sizes s(c);
  const int64_t at_once = images_at_once<T>(c), image = c.groups * s.inner * s.out;
  const cuda::Scratch<T> columns(at_once * image);
  for (int64_t b = 0; b < c.batch; b += at_once) {
    const int64_t n = std::min(at_once, c.batch - b);
    unfold(c, n, x + b * c.in_channels * c.in_size(), columns.data());
    for (int64_t g = 0; g < c.groups; ++g) {
      cuda::multiply_rows(cuda::Strided<T>{{false, false, n, s.rows, s.out, s.inner},
                                           w + g * s.rows * s.inner,
                                           0,
                                           columns.data() + g * s.inner * s.out,
                                           image,
                                           y + (b * c.groups + g) * s.rows * s.out,
                                           c.groups * s.rows * s.out});
    }
  }
  if (!bias) return;
  cuda::for_each(c.batch * c.out_channels * s.out,
                 AddToChannels<T>{s.out, c.out_channels, bias, y});
}

template <class T>
void backward_data(const Conv& c, const T* dy, const T* w, T* dx) {
  const Sizes s(c);
  const int64_t at_once = images_at_once<T>(c), image = c.groups * s.inner * s.out;
  const cuda::Scratch<T> columns(at_once * image);
  for (int64_t b = 0; b < c.batch; b += at_once) {
    const int64_t n = std::min(at_once, c.batch - b);
    for (int64_t g = 0; g < c.groups; ++g) {
      cuda::multiply_rows(cuda::Strided<T>{{true, false, n, s.inner, s.out, s.rows},
                                           w + g * s.rows * s.inner,
                                           0,
                                           dy + (b * c.groups + g) * s.rows * s.out,
                                           c.groups * s.rows * s.out,
                                           columns.data() + g * s.inner * s.out,
                                           image});
    }
    cuda::for_each(n * c.in_channels * c.in_size(),
                   Fold<T>{c, columns.data(), dx + b * c.in_channels * c.in_size()});
  }
}

template <class T>
void backward_weight(const Conv& c, const T* x, const T* dy, T* dw) {
  const Sizes s(c);
  const int64_t at_once = images_at_once<T>(c), image = c.groups * s.inner * s.out;
  const cuda::Scratch<T> columns(at_once * image);
  cuda::zero_bytes(dw, c.groups * s.rows * s.inner * int64_t{sizeof(T)});
  for (int64_t b = 0; b < c.batch; b += at_once) {
    const int64_t n = std::min(at_once, c.batch - b);
    unfold(c, n, x + b * c.in_channels * c.in_size(), columns.data());
    for (int64_t i = 0; i < n * c.groups; ++i) {  // one after another into the same sums
      const int64_t g = i % c.groups;
      cuda::multiply_rows(cuda::Strided<T>{{false, true, 1, s.rows, s.inner, s.out},
                                           dy + (b * c.groups + i) * s.rows * s.out,
                                           0,
                                           columns.data() + i * s.inner * s.out,
                                           0,
                                           dw + g * s.rows * s.inner,
                                           0,
                                           true});
    }
  }
}

template <class To, class From>
struct Convert {
  const From* from;
  To* to;
  PLAIT_FN void operator()(int64_t i) const { to[i] = cast<To>(from[i]); }
};

// An operand of 16 bits as float32.
template <class T>
class Wide {
 public:
  Wide(const void* data, int64_t n) : data_(static_cast<T*>(const_cast<void*>(data))), copy_(n) {}
  float* load(int64_t n) {
    cuda::for_each(n, Convert<float, T>{data_, copy_.data()});
    return copy_.data();
  }
  float* space() { return copy_.data(); }
  void store(int64_t n) { cuda::for_each(n, Convert<T, float>{copy_.data(), data_}); }

 private:
  T* data_;
  cuda::Scratch<float> copy_;
};

int64_t data_size(const Conv& c) { return c.batch * c.in_channels * c.in_size(); }
int64_t result_size(const Conv& c) { return c.batch * c.out_channels * c.out_size(); }
int64_t weight_size(const Conv& c) {
  return c.out_channels * (c.in_channels / c.groups) * c.kernel_size();
}

// run(a, b, extra or null, result): operands of the types that have arithmetic.
template <class Run>
void with_operands(DType dtype, const void* a, int64_t size_a, const void* b, int64_t size_b,
                   const void* extra, int64_t size_extra, void* out, int64_t size_out,
                   const Run& run) {
  dispatch_floating(dtype, [&]<class T>(T) {
    if constexpr (std::is_same_v<T, float> || std::is_same_v<T, double>) {
      run(static_cast<const T*>(a), static_cast<const T*>(b), static_cast<const T*>(extra),
          static_cast<T*>(out));
    } else {
      Wide<T> x(a, size_a), y(b, size_b), z(extra, extra ? size_extra : 0), result(out, size_out);
      const float* third = extra ? z.load(size_extra) : nullptr;
      run(static_cast<const float*>(x.load(size_a)), static_cast<const float*>(y.load(size_b)),
          third, result.space());
      result.store(size_out);
    }
  });
}

}  // namespace

void conv(const Conv& c, DType dtype, const void* x, const void* w, const void* bias, void* y, int,
          const Finish& finish) {
  check(!finish.epilogue && !c.channels_last, ErrorKind::kNotImplemented,
        "a fused convolution has no CUDA kernel");
  with_operands(
      dtype, x, data_size(c), w, weight_size(c), bias, c.out_channels, y, result_size(c),
      [&]<class T>(const T* p, const T* q, const T* r, T* out) { forward<T>(c, p, q, r, out); });
}

void conv_backward_data(const Conv& c, DType dtype, const void* dy, const void* w, void* dx, int) {
  with_operands(
      dtype, dy, result_size(c), w, weight_size(c), nullptr, 0, dx, data_size(c),
      [&]<class T>(const T* p, const T* q, const T*, T* out) { backward_data<T>(c, p, q, out); });
}

void conv_backward_weight(const Conv& c, DType dtype, const void* x, const void* dy, void* dw,
                          int) {
  with_operands(
      dtype, x, data_size(c), dy, result_size(c), nullptr, 0, dw, weight_size(c),
      [&]<class T>(const T* p, const T* q, const T*, T* out) { backward_weight<T>(c, p, q, out); });
}

}  // namespace plait::kernels
