#include "ops/nn/convolution.h"
#include "ops/expect.h"

namespace plait::op {
namespace {

void check_dtype(const Specs& in) {
  const DType d = in[0].dtype;
  check(is_floating(d), ErrorKind::kType, "data has dtype ", d, ", must be floating");
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

void kernel(const ConvolutionAttrs& a, const KernelArgs& k) {
  const Geometry g(a, *k.in[0].shape);
  kernels::conv(g.plan(), k.in[0].dtype, k.in[0].data, k.in[1].data,
                k.in.size() > 2 ? k.in[2].data : nullptr, k.out[0].data, k.threads);
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
  ops::expect(in[1], {Geometry(a, a.shape).weight_shape(), in[0].dtype}, "weight");
  return {a.shape, in[0].dtype};
}

void data_kernel(const ConvolutionAttrs& a, const KernelArgs& k) {
  const Geometry g(a, a.shape);
  kernels::conv_backward_data(g.plan(), k.in[0].dtype, k.in[0].data, k.in[1].data, k.out[0].data,
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
  kernels::conv_backward_weight(g.plan(), k.in[0].dtype, k.in[0].data, k.in[1].data, k.out[0].data,
                                k.threads);
}

Values weight_backward(const ConvolutionAttrs& a, const GradArgs& g) {
  return {data_grad(a, g.in(1), g.dout(), g.in_spec(0).shape), conv(a, g.in(0), g.dout())};
}

const int registered_forward =
    geometry_attrs(OpBuilder<ConvolutionAttrs>(Op::add("convolution", __FILE__, __LINE__)))
        .attr("workspace", &ConvolutionAttrs::workspace, 1024,
              "kept for MXNet's programs; without effect")
        .attr("no_bias", &ConvolutionAttrs::no_bias, false, "no bias is added")
        .attr("cudnn_tune", &ConvolutionAttrs::cudnn_tune, std::nullopt,
              "kept for MXNet's programs; without effect")
        .attr("cudnn_off", &ConvolutionAttrs::cudnn_off, false,
              "kept for MXNet's programs; without effect")
        .attr("layout", &ConvolutionAttrs::layout, std::nullopt, "NCW, NCHW or NCDHW")
        .doc("Slides filters over 1 to 3 spatial axes and sums the products.")
        .source("LeCun, Bottou, Bengio, Haffner, Proc. IEEE 86 (1998)")
        .input("data", "(batch, channels, spatial...)")
        .input("weight", "(num_filter, channels / num_group, kernel...)")
        .optional_input("bias", "(num_filter,); left out with no_bias=True")
        .output("output", "(batch, num_filter, spatial...)")
        .on("nd sym", "Convolution")
        .on("nd sym", "Convolution_v1")
        .on("npx", "convolution")
        .num_inputs([](const ConvolutionAttrs& a) { return a.no_bias ? 2 : 3; })
        .infer(infer)
        .complete(complete)
        .cpu(kernel)
        .portable()
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
        .portable()
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
        .portable()
        .flops([](const ConvolutionAttrs& a, const Specs& in) { return flops(a, in[0].shape); })
        .grad(weight_backward, saves_inputs());

}  // namespace
}  // namespace plait::op
