#include "kernels/buffer.h"
#include "kernels/deconvolution.h"
#include "op/channels_last.h"
#include "ops/expect.h"
#include "ops/nn/deconvolution.h"

// Transposed convolution of data with channels last, at inference. Made by the graph compiler,
// float32 only.
namespace plait::ops {
namespace {

Dims first_of(const Dims& last) { return op::channels_first(last, "3 or 4"); }

// The convolution that leads from the result back; `data` with channels first.
kernels::Conv plan_of(const DeconvolutionAttrs& a, const Dims& data) {
  const DeconvolutionPlan p(a, data);
  kernels::Conv c;
  c.axes = static_cast<int>(a.kernel.size());
  c.batch = data[0];
  c.in_channels = a.num_filter;
  c.out_channels = p.channels;
  c.groups = a.num_group;
  c.channels_last = true;
  for (size_t i = 0, at = 3 - a.kernel.size(); i < a.kernel.size(); ++i, ++at) {
    c.in[at] = p.out_shape[i + 2], c.out[at] = data[i + 2], c.kernel[at] = a.kernel[i];
    c.stride[at] = p.stride[i], c.dilate[at] = p.dilate[i], c.pad[at] = p.pad[i];
  }
  return c;
}

kernels::Conv checked_plan(const DeconvolutionAttrs& a, const Dims& data) {
  const kernels::Conv c = plan_of(a, data);
  check(kernels::deconvolution::can(c), ErrorKind::kInvalidArgument, "kernel is ", a.kernel,
        ", num_group is ", a.num_group, ", must have 1 or 2 sizes and be 1");
  return c;
}

Spec infer(const DeconvolutionAttrs& a, const Specs& in) {
  const Dims data = first_of(in[0].shape);
  const DeconvolutionPlan p(a, data);
  const kernels::Conv c = checked_plan(a, data);
  const Dims packed{a.packed ? kernels::deconvolution::packed_size(c) : 0};
  expect(in[0], {in[0].shape, DType::kFloat32}, "data");
  expect(in[1], {a.packed ? packed : p.weight_shape, DType::kFloat32}, "weight");
  if (!a.no_bias) expect(in[2], {{a.num_filter}, DType::kFloat32}, "bias");
  check_operands(a.epilogue, in, op::channels_last(p.out_shape));
  return {op::channels_last(p.out_shape), DType::kFloat32};
}

void kernel(const DeconvolutionAttrs& a, const op::KernelArgs& k) {
  const kernels::Conv c = plan_of(a, first_of(*k.in[0].shape));
  const float* weight = k.in[1].ptr<float>();
  const kernels::Buffer<float> own(a.packed ? 0 : kernels::deconvolution::packed_size(c));
  if (!a.packed) kernels::deconvolution::pack(c, weight, own.data(), k.threads);
  kernels::deconvolution::run(c, k.in[0].ptr<float>(), a.packed ? weight : own.data(),
                              a.no_bias ? nullptr : k.in[2].ptr<float>(), k.out[0].ptr<float>(),
                              k.threads, finish_of(a.epilogue, k.in));
}

Spec infer_pack(const DeconvolutionAttrs& a, const Specs& in) {
  const Dims data = first_of(a.shape);
  expect(in[0], {DeconvolutionPlan(a, data).weight_shape, DType::kFloat32}, "weight");
  return {{kernels::deconvolution::packed_size(checked_plan(a, data))}, DType::kFloat32};
}

void pack_kernel(const DeconvolutionAttrs& a, const op::KernelArgs& k) {
  kernels::deconvolution::pack(plan_of(a, first_of(a.shape)), k.in[0].ptr<float>(),
                               k.out[0].ptr<float>(), k.threads);
}

[[maybe_unused]] const bool registered_preference = [] {
  op::set_prefers_last("deconvolution", [](const void* attrs, const Specs& in) {
    for (const Spec& s : in) {
      if (s.dtype != DType::kFloat32 || num_elements(s.shape) == 0) return false;
    }
    const auto& a = *static_cast<const DeconvolutionAttrs*>(attrs);
    return kernels::deconvolution::can(plan_of(a, in[0].shape));
  });
  return true;
}();

[[maybe_unused]] const int registered =
    deconvolution_attrs(
        op::OpBuilder<DeconvolutionAttrs>(op::Op::add("deconvolution_last", __FILE__, __LINE__)))
        .attr("no_bias", &DeconvolutionAttrs::no_bias, true, "no bias is added")
        .attr("packed", &DeconvolutionAttrs::packed, false,
              "weight is what deconvolution_pack made of it")
        .attr("epilogue", &DeconvolutionAttrs::epilogue, EpilogueRef(),
              "what is done to each result, as 'add; relu'; see kernels/epilogue.h")
        .doc(
            "Transposed convolution of float32 data with channels last, over 1 or 2 spatial axes; "
            "made by the graph compiler.")
        .input("data", "(batch, spatial..., channels)")
        .input("weight", "(channels, num_filter, kernel...)")
        .optional_input("bias", "(num_filter,); left out with no_bias=True")
        .optional_input("operand", "for each step add of the epilogue, as the output")
        .output("output", "(batch, spatial..., num_filter)")
        .num_inputs([](const DeconvolutionAttrs& a) {
          return (a.no_bias ? 2 : 3) + num_operands(a.epilogue);
        })
        .infer(infer)
        .cpu(kernel)
        .flops([](const DeconvolutionAttrs& a, const Specs& in) { return flops(a, in[0].shape); });

[[maybe_unused]] const int registered_pack =
    deconvolution_attrs(
        op::OpBuilder<DeconvolutionAttrs>(op::Op::add("deconvolution_pack", __FILE__, __LINE__)))
        .required_attr("shape", &DeconvolutionAttrs::shape, "shape of data")
        .doc("Weights of deconvolution_last in the layout that its kernel reads.")
        .input("weight", "as for deconvolution_last")
        .output("packed", "vector of a length that depends on the processor")
        .infer(infer_pack)
        .cpu(pack_kernel);

}  // namespace
}  // namespace plait::ops
