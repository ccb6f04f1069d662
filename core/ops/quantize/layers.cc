#include "kernels/parallel.h"
#include "ops/quantize/scale.h"
#include "ops/sizes.h"

// Layers over whole numbers. Products are summed exactly in int32; the result's range says what one
// of its steps is worth.
namespace plait::ops {
namespace {

using op::KernelArgs;

// Data, weight and maybe bias, then the two ends of each one's range.
struct Layout {
  size_t arrays;  // 2 or 3
  explicit Layout(bool no_bias) : arrays(no_bias ? 2 : 3) {}
  size_t count() const { return 3 * arrays; }
  double scale(const KernelArgs& k, size_t array) const {
    return scale_of(k.in[array].dtype, k.in[arrays + 2 * array], k.in[arrays + 2 * array + 1]);
  }
};

void check_inputs(const Specs& in, const Layout& at) {
  static constexpr const char* kNames[] = {"data", "weight", "bias"};
  check_low(in[0], "data");
  for (size_t i = 1; i < at.arrays; ++i) {
    check(in[i].dtype == DType::kInt8, ErrorKind::kType, kNames[i], " has dtype ", in[i].dtype,
          ", must be int8");
  }
  for (size_t i = at.arrays; i < at.count(); ++i) {
    const std::string name = (i - at.arrays) % 2 ? "max_" : "min_";
    check_range_end(in, i, (name + kNames[(i - at.arrays) / 2]).c_str());
  }
}

// The range of int32 results: a step is worth the product of a step of data and one of weight.
void set_range(const KernelArgs& k, const Layout& at) {
  const auto top = [&](size_t array) {
    return largest(range_end(k.in[at.arrays + 2 * array]),
                   range_end(k.in[at.arrays + 2 * array + 1]));
  };
  const double levels = k.in[0].dtype == DType::kInt8 ? 127.0 : 255.0;
  const double high = top(0) / levels * top(1) / 127.0 * levels_of(DType::kInt32);
  k.out[1].ptr<float>()[0] = static_cast<float>(-high);
  k.out[2].ptr<float>()[0] = static_cast<float>(high);
}

// The bias in steps of the result.
std::vector<int32_t> bias_steps(const KernelArgs& k, const Layout& at, int64_t n) {
  std::vector<int32_t> out(static_cast<size_t>(n), 0);
  if (at.arrays < 3) return out;
  const double step = at.scale(k, 0) * at.scale(k, 1);
  const double factor = step > 0 ? at.scale(k, 2) / step : 0.0;
  for (size_t i = 0; i < out.size(); ++i) {
    out[i] = quantized<int32_t>(k.in[2].ptr<int8_t>()[i] * factor);
  }
  return out;
}

template <class F>
void dispatch_low(DType d, const F& f) {
  d == DType::kInt8 ? f(int8_t{}) : f(uint8_t{});
}

struct DenseAttrs {
  int64_t num_hidden;
  bool no_bias, flatten;
};

int64_t row_length(const DenseAttrs& a, const Dims& data) {
  if (!a.flatten) return data.back();
  int64_t n = 1;
  for (size_t i = 1; i < data.size(); ++i) n *= data[i];
  return n;
}

Specs infer_dense(const DenseAttrs& a, const Specs& in) {
  const Layout at(a.no_bias);
  check_inputs(in, at);
  const Dims& data = in[0].shape;
  check(data.size() >= 2, ErrorKind::kShape, "data has shape ", data, ", must have 2 axes or more");
  check(a.num_hidden > 0, ErrorKind::kInvalidArgument, "num_hidden is ", a.num_hidden,
        ", must be > 0");
  const Dims weight{a.num_hidden, row_length(a, data)};
  check(in[1].shape == weight, ErrorKind::kShape, "weight has shape ", in[1].shape, ", must be ",
        weight, " for data of shape ", data);
  check(a.no_bias || in[2].shape == Dims{a.num_hidden}, ErrorKind::kShape, "bias has shape ",
        in[a.no_bias ? 1 : 2].shape, ", must be ", Dims{a.num_hidden});
  Dims out = data;
  if (a.flatten) out = {data[0], a.num_hidden};
  out.back() = a.num_hidden;
  return {{out, DType::kInt32}, kRangeEnd, kRangeEnd};
}

void dense_kernel(const DenseAttrs& a, const KernelArgs& k) {
  const Layout at(a.no_bias);
  const int64_t length = row_length(a, *k.in[0].shape), m = a.num_hidden;
  const std::vector<int32_t> bias = bias_steps(k, at, m);
  dispatch_low(k.in[0].dtype, [&]<class T>(T) {
    const int64_t grain = 1 + 65536 / (length + 1);
    kernels::parallel_for(k.threads, k.out[0].size(), grain, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const T* x = k.in[0].ptr<T>() + i / m * length;
        const int8_t* w = k.in[1].ptr<int8_t>() + i % m * length;
        int32_t sum = bias[static_cast<size_t>(i % m)];
        for (int64_t j = 0; j < length; ++j) sum += int32_t{x[j]} * int32_t{w[j]};
        k.out[0].ptr<int32_t>()[i] = sum;
      }
    });
  });
  set_range(k, at);
}

PLAIT_OP(quantized_fully_connected, DenseAttrs)
    .doc("A fully connected layer over whole numbers.")
    .variadic_input(
        "data",
        "data (n, ...) int8 or uint8, weight (num_hidden, features) int8, bias "
        "(num_hidden,) int8 unless no_bias; then the ends of the ranges of each of them, "
        "(1,) float32: min_data, max_data, min_weight, max_weight, min_bias, max_bias")
    .output("output", "(n, num_hidden) int32")
    .output("min_output", "(1,) float32, lower end of its range")
    .output("max_output", "(1,) float32, upper end")
    .required_attr("num_hidden", &DenseAttrs::num_hidden, "number of outputs, > 0")
    .attr("no_bias", &DenseAttrs::no_bias, false, "there is no bias")
    .attr("flatten", &DenseAttrs::flatten, true, "join all axes of data but the first")
    .on("nd sym", "_contrib_quantized_fully_connected")
    .on("nd sym", "contrib.quantized_fully_connected")
    .num_inputs([](const DenseAttrs& a) { return static_cast<int>(Layout(a.no_bias).count()); })
    .infer(infer_dense)
    .cpu(dense_kernel)
    .flops([](const DenseAttrs&, const Specs& in) {
      return 2.0 * static_cast<double>(in[0].shape[0]) *
             static_cast<double>(num_elements(in[1].shape));
    });

struct WindowAttrs {
  Dims kernel, stride, pad, dilate;
  int64_t num_filter, num_group, workspace;
  bool no_bias, cudnn_off, global_pool, count_include_pad;
  std::optional<std::string> layout, cudnn_tune;
  std::string pool_type, pooling_convention;
};

// A window that slides over height and width.
struct Window {
  int64_t in[2], out[2], kernel[2], stride[2], pad[2], dilate[2];
};

Window window_of(const WindowAttrs& a, const Dims& data) {
  check(data.size() == 4, ErrorKind::kShape, "data has shape ", data,
        ", must be (batch, channels, height, width)");
  check(a.kernel.size() == 2 || a.global_pool, ErrorKind::kInvalidArgument, "kernel is ", a.kernel,
        ", must have 2 sizes");
  if (!a.global_pool) check_window(a.kernel, a.stride, a.dilate, a.pad);
  Window w;
  for (size_t i = 0; i < 2; ++i) {
    const auto part = [&](const Dims& d, int64_t fallback, const char* name) {
      check(d.empty() || d.size() == 2, ErrorKind::kInvalidArgument, name, " is ", d,
            ", must have 2 sizes");
      return d.empty() || a.global_pool ? fallback : d[i];
    };
    w.in[i] = data[i + 2];
    w.kernel[i] = a.global_pool ? w.in[i] : a.kernel[i];
    w.stride[i] = part(a.stride, 1, "stride");
    w.pad[i] = part(a.pad, 0, "pad");
    w.dilate[i] = part(a.dilate, 1, "dilate");
    check(w.kernel[i] > 0 && w.stride[i] > 0 && w.dilate[i] > 0 && w.pad[i] >= 0,
          ErrorKind::kInvalidArgument, "kernel is ", a.kernel, ", stride is ", a.stride,
          ", dilate is ", a.dilate, ", must be > 0; pad is ", a.pad, ", must be >= 0");
    const int64_t span = w.in[i] + 2 * w.pad[i] - w.dilate[i] * (w.kernel[i] - 1) - 1;
    check(span >= 0, ErrorKind::kShape, "kernel is ", a.kernel, ", must fit into data of shape ",
          data, " padded by ", a.pad);
    const bool full = a.pooling_convention == "full";
    w.out[i] = (span + (full ? w.stride[i] - 1 : 0)) / w.stride[i] + 1;
  }
  return w;
}

// f(place in the plane, place in the kernel) for the pixels under output (y, x).
template <class F>
void each_pixel(const Window& w, int64_t y, int64_t x, const F& f) {
  for (int64_t i = 0; i < w.kernel[0]; ++i) {
    const int64_t row = y * w.stride[0] - w.pad[0] + i * w.dilate[0];
    if (row < 0 || row >= w.in[0]) continue;
    for (int64_t j = 0; j < w.kernel[1]; ++j) {
      const int64_t column = x * w.stride[1] - w.pad[1] + j * w.dilate[1];
      if (column < 0 || column >= w.in[1]) continue;
      f(row * w.in[1] + column, i * w.kernel[1] + j);
    }
  }
}

Specs infer_convolution(const WindowAttrs& a, const Specs& in) {
  check_inputs(in, Layout(a.no_bias));
  const Dims& data = in[0].shape;
  const Window w = window_of(a, data);
  check(a.num_filter > 0 && a.num_group > 0 && data[1] % a.num_group == 0 &&
            a.num_filter % a.num_group == 0,
        ErrorKind::kInvalidArgument, "num_group is ", a.num_group, ", must divide ", data[1],
        " channels and num_filter, ", a.num_filter);
  const Dims weight{a.num_filter, data[1] / a.num_group, w.kernel[0], w.kernel[1]};
  check(in[1].shape == weight, ErrorKind::kShape, "weight has shape ", in[1].shape, ", must be ",
        weight, " for data of shape ", data);
  check(a.no_bias || in[2].shape == Dims{a.num_filter}, ErrorKind::kShape, "bias has shape ",
        in[a.no_bias ? 1 : 2].shape, ", must be ", Dims{a.num_filter});
  return {{{data[0], a.num_filter, w.out[0], w.out[1]}, DType::kInt32}, kRangeEnd, kRangeEnd};
}

void convolution_kernel(const WindowAttrs& a, const KernelArgs& k) {
  const Layout at(a.no_bias);
  const Window w = window_of(a, *k.in[0].shape);
  const std::vector<int32_t> bias = bias_steps(k, at, a.num_filter);
  const int64_t channels = k.in[1].dim(1), plane = w.in[0] * w.in[1];
  const int64_t taps = w.kernel[0] * w.kernel[1], per_group = a.num_filter / a.num_group;
  dispatch_low(k.in[0].dtype, [&]<class T>(T) {
    kernels::parallel_for(k.threads, k.in[0].dim(0) * a.num_filter, 1, [&](int64_t b, int64_t e) {
      for (int64_t task = b; task < e; ++task) {
        const int64_t n = task / a.num_filter, filter = task % a.num_filter;
        const T* data =
            k.in[0].ptr<T>() + (n * k.in[0].dim(1) + filter / per_group * channels) * plane;
        const int8_t* weight = k.in[1].ptr<int8_t>() + filter * channels * taps;
        int32_t* out = k.out[0].ptr<int32_t>() + task * w.out[0] * w.out[1];
        for (int64_t i = 0; i < w.out[0] * w.out[1]; ++i) {
          int32_t sum = bias[static_cast<size_t>(filter)];
          each_pixel(w, i / w.out[1], i % w.out[1], [&](int64_t pixel, int64_t tap) {
            for (int64_t c = 0; c < channels; ++c) {
              sum += int32_t{data[c * plane + pixel]} * int32_t{weight[c * taps + tap]};
            }
          });
          out[i] = sum;
        }
      }
    });
  });
  set_range(k, at);
}

PLAIT_OP(quantized_conv, WindowAttrs)
    .doc("A convolution over whole numbers.")
    .variadic_input("data",
                    "data (batch, channels, height, width) int8 or uint8, weight (num_filter, "
                    "channels / num_group, ...) int8, bias (num_filter,) int8 unless no_bias; then "
                    "the ends of the ranges of each of them, (1,) float32")
    .output("output", "(batch, num_filter, height, width) int32")
    .output("min_output", "(1,) float32, lower end of its range")
    .output("max_output", "(1,) float32, upper end")
    .required_attr("kernel", &WindowAttrs::kernel, "height and width of the window")
    .attr("stride", &WindowAttrs::stride, Dims{}, "steps of the window; default ones")
    .attr("dilate", &WindowAttrs::dilate, Dims{}, "distance of its pixels; default ones")
    .attr("pad", &WindowAttrs::pad, Dims{}, "zeros at both ends; default none")
    .required_attr("num_filter", &WindowAttrs::num_filter, "number of filters, > 0")
    .attr("num_group", &WindowAttrs::num_group, 1, "channels and filters are divided into groups")
    .attr("workspace", &WindowAttrs::workspace, 1024, "kept for MXNet's files; without effect")
    .attr("no_bias", &WindowAttrs::no_bias, false, "there is no bias")
    .attr("cudnn_tune", &WindowAttrs::cudnn_tune, std::nullopt, "kept for MXNet's files")
    .attr("cudnn_off", &WindowAttrs::cudnn_off, false, "kept for MXNet's files")
    .attr("layout", &WindowAttrs::layout, std::nullopt, "NCHW")
    .on("nd sym", "_contrib_quantized_conv")
    .on("nd sym", "contrib.quantized_conv")
    .num_inputs([](const WindowAttrs& a) { return static_cast<int>(Layout(a.no_bias).count()); })
    .infer(infer_convolution)
    .cpu(convolution_kernel)
    .flops([](const WindowAttrs& a, const Specs& in) {
      const Window w = window_of(a, in[0].shape);
      return 4.0 * static_cast<double>(in[0].shape[0] * w.out[0] * w.out[1]) *
             static_cast<double>(num_elements(in[1].shape));
    });

template <class T>
void pool_plane(const WindowAttrs& a, const Window& w, const T* x, T* y) {
  for (int64_t i = 0; i < w.out[0] * w.out[1]; ++i) {
    int32_t sum = 0, count = 0, top = std::numeric_limits<T>::min();
    each_pixel(w, i / w.out[1], i % w.out[1], [&](int64_t pixel, int64_t) {
      sum += x[pixel];
      top = std::max<int32_t>(top, x[pixel]);
      ++count;
    });
    if (a.count_include_pad) count = static_cast<int32_t>(w.kernel[0] * w.kernel[1]);
    y[i] = a.pool_type == "max" ? static_cast<T>(top)
                                : quantized<T>(static_cast<double>(sum) / std::max(count, 1));
  }
}

PLAIT_OP(quantized_pooling, WindowAttrs)
    .doc("Maximum or mean of a window over whole numbers; the range stays.")
    .input("data", "(batch, channels, height, width) int8 or uint8")
    .input("min_data", "(1,) float32, lower end of its range")
    .input("max_data", "(1,) float32, upper end")
    .output("output", "(batch, channels, height, width), dtype of data")
    .output("min_output", "(1,) float32")
    .output("max_output", "(1,) float32")
    .attr("kernel", &WindowAttrs::kernel, Dims{}, "height and width; not needed with global_pool")
    .attr("pool_type", &WindowAttrs::pool_type, "max", "what is computed of a window")
    .choices({"max", "avg"})
    .attr("global_pool", &WindowAttrs::global_pool, false, "one window over everything")
    .attr("cudnn_off", &WindowAttrs::cudnn_off, false, "kept for MXNet's files")
    .attr("pooling_convention", &WindowAttrs::pooling_convention, "valid",
          "valid: only whole windows; full: the last may stick out")
    .choices({"valid", "full"})
    .attr("stride", &WindowAttrs::stride, Dims{}, "steps of the window; default ones")
    .attr("pad", &WindowAttrs::pad, Dims{}, "pixels at both ends; default none")
    .attr("count_include_pad", &WindowAttrs::count_include_pad, true,
          "the mean counts padding as zeros")
    .on("nd sym", "_contrib_quantized_pooling")
    .on("nd sym", "contrib.quantized_pooling")
    .infer([](const WindowAttrs& a, const Specs& in) -> Specs {
      check_low(in[0], "data");
      check_range_end(in, 1, "min_data");
      check_range_end(in, 2, "max_data");
      const Window w = window_of(a, in[0].shape);
      const Dims& d = in[0].shape;
      return {{{d[0], d[1], w.out[0], w.out[1]}, in[0].dtype}, kRangeEnd, kRangeEnd};
    })
    .cpu([](const WindowAttrs& a, const KernelArgs& k) {
      const Window w = window_of(a, *k.in[0].shape);
      dispatch_low(k.in[0].dtype, [&]<class T>(T) {
        const int64_t planes = k.in[0].dim(0) * k.in[0].dim(1);
        kernels::parallel_for(k.threads, planes, 4, [&](int64_t begin, int64_t end) {
          for (int64_t p = begin; p < end; ++p) {
            pool_plane(a, w, k.in[0].ptr<T>() + p * w.in[0] * w.in[1],
                       k.out[0].ptr<T>() + p * w.out[0] * w.out[1]);
          }
        });
      });
      for (size_t i = 1; i < 3; ++i) k.out[i].ptr<float>()[0] = k.in[i].ptr<float>()[0];
    });

}  // namespace
}  // namespace plait::ops
