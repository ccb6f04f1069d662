#include "kernels/parallel.h"
#include "kernels/simd.h"
#include "ops/quantize/scale.h"

// Maxima of windows over whole numbers with channels last.
namespace plait::ops {
namespace {

using op::KernelArgs;

struct MaxPoolAttrs {
  Dims kernel, stride, pad;
  bool full;
};

struct Range {
  int64_t begin, end;
};

struct Axis {
  int64_t in, out, kernel, stride, pad;
  Range window(int64_t o) const {
    const int64_t first = o * stride - pad;
    return {std::max<int64_t>(first, 0), std::min(first + kernel, in)};
  }
};

Axis axis_of(const MaxPoolAttrs& a, const Dims& data, size_t i) {
  Axis w{data[i + 1], 0, a.kernel[i], a.stride.empty() ? 1 : a.stride[i],
         a.pad.empty() ? 0 : a.pad[i]};
  check(w.kernel > 0 && w.stride > 0 && w.pad >= 0 && w.pad < w.kernel, ErrorKind::kInvalidArgument,
        "kernel is ", a.kernel, ", stride is ", a.stride, ", must be > 0; pad is ", a.pad,
        ", must be >= 0 and less than kernel");
  const int64_t span = w.in + 2 * w.pad - w.kernel;
  check(span >= 0, ErrorKind::kShape, "kernel is ", a.kernel, ", must fit into data of shape ",
        data, " padded by ", a.pad);
  w.out = (span + (a.full ? w.stride - 1 : 0)) / w.stride + 1;
  // The last window starts inside.
  if (a.full && (w.out - 1) * w.stride >= w.in + w.pad) --w.out;
  return w;
}

Spec infer(const MaxPoolAttrs& a, const Specs& in) {
  const Dims& d = in[0].shape;
  check_low(in[0], "data");
  check(d.size() == 4, ErrorKind::kShape, "data has shape ", d,
        ", must be (batch, height, width, channels)");
  for (const Dims* sizes : {&a.kernel, &a.stride, &a.pad}) {
    check(sizes->size() == 2 || (sizes != &a.kernel && sizes->empty()), ErrorKind::kInvalidArgument,
          "kernel, stride, pad are ", a.kernel, ", ", a.stride, ", ", a.pad, ", must have 2 sizes");
  }
  return {{d[0], axis_of(a, d, 0).out, axis_of(a, d, 1).out, d[3]}, in[0].dtype};
}

// Of the places in `rows` and `columns` from x, for `n` channels in blocks that stay in a register.
template <class T>
inline void maxima(const T* x, Range rows, Range columns, int64_t width, int64_t n, T* y) {
  constexpr int64_t kBlock = 64;
  for (int64_t first = 0; first < n; first += kBlock) {
    const int64_t count = std::min(kBlock, n - first);
    T most[kBlock];
    std::fill_n(most, kBlock, std::numeric_limits<T>::min());
    for (int64_t i = rows.begin; i < rows.end; ++i) {
      for (int64_t j = columns.begin; j < columns.end; ++j) {
        const T* from = x + (i * width + j) * n + first;
        if (count == kBlock) {
          for (int64_t c = 0; c < kBlock; ++c) most[c] = most[c] > from[c] ? most[c] : from[c];
        } else {
          for (int64_t c = 0; c < count; ++c) most[c] = most[c] > from[c] ? most[c] : from[c];
        }
      }
    }
    std::copy_n(most, count, y + first);
  }
}

template <class T>
void run(const MaxPoolAttrs& a, const KernelArgs& k) {
  const Dims& d = *k.in[0].shape;
  const Axis rows = axis_of(a, d, 0), columns = axis_of(a, d, 1);
  const int64_t channels = d[3];
  kernels::parallel_for(k.threads, d[0] * rows.out, 1, [&](int64_t begin, int64_t end) {
    kernels::vector_call([&] {
      for (int64_t line = begin; line < end; ++line) {
        const T* x = k.in[0].ptr<T>() + line / rows.out * rows.in * columns.in * channels;
        for (int64_t p = 0; p < columns.out; ++p) {
          maxima(x, rows.window(line % rows.out), columns.window(p), columns.in, channels,
                 k.out[0].ptr<T>() + (line * columns.out + p) * channels);
        }
      }
    });
  });
}

PLAIT_OP(int8_max_pooling, MaxPoolAttrs)
    .doc("Largest whole numbers of windows, with channels last.")
    .input("data", "(batch, height, width, channels), int8 or uint8")
    .output("output", "(batch, height, width, channels), dtype of data")
    .required_attr("kernel", &MaxPoolAttrs::kernel, "height and width of the window")
    .attr("stride", &MaxPoolAttrs::stride, Dims{}, "steps of the window; default ones")
    .attr("pad", &MaxPoolAttrs::pad, Dims{}, "pixels at both ends that count for nothing")
    .attr("full", &MaxPoolAttrs::full, false, "the last window may stick out")
    .on("nd sym", "contrib.int8_max_pooling")
    .infer(infer)
    .cpu([](const MaxPoolAttrs& a, const KernelArgs& k) {
      k.in[0].dtype == DType::kInt8 ? run<int8_t>(a, k) : run<uint8_t>(a, k);
    });

}  // namespace
}  // namespace plait::ops
