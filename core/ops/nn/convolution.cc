#include <array>

#include "kernels/dnnl.h"
#include "kernels/parallel.h"
#include "op/op.h"

namespace plait::op {
namespace {

struct ConvolutionAttrs {
  Dims kernel, stride, dilate, pad;
  int64_t num_filter, num_group;
  bool no_bias;
  std::optional<std::string> layout;
  Dims shape;  // of the result, for the backward operators only
};

Dims or_all(const Dims& given, size_t n, int64_t value) {
  return given.empty() ? Dims(n, value) : given;
}

// Everything about one convolution; spatial axes 1 to 3.
struct Geometry {
  int64_t batch = 0, in_channels = 0, out_channels = 0, groups = 1;
  Dims in, out, kernel, stride, dilate, pad;

  Geometry(const ConvolutionAttrs& a, const Dims& data) {
    const size_t n = a.kernel.size();
    check(n >= 1 && n <= 3, ErrorKind::kInvalidArgument, "kernel is ", a.kernel,
          ", must have 1 to 3 sizes");
    check(data.size() == n + 2, ErrorKind::kShape, "data has shape ", data, ", must have ", n + 2,
          " axes for kernel ", a.kernel);
    check(a.num_filter > 0, ErrorKind::kInvalidArgument, "num_filter is ", a.num_filter,
          ", must be > 0");
    kernel = a.kernel;
    stride = or_all(a.stride, n, 1);
    dilate = or_all(a.dilate, n, 1);
    pad = or_all(a.pad, n, 0);
    check(stride.size() == n && dilate.size() == n && pad.size() == n, ErrorKind::kInvalidArgument,
          "stride is ", stride, ", dilate is ", dilate, ", pad is ", pad, ", must have ", n,
          " sizes each");
    batch = data[0];
    in_channels = data[1];
    out_channels = a.num_filter;
    groups = a.num_group;
    check(groups > 0 && in_channels % groups == 0 && out_channels % groups == 0,
          ErrorKind::kInvalidArgument, "num_group is ", groups, ", must divide ", in_channels,
          " channels and ", out_channels, " filters");
    for (size_t i = 0; i < n; ++i) {
      check(kernel[i] > 0 && stride[i] > 0 && dilate[i] > 0 && pad[i] >= 0,
            ErrorKind::kInvalidArgument, "kernel, stride, dilate are ", kernel, ", ", stride, ", ",
            dilate, ", must be > 0; pad is ", pad, ", must be >= 0");
      in.push_back(data[i + 2]);
      const int64_t span = in[i] + 2 * pad[i] - (dilate[i] * (kernel[i] - 1) + 1);
      check(span >= 0, ErrorKind::kShape, "kernel is ", kernel, ", must fit into data of shape ",
            data, " padded by ", pad);
      out.push_back(span / stride[i] + 1);
    }
  }
  Dims out_shape() const {
    Dims s{batch, out_channels};
    s.append(out.begin(), out.end());
    return s;
  }
  Dims weight_shape() const {
    Dims s{out_channels, in_channels / groups};
    s.append(kernel.begin(), kernel.end());
    return s;
  }
};

// --- float32: oneDNN ---------------------------------------------------------------------------

using dnnl::memory;

struct Descs {
  memory::desc src, weights, bias, dst;        // plain
  memory::desc any_src, any_weights, any_dst;  // layout left to oneDNN
  memory::dims stride, dilate, pad;
};

Descs describe(const Geometry& g, bool bias) {
  constexpr std::array<memory::format_tag, 3> kData{
      memory::format_tag::ncw, memory::format_tag::nchw, memory::format_tag::ncdhw};
  constexpr std::array<memory::format_tag, 3> kWeights{
      memory::format_tag::oiw, memory::format_tag::oihw, memory::format_tag::oidhw};
  constexpr std::array<memory::format_tag, 3> kGrouped{
      memory::format_tag::goiw, memory::format_tag::goihw, memory::format_tag::goidhw};
  const auto f32 = memory::data_type::f32;
  const auto any = memory::format_tag::any;
  const size_t n = g.kernel.size() - 1;
  memory::dims src{g.batch, g.in_channels}, dst{g.batch, g.out_channels}, weights;
  if (g.groups > 1)
    weights = {g.groups, g.out_channels / g.groups, g.in_channels / g.groups};
  else
    weights = {g.out_channels, g.in_channels};
  Descs d;
  for (size_t i = 0; i <= n; ++i) {
    src.push_back(g.in[i]);
    dst.push_back(g.out[i]);
    weights.push_back(g.kernel[i]);
    d.stride.push_back(g.stride[i]);
    d.dilate.push_back(g.dilate[i] - 1);
    d.pad.push_back(g.pad[i]);
  }
  d.src = memory::desc(src, f32, kData[n]);
  d.dst = memory::desc(dst, f32, kData[n]);
  d.weights = memory::desc(weights, f32, g.groups > 1 ? kGrouped[n] : kWeights[n]);
  d.any_src = memory::desc(src, f32, any);
  d.any_dst = memory::desc(dst, f32, any);
  d.any_weights = memory::desc(weights, f32, any);
  if (bias) d.bias = memory::desc({g.out_channels}, f32, memory::format_tag::a);
  return d;
}

std::string key_of(char kind, const Geometry& g, bool bias, int threads) {
  kernels::onednn::Key key(kind);
  key.add(g.batch).add(g.in_channels).add(g.out_channels).add(g.groups).add(bias).add(threads);
  return key.add(g.in).add(g.kernel).add(g.stride).add(g.dilate).add(g.pad).text();
}

dnnl::primitive_attr user_scratchpad() {
  dnnl::primitive_attr attr;
  attr.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  return attr;
}

dnnl::convolution_forward::primitive_desc forward_desc(const Descs& d, bool bias) {
  const auto kind = dnnl::prop_kind::forward_training;
  const auto algorithm = dnnl::algorithm::convolution_direct;
  auto& cpu = kernels::onednn::cpu();
  if (bias) {
    return {cpu,       kind,     algorithm, d.any_src, d.any_weights, d.bias,
            d.any_dst, d.stride, d.dilate,  d.pad,     d.pad,         user_scratchpad()};
  }
  return {cpu,      kind,     algorithm, d.any_src, d.any_weights,    d.any_dst,
          d.stride, d.dilate, d.pad,     d.pad,     user_scratchpad()};
}

void forward_f32(const Geometry& g, const View& x, const View& w, const View* b, const View& y,
                 int threads) {
  kernels::onednn::ThreadScope scope(threads);
  const auto& conv = kernels::onednn::prepared(key_of('c', g, b, threads), [&] {
    const Descs d = describe(g, b);
    const auto pd = forward_desc(d, b);
    kernels::onednn::Prepared p(pd, dnnl::convolution_forward(pd));
    p.add(DNNL_ARG_SRC, d.src, pd.src_desc(), false);
    p.add(DNNL_ARG_WEIGHTS, d.weights, pd.weights_desc(), false);
    p.add(DNNL_ARG_DST, d.dst, pd.dst_desc(), true);
    if (b) p.add(DNNL_ARG_BIAS, d.bias, d.bias, false);
    return p;
  });
  if (b) {
    conv.run({x.data, w.data, y.data, b->data});
  } else {
    conv.run({x.data, w.data, y.data});
  }
}

void backward_data_f32(const Geometry& g, const View& dy, const View& w, const View& dx,
                       int threads) {
  kernels::onednn::ThreadScope scope(threads);
  kernels::onednn::prepared(key_of('d', g, false, threads), [&] {
    const Descs d = describe(g, false);
    const dnnl::convolution_backward_data::primitive_desc pd(
        kernels::onednn::cpu(), dnnl::algorithm::convolution_direct, d.any_src, d.any_weights,
        d.any_dst, d.stride, d.dilate, d.pad, d.pad, forward_desc(d, false), user_scratchpad());
    kernels::onednn::Prepared p(pd, dnnl::convolution_backward_data(pd));
    p.add(DNNL_ARG_DIFF_DST, d.dst, pd.diff_dst_desc(), false);
    p.add(DNNL_ARG_WEIGHTS, d.weights, pd.weights_desc(), false);
    p.add(DNNL_ARG_DIFF_SRC, d.src, pd.diff_src_desc(), true);
    return p;
  }).run({dy.data, w.data, dx.data});
}

void backward_weight_f32(const Geometry& g, const View& x, const View& dy, const View& dw,
                         int threads) {
  kernels::onednn::ThreadScope scope(threads);
  kernels::onednn::prepared(key_of('w', g, false, threads), [&] {
    const Descs d = describe(g, false);
    const dnnl::convolution_backward_weights::primitive_desc pd(
        kernels::onednn::cpu(), dnnl::algorithm::convolution_direct, d.any_src, d.any_weights,
        d.any_dst, d.stride, d.dilate, d.pad, d.pad, forward_desc(d, false), user_scratchpad());
    kernels::onednn::Prepared p(pd, dnnl::convolution_backward_weights(pd));
    p.add(DNNL_ARG_SRC, d.src, pd.src_desc(), false);
    p.add(DNNL_ARG_DIFF_DST, d.dst, pd.diff_dst_desc(), false);
    p.add(DNNL_ARG_DIFF_WEIGHTS, d.weights, pd.diff_weights_desc(), true);
    return p;
  }).run({x.data, dy.data, dw.data});
}

// --- float64: plain loops ----------------------------------------------------------------------

enum class Role { kForward, kData, kWeight };

// Visits every product of the convolution: y += x w, dx += dy w or dw += x dy. Spatial axes are
// padded to three. Parallel over what no two visits of different threads write.
void visit_f64(const Geometry& g, Role role, double* x, double* w, double* y, int threads) {
  std::array<int64_t, 3> in{1, 1, 1}, out{1, 1, 1}, ker{1, 1, 1}, str{1, 1, 1}, dil{1, 1, 1},
      pad{0, 0, 0};
  for (size_t i = 0, at = 3 - g.kernel.size(); i < g.kernel.size(); ++i, ++at) {
    in[at] = g.in[i], out[at] = g.out[i], ker[at] = g.kernel[i];
    str[at] = g.stride[i], dil[at] = g.dilate[i], pad[at] = g.pad[i];
  }
  const int64_t ci = g.in_channels / g.groups, co = g.out_channels / g.groups;
  const int64_t in_size = in[0] * in[1] * in[2], out_size = out[0] * out[1] * out[2],
                ker_size = ker[0] * ker[1] * ker[2];
  const auto plane = [&](int64_t n, int64_t o, int64_t i) {
    double* xs = x + (n * g.in_channels + o / co * ci + i) * in_size;
    double* ws = w + (o * ci + i) * ker_size;
    double* ys = y + (n * g.out_channels + o) * out_size;
    for (int64_t p = 0; p < out_size; ++p) {
      const int64_t po[3] = {p / (out[1] * out[2]), p / out[2] % out[1], p % out[2]};
      for (int64_t r = 0; r < ker_size; ++r) {
        const int64_t rk[3] = {r / (ker[1] * ker[2]), r / ker[2] % ker[1], r % ker[2]};
        int64_t q = 0;
        bool inside = true;
        for (int a = 0; a < 3; ++a) {
          const int64_t at = po[a] * str[a] - pad[a] + rk[a] * dil[a];
          inside = inside && at >= 0 && at < in[a];
          q = q * in[a] + at;
        }
        if (!inside) continue;
        if (role == Role::kForward) ys[p] += xs[q] * ws[r];
        if (role == Role::kData) xs[q] += ys[p] * ws[r];
        if (role == Role::kWeight) ws[r] += xs[q] * ys[p];
      }
    }
  };
  const int64_t outer = role == Role::kWeight ? g.out_channels : g.batch;
  const int64_t inner = role == Role::kWeight ? g.batch : g.out_channels;
  kernels::parallel_for(threads, outer, 1, [&](int64_t begin, int64_t end) {
    for (int64_t a = begin; a < end; ++a) {
      for (int64_t b = 0; b < inner; ++b) {
        for (int64_t i = 0; i < ci; ++i) {
          if (role == Role::kWeight)
            plane(b, a, i);
          else
            plane(a, b, i);
        }
      }
    }
  });
}

// --- the three operators -----------------------------------------------------------------------

void check_dtype(const Specs& in) {
  const DType d = in[0].dtype;
  check(d == DType::kFloat32 || d == DType::kFloat64, ErrorKind::kType, "data has dtype ", d,
        ", must be float32 or float64");
  for (const Spec& s : in) {
    check(s.dtype == d, ErrorKind::kType, "an input has dtype ", s.dtype, ", must be ", d,
          " as data");
  }
}

Spec infer(const ConvolutionAttrs& a, const Specs& in) {
  const Geometry g(a, in[0].shape);
  const std::string plain[] = {"NCW", "NCHW", "NCDHW"};
  check(!a.layout || *a.layout == plain[a.kernel.size() - 1], ErrorKind::kNotImplemented,
        "layout is '", a.layout.value_or(""), "', must be '", plain[a.kernel.size() - 1], "'");
  check_dtype(in);
  check(in[1].shape == g.weight_shape(), ErrorKind::kShape, "weight has shape ", in[1].shape,
        ", must be ", g.weight_shape(), " for data of shape ", in[0].shape);
  check(in.size() < 3 || in[2].shape == Dims{a.num_filter}, ErrorKind::kShape, "bias has shape ",
        in.size() < 3 ? Dims{} : in[2].shape, ", must be ", Dims{a.num_filter});
  return {g.out_shape(), in[0].dtype};
}

void complete(const ConvolutionAttrs& a, std::vector<Dims>& in, std::vector<bool>& known) {
  if (!known[0]) return;
  const Geometry g(a, in[0]);
  if (!known[1]) in[1] = g.weight_shape();
  known[1] = true;
  if (in.size() > 2 && !known[2]) {
    in[2] = {a.num_filter};
    known[2] = true;
  }
}

double flops(const ConvolutionAttrs& a, const Dims& data) {
  const Geometry g(a, data);
  return 2.0 * static_cast<double>(num_elements(g.out_shape())) *
         static_cast<double>(num_elements(g.weight_shape())) / static_cast<double>(g.out_channels);
}

void kernel(const ConvolutionAttrs& a, const KernelArgs& k) {
  const Geometry g(a, *k.in[0].shape);
  const View& y = k.out[0];
  if (y.dtype == DType::kFloat32) {
    forward_f32(g, k.in[0], k.in[1], k.in.size() > 2 ? &k.in[2] : nullptr, y, k.threads);
    return;
  }
  const int64_t plane = num_elements(g.out);
  for (int64_t i = 0; i < y.size(); ++i) {
    y.ptr<double>()[i] = k.in.size() > 2 ? k.in[2].ptr<double>()[i / plane % g.out_channels] : 0;
  }
  visit_f64(g, Role::kForward, k.in[0].ptr<double>(), k.in[1].ptr<double>(), y.ptr<double>(),
            k.threads);
}

Value conv(const ConvolutionAttrs& a, const Value& x, const Value& w) {
  static const OpCall call(
      "convolution", {"kernel", "stride", "dilate", "pad", "num_filter", "num_group", "no_bias"});
  return call({x, w}, {a.kernel, a.stride, a.dilate, a.pad, a.num_filter, a.num_group, true});
}
Value data_grad(const ConvolutionAttrs& a, const Value& dy, const Value& w, const Dims& shape) {
  static const OpCall call("convolution_backward_data", {"kernel", "stride", "dilate", "pad",
                                                         "num_filter", "num_group", "shape"});
  return call({dy, w}, {a.kernel, a.stride, a.dilate, a.pad, a.num_filter, a.num_group, shape});
}
Value weight_grad(const ConvolutionAttrs& a, const Value& x, const Value& dy) {
  static const OpCall call("convolution_backward_weight",
                           {"kernel", "stride", "dilate", "pad", "num_filter", "num_group"});
  return call({x, dy}, {a.kernel, a.stride, a.dilate, a.pad, a.num_filter, a.num_group});
}

Values backward(const ConvolutionAttrs& a, const GradArgs& g) {
  static const OpCall kSum("sum", {"axis", "exclude"});
  const Value dy = g.dout();
  Values d(g.num_in());
  if (g.needs_grad(0)) d[0] = data_grad(a, dy, g.in(1), g.in_spec(0).shape);
  if (g.needs_grad(1)) d[1] = weight_grad(a, g.in(0), dy);
  if (g.num_in() > 2 && g.needs_grad(2)) d[2] = kSum({dy}, {Dims{1}, true});
  return d;
}

Spec infer_data(const ConvolutionAttrs& a, const Specs& in) {
  check(in[0].shape == Geometry(a, a.shape).out_shape(), ErrorKind::kShape, "dout has shape ",
        in[0].shape, ", must be ", Geometry(a, a.shape).out_shape());
  check_dtype(in);
  return {a.shape, in[0].dtype};
}

void data_kernel(const ConvolutionAttrs& a, const KernelArgs& k) {
  const Geometry g(a, a.shape);
  if (k.out[0].dtype == DType::kFloat32) {
    backward_data_f32(g, k.in[0], k.in[1], k.out[0], k.threads);
    return;
  }
  std::fill_n(k.out[0].ptr<double>(), k.out[0].size(), 0.0);
  visit_f64(g, Role::kData, k.out[0].ptr<double>(), k.in[1].ptr<double>(), k.in[0].ptr<double>(),
            k.threads);
}

Values data_backward(const ConvolutionAttrs& a, const GradArgs& g) {
  return {conv(a, g.dout(), g.in(1)), weight_grad(a, g.dout(), g.in(0))};
}

Spec infer_weight(const ConvolutionAttrs& a, const Specs& in) {
  const Geometry g(a, in[0].shape);
  check(in[1].shape == g.out_shape(), ErrorKind::kShape, "dout has shape ", in[1].shape,
        ", must be ", g.out_shape());
  check_dtype(in);
  return {g.weight_shape(), in[0].dtype};
}

void weight_kernel(const ConvolutionAttrs& a, const KernelArgs& k) {
  const Geometry g(a, *k.in[0].shape);
  if (k.out[0].dtype == DType::kFloat32) {
    backward_weight_f32(g, k.in[0], k.in[1], k.out[0], k.threads);
    return;
  }
  std::fill_n(k.out[0].ptr<double>(), k.out[0].size(), 0.0);
  visit_f64(g, Role::kWeight, k.in[0].ptr<double>(), k.out[0].ptr<double>(), k.in[1].ptr<double>(),
            k.threads);
}

Values weight_backward(const ConvolutionAttrs& a, const GradArgs& g) {
  return {data_grad(a, g.in(1), g.dout(), g.in_spec(0).shape), conv(a, g.in(0), g.dout())};
}

template <class Builder>
Builder& geometry_attrs(Builder&& b) {
  return b
      .required_attr("kernel", &ConvolutionAttrs::kernel,
                     "sizes of the window, one for each spatial axis")
      .attr("stride", &ConvolutionAttrs::stride, Dims{}, "steps of the window; default ones")
      .attr("dilate", &ConvolutionAttrs::dilate, Dims{}, "steps inside the window; default ones")
      .attr("pad", &ConvolutionAttrs::pad, Dims{}, "zeros added at both ends; default none")
      .required_attr("num_filter", &ConvolutionAttrs::num_filter, "number of output channels, > 0")
      .attr("num_group", &ConvolutionAttrs::num_group, 1,
            "channels are convolved in this many groups");
}

const int registered_forward =
    geometry_attrs(OpBuilder<ConvolutionAttrs>(Op::add("convolution", __FILE__, __LINE__)))
        .attr("no_bias", &ConvolutionAttrs::no_bias, false, "no bias is added")
        .attr("layout", &ConvolutionAttrs::layout, std::nullopt, "NCW, NCHW or NCDHW")
        .doc("Slides filters over 1 to 3 spatial axes and sums the products.")
        .source("LeCun, Bottou, Bengio, Haffner, Proc. IEEE 86 (1998)")
        .input("data", "(batch, channels, spatial...)")
        .input("weight", "(num_filter, channels / num_group, kernel...)")
        .optional_input("bias", "(num_filter,); left out with no_bias=True")
        .output("output", "(batch, num_filter, spatial...)")
        .on("nd", "Convolution")
        .on("sym", "Convolution")
        .on("npx", "convolution")
        .num_inputs([](const ConvolutionAttrs& a) { return a.no_bias ? 2 : 3; })
        .infer(infer)
        .complete(complete)
        .cpu(kernel)
        .flops([](const ConvolutionAttrs& a, const Specs& in) { return flops(a, in[0].shape); })
        .grad(backward, saves_input(0) | saves_input(1));

const int registered_data =
    geometry_attrs(
        OpBuilder<ConvolutionAttrs>(Op::add("convolution_backward_data", __FILE__, __LINE__)))
        .required_attr("shape", &ConvolutionAttrs::shape, "shape of data")
        .doc("Gradient of convolution with respect to data.")
        .input("dout", "gradient of the output")
        .input("weight", "as for convolution")
        .output("ddata", "shape of data")
        .infer(infer_data)
        .cpu(data_kernel)
        .flops([](const ConvolutionAttrs& a, const Specs&) { return flops(a, a.shape); })
        .grad(data_backward, saves_inputs());

const int registered_weight =
    geometry_attrs(
        OpBuilder<ConvolutionAttrs>(Op::add("convolution_backward_weight", __FILE__, __LINE__)))
        .doc("Gradient of convolution with respect to weight.")
        .input("data", "as for convolution")
        .input("dout", "gradient of the output")
        .output("dweight", "shape of weight")
        .infer(infer_weight)
        .cpu(weight_kernel)
        .flops([](const ConvolutionAttrs& a, const Specs& in) { return flops(a, in[0].shape); })
        .grad(weight_backward, saves_inputs());

}  // namespace
}  // namespace plait::op
