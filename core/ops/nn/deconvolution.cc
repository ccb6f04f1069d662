#include "ops/nn/deconvolution.h"
#include "kernels/parallel.h"
#include "op/functions.h"
#include "op/op.h"

// Transposed convolution: the gradient of a convolution, used as a layer. The weight is that of the
// convolution that leads from the result back to the data.
namespace plait::ops {
namespace {

Spec infer(const DeconvolutionAttrs& a, const Specs& in) {
  const DeconvolutionPlan p(a, in[0].shape);
  const std::string plain[] = {"NCW", "NCHW", "NCDHW"};
  check(!a.layout || *a.layout == plain[a.kernel.size() - 1], ErrorKind::kNotImplemented,
        "layout is '", a.layout.value_or(""), "', must be '", plain[a.kernel.size() - 1], "'");
  check(is_floating(in[0].dtype), ErrorKind::kType, "data has dtype ", in[0].dtype,
        ", must be floating");
  for (const Spec& s : in) {
    check(s.dtype == in[0].dtype, ErrorKind::kType, "an input has dtype ", s.dtype, ", must be ",
          in[0].dtype, " as data");
  }
  check(in[1].shape == p.weight_shape, ErrorKind::kShape, "weight has shape ", in[1].shape,
        ", must be ", p.weight_shape, " for data of shape ", in[0].shape);
  check(in.size() < 3 || in[2].shape == Dims{a.num_filter}, ErrorKind::kShape, "bias has shape ",
        in.size() < 3 ? Dims{} : in[2].shape, ", must be ", Dims{a.num_filter});
  return {p.out_shape, in[0].dtype};
}

void complete(const DeconvolutionAttrs& a, std::vector<Dims>& in, std::vector<bool>& known) {
  if (!known[0]) return;
  if (!known[1]) in[1] = DeconvolutionPlan(a, in[0]).weight_shape;
  known[1] = true;
  if (in.size() > 2 && !known[2]) {
    in[2] = {a.num_filter};
    known[2] = true;
  }
}

// The kernel is that of the gradient of convolution.
void kernel(const DeconvolutionAttrs& a, const op::KernelArgs& k) {
  static const op::Op& kData = op::Op::get("convolution_backward_data");
  static const int kField[] = {kData.field_index("kernel"),     kData.field_index("stride"),
                               kData.field_index("dilate"),     kData.field_index("pad"),
                               kData.field_index("num_filter"), kData.field_index("num_group"),
                               kData.field_index("shape")};
  const DeconvolutionPlan p(a, *k.in[0].shape);
  const std::pair<int, op::AttrValue> values[] = {{kField[0], a.kernel},   {kField[1], p.stride},
                                                  {kField[2], p.dilate},   {kField[3], p.pad},
                                                  {kField[4], p.channels}, {kField[5], a.num_group},
                                                  {kField[6], p.out_shape}};
  const op::AttrsRef attrs = kData.make_attrs(values);
  kData.kernel(kData, kData.data_of(attrs), {k.in.first(2), k.out, k.is_train, k.threads, {}});
  if (k.in.size() < 3) return;
  const int64_t plane = num_elements(p.out_shape) / (p.out_shape[0] * p.out_shape[1]);
  dispatch_floating(k.out[0].dtype, [&]<class T>(T) {
    const T* bias = k.in[2].ptr<T>();
    T* y = k.out[0].ptr<T>();
    const int64_t planes = p.out_shape[0] * p.out_shape[1];
    kernels::parallel_for(k.threads, planes, 1 + kernels::kGrain / plane,
                          [=](int64_t begin, int64_t end) {
                            for (int64_t i = begin * plane; i < end * plane; ++i) {
                              y[i] = static_cast<T>(y[i] + bias[i / plane % p.out_shape[1]]);
                            }
                          });
  });
}

Values backward(const DeconvolutionAttrs& a, const GradArgs& g) {
  static const OpCall kConv(
      "convolution", {"kernel", "stride", "dilate", "pad", "num_filter", "num_group", "no_bias"}),
      kWeight("convolution_backward_weight",
              {"kernel", "stride", "dilate", "pad", "num_filter", "num_group"}),
      kSum("sum", {"axis", "exclude"});
  const DeconvolutionPlan p(a, g.in_spec(0).shape);
  const Value dy = g.dout();
  Values d(g.num_in());
  if (g.needs_grad(0)) {
    d[0] =
        kConv({dy, g.in(1)}, {a.kernel, p.stride, p.dilate, p.pad, p.channels, a.num_group, true});
  }
  if (g.needs_grad(1)) {
    d[1] = kWeight({dy, g.in(0)}, {a.kernel, p.stride, p.dilate, p.pad, p.channels, a.num_group});
  }
  if (g.num_in() > 2 && g.needs_grad(2)) d[2] = kSum({dy}, {Dims{1}, true});
  return d;
}

[[maybe_unused]] const int registered =
    deconvolution_attrs(
        op::OpBuilder<DeconvolutionAttrs>(op::Op::add("deconvolution", __FILE__, __LINE__)))
        .doc("Transposed convolution over 1 to 3 spatial axes.")
        .source("Zeiler, Krishnan, Taylor, Fergus: Deconvolutional networks, CVPR (2010)")
        .input("data", "floating array (batch, channels, spatial...)")
        .input("weight", "(channels, num_filter / num_group, kernel...)")
        .optional_input("bias", "(num_filter,); left out with no_bias=True")
        .output(
            "output",
            "(batch, num_filter, spatial...): stride (n - 1) + dilate (kernel - 1) + 1 - 2 pad + "
            "adj elements along an axis of n")
        .attr("workspace", &DeconvolutionAttrs::workspace, 512,
              "kept for MXNet's programs; without effect")
        .attr("no_bias", &DeconvolutionAttrs::no_bias, true, "no bias is added")
        .attr("cudnn_tune", &DeconvolutionAttrs::cudnn_tune, std::nullopt,
              "kept for MXNet's programs; without effect")
        .attr("cudnn_off", &DeconvolutionAttrs::cudnn_off, false,
              "kept for MXNet's programs; without effect")
        .attr("layout", &DeconvolutionAttrs::layout, std::nullopt, "NCW, NCHW or NCDHW")
        .on("nd sym", "Deconvolution")
        .on("npx", "deconvolution")
        .num_inputs([](const DeconvolutionAttrs& a) { return a.no_bias ? 2 : 3; })
        .infer(infer)
        .complete(complete)
        .cpu(kernel)
        .flops([](const DeconvolutionAttrs& a, const Specs& in) { return flops(a, in[0].shape); })
        .grad(backward, op::saves_input(0) | op::saves_input(1));

}  // namespace
}  // namespace plait::ops
