#include "ops/expect.h"
#include "ops/nn/convolution.h"

// Convolution with an epilogue on data with channels first, for those that stay in this order: of
// few channels. Made by the graph compiler, float32 only.
namespace plait::op {
namespace {

Spec infer(const ConvolutionAttrs& a, const Specs& in) {
  const Geometry g(a, in[0].shape);
  for (const Spec& s : in) {
    check(s.dtype == DType::kFloat32, ErrorKind::kType, "an input has dtype ", s.dtype,
          ", must be float32");
  }
  ops::expect(in[1], {g.weight_shape(), in[0].dtype}, "weight");
  if (!a.no_bias) ops::expect(in[2], {{a.num_filter}, in[0].dtype}, "bias");
  ops::check_operands(a.epilogue, in, g.out_shape());
  return {g.out_shape(), in[0].dtype};
}

void kernel(const ConvolutionAttrs& a, const KernelArgs& k) {
  kernels::conv(Geometry(a, *k.in[0].shape).plan(), DType::kFloat32, k.in[0].data, k.in[1].data,
                a.no_bias ? nullptr : k.in[2].data, k.out[0].data, k.threads,
                ops::finish_of(a.epilogue, k.in));
}

const int registered =
    geometry_attrs(OpBuilder<ConvolutionAttrs>(Op::add("convolution_first", __FILE__, __LINE__)))
        .attr("no_bias", &ConvolutionAttrs::no_bias, false, "no bias is added")
        .attr("epilogue", &ConvolutionAttrs::epilogue, ops::EpilogueRef(),
              "what is done to each result, as 'add; relu'; see kernels/epilogue.h")
        .doc(
            "Convolution with an epilogue on data with channels first; made by the graph compiler.")
        .input("data", "float32 (batch, channels, spatial...)")
        .input("weight", "(num_filter, channels / num_group, kernel...)")
        .optional_input("bias", "(num_filter,); left out with no_bias=True")
        .optional_input("operand", "for each step add of the epilogue, as the output")
        .output("output", "(batch, num_filter, spatial...)")
        .num_inputs([](const ConvolutionAttrs& a) {
          return (a.no_bias ? 2 : 3) + ops::num_operands(a.epilogue);
        })
        .infer(infer)
        .cpu(kernel)
        .flops([](const ConvolutionAttrs& a, const Specs& in) { return flops(a, in[0].shape); });

}  // namespace
}  // namespace plait::op
