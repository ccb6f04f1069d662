#include "op/channels_last.h"
#include "ops/nn/convolution.h"

// The operators of convolution on data with channels last; weights stay (num_filter, channels /
// num_group, kernel...). Made by the graph compiler, float32 only.
namespace plait::op {
namespace {

Dims first_of(const Dims& last) { return channels_first(last, "3 to 5"); }

kernels::Conv plan(const Geometry& g) {
  kernels::Conv c = g.plan();
  c.channels_last = true;
  return c;
}

void check_inputs(const Specs& in) {
  for (const Spec& s : in) {
    check(s.dtype == DType::kFloat32, ErrorKind::kType, "an input has dtype ", s.dtype,
          ", must be float32");
  }
}

void expect(const char* name, const Dims& shape, const Dims& want) {
  check(shape == want, ErrorKind::kShape, name, " has shape ", shape, ", must be ", want);
}

Spec infer(const ConvolutionAttrs& a, const Specs& in) {
  const Geometry g(a, first_of(in[0].shape));
  check_inputs(in);
  expect("weight", in[1].shape,
         a.packed ? Dims{kernels::conv_packed_size(plan(g))} : g.weight_shape());
  if (!a.no_bias) expect("bias", in[2].shape, {a.num_filter});
  ops::check_operands(a.epilogue, in, channels_last(g.out_shape()));
  return {channels_last(g.out_shape()), in[0].dtype};
}

void kernel(const ConvolutionAttrs& a, const KernelArgs& k) {
  kernels::Conv c = plan({a, first_of(*k.in[0].shape)});
  c.packed = a.packed;
  kernels::conv(c, DType::kFloat32, k.in[0].data, k.in[1].data, a.no_bias ? nullptr : k.in[2].data,
                k.out[0].data, k.threads, ops::finish_of(a.epilogue, k.in));
}

Spec infer_pack(const ConvolutionAttrs& a, const Specs& in) {
  const Geometry g(a, first_of(a.shape));
  check_inputs(in);
  expect("weight", in[0].shape, g.weight_shape());
  return {{kernels::conv_packed_size(plan(g))}, in[0].dtype};
}

void pack_kernel(const ConvolutionAttrs& a, const KernelArgs& k) {
  kernels::conv_pack(plan({a, first_of(a.shape)}), k.in[0].data, k.out[0].data, k.threads);
}

Spec infer_data(const ConvolutionAttrs& a, const Specs& in) {
  const Geometry g(a, first_of(a.shape));
  check_inputs(in);
  expect("dout", in[0].shape, channels_last(g.out_shape()));
  expect("weight", in[1].shape, g.weight_shape());
  return {a.shape, in[0].dtype};
}

void data_kernel(const ConvolutionAttrs& a, const KernelArgs& k) {
  kernels::conv_backward_data(plan({a, first_of(a.shape)}), DType::kFloat32, k.in[0].data,
                              k.in[1].data, k.out[0].data, k.threads);
}

Spec infer_weight(const ConvolutionAttrs& a, const Specs& in) {
  const Geometry g(a, first_of(in[0].shape));
  check_inputs(in);
  expect("dout", in[1].shape, channels_last(g.out_shape()));
  return {g.weight_shape(), in[0].dtype};
}

void weight_kernel(const ConvolutionAttrs& a, const KernelArgs& k) {
  kernels::conv_backward_weight(plan({a, first_of(*k.in[0].shape)}), DType::kFloat32, k.in[0].data,
                                k.in[1].data, k.out[0].data, k.threads);
}

// For the operators of plain convolution.
bool prefers(const ConvolutionAttrs& a, const Specs& in, const Dims& data) {
  for (const Spec& s : in) {
    if (s.dtype != DType::kFloat32 || num_elements(s.shape) == 0) return false;
  }
  return kernels::prefers_channels_last(Geometry(a, data).plan());
}
const ConvolutionAttrs& attrs_of(const void* a) { return *static_cast<const ConvolutionAttrs*>(a); }

[[maybe_unused]] const bool registered_preferences = [] {
  const auto by_data = [](const void* a, const Specs& in) {
    return prefers(attrs_of(a), in, in[0].shape);
  };
  set_prefers_last("convolution", by_data);
  set_prefers_last("convolution_backward_weight", by_data);
  set_prefers_last("convolution_backward_data", [](const void* a, const Specs& in) {
    return prefers(attrs_of(a), in, attrs_of(a).shape);
  });
  return true;
}();

const int registered_forward =
    geometry_attrs(OpBuilder<ConvolutionAttrs>(Op::add("convolution_last", __FILE__, __LINE__)))
        .attr("no_bias", &ConvolutionAttrs::no_bias, false, "no bias is added")
        .attr("packed", &ConvolutionAttrs::packed, false,
              "weight is what convolution_pack made of it")
        .attr("epilogue", &ConvolutionAttrs::epilogue, ops::EpilogueRef(),
              "what is done to each result, as 'add; relu'; see kernels/epilogue.h")
        .doc("Convolution of float32 data with channels last; made by the graph compiler.")
        .input("data", "(batch, spatial..., channels)")
        .input("weight", "(num_filter, channels / num_group, kernel...)")
        .optional_input("bias", "(num_filter,); left out with no_bias=True")
        .optional_input("operand", "for each step add of the epilogue, as the output")
        .output("output", "(batch, spatial..., num_filter)")
        .num_inputs([](const ConvolutionAttrs& a) {
          return (a.no_bias ? 2 : 3) + ops::num_operands(a.epilogue);
        })
        .infer(infer)
        .cpu(kernel)
        .flops([](const ConvolutionAttrs& a, const Specs& in) {
          return flops(a, first_of(in[0].shape));
        });

const int registered_pack =
    geometry_attrs(OpBuilder<ConvolutionAttrs>(Op::add("convolution_pack", __FILE__, __LINE__)))
        .required_attr("shape", &ConvolutionAttrs::shape, "shape of data")
        .doc("Weights of convolution_last in the layout that its kernel reads.")
        .input("weight", "as for convolution_last")
        .output("packed", "vector of a length that depends on the processor")
        .infer(infer_pack)
        .cpu(pack_kernel);

const int registered_data =
    geometry_attrs(
        OpBuilder<ConvolutionAttrs>(Op::add("convolution_last_backward_data", __FILE__, __LINE__)))
        .required_attr("shape", &ConvolutionAttrs::shape, "shape of data")
        .doc("Gradient of convolution_last with respect to data.")
        .input("dout", "gradient of the output")
        .input("weight", "as for convolution_last")
        .output("ddata", "shape of data")
        .infer(infer_data)
        .cpu(data_kernel)
        .flops([](const ConvolutionAttrs& a, const Specs&) { return flops(a, first_of(a.shape)); });

const int registered_weight =
    geometry_attrs(OpBuilder<ConvolutionAttrs>(
                       Op::add("convolution_last_backward_weight", __FILE__, __LINE__)))
        .doc("Gradient of convolution_last with respect to weight.")
        .input("data", "as for convolution_last")
        .input("dout", "gradient of the output")
        .output("dweight", "shape of weight")
        .infer(infer_weight)
        .cpu(weight_kernel)
        .flops([](const ConvolutionAttrs& a, const Specs& in) {
          return flops(a, first_of(in[0].shape));
        });

}  // namespace
}  // namespace plait::op
