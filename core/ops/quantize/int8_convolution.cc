#include "kernels/conv_int8.h"

#include "ops/nn/convolution.h"

// Layers of networks that `mx.contrib.quantization` made: whole numbers in, whole numbers out, with
// all that follows the products done before a result is stored.
namespace plait::op {
namespace {

struct Int8Attrs {
  Dims kernel, stride, dilate, pad;
  int64_t num_filter, num_group;
  bool no_bias, relu, packed, unsigned_data;
  double sum_scale;
  DType dtype;
  Dims shape;  // of data, where that is no input
};

bool is_byte(DType d) { return d == DType::kInt8 || d == DType::kUint8; }

// (batch, height, width, channels) with the channels as axis 1.
Dims first_of(const Dims& last) {
  check(last.size() == 4, ErrorKind::kShape, "data has shape ", last,
        ", must be (batch, height, width, channels)");
  return {last[0], last[3], last[1], last[2]};
}

Geometry geometry(const Int8Attrs& a, const Dims& data) {
  ConvolutionAttrs c{};
  c.kernel = a.kernel, c.stride = a.stride, c.dilate = a.dilate, c.pad = a.pad;
  c.num_filter = a.num_filter, c.num_group = a.num_group;
  check(a.kernel.size() == 2, ErrorKind::kInvalidArgument, "kernel is ", a.kernel,
        ", must have 2 sizes");
  return {c, first_of(data)};
}

kernels::Int8Conv plan(const Int8Attrs& a, const Geometry& g, DType data, DType operand) {
  kernels::Int8Conv c;
  c.shape = g.plan();
  c.shape.channels_last = true;
  c.shape.packed = a.packed;
  c.data = data, c.out = a.dtype, c.operand = operand;
  c.has_bias = !a.no_bias, c.relu = a.relu, c.sum_scale = a.sum_scale;
  return c;
}

void check_types(const Int8Attrs& a) {
  check(is_byte(a.dtype) || a.dtype == DType::kFloat32, ErrorKind::kType, "dtype is ", a.dtype,
        ", must be int8, uint8 or float32");
  check(a.sum_scale >= 0, ErrorKind::kInvalidArgument, "sum_scale is ", a.sum_scale,
        ", must be >= 0");
}

// What the operand may be: whole numbers for whole results.
bool fits_out(DType operand, DType out) {
  return out == DType::kFloat32 ? operand == out : is_byte(operand);
}

void expect(const char* name, const Spec& spec, const Dims& shape, DType dtype) {
  check(spec.shape == shape, ErrorKind::kShape, name, " has shape ", spec.shape, ", must be ",
        shape);
  check(spec.dtype == dtype, ErrorKind::kType, name, " has dtype ", spec.dtype, ", must be ",
        dtype);
}

size_t count_of(const Int8Attrs& a) { return 3u + !a.no_bias + (a.sum_scale != 0); }

Spec infer(const Int8Attrs& a, const Specs& in) {
  check_types(a);
  const Geometry g = geometry(a, in[0].shape);
  check(is_byte(in[0].dtype), ErrorKind::kType, "data has dtype ", in[0].dtype,
        ", must be int8 or uint8");
  const DType operand = a.sum_scale != 0 ? in.back().dtype : a.dtype;
  expect("weight", in[1],
         a.packed ? Dims{kernels::packed_size(plan(a, g, in[0].dtype, operand))} : g.weight_shape(),
         DType::kInt8);
  expect("scale", in[2], {a.num_filter}, DType::kFloat32);
  if (!a.no_bias) expect("bias", in[3], {a.num_filter}, DType::kFloat32);
  const Dims out{g.batch, g.out[0], g.out[1], g.out_channels};
  if (a.sum_scale != 0) {
    check(fits_out(operand, a.dtype), ErrorKind::kType, "operand has dtype ", operand,
          ", must fit the result's, ", a.dtype);
    expect("operand", in.back(), out, operand);
  }
  return {out, a.dtype};
}

void complete(const Int8Attrs& a, std::vector<Dims>& in, std::vector<bool>& known) {
  if (!known[0] || a.packed) return;
  const auto tell = [&](size_t i, const Dims& shape) {
    if (i < in.size() && !known[i]) in[i] = shape, known[i] = true;
  };
  tell(1, geometry(a, in[0]).weight_shape());
  tell(2, {a.num_filter});
  if (!a.no_bias) tell(3, {a.num_filter});
}

void kernel(const Int8Attrs& a, const KernelArgs& k) {
  if (k.out[0].size() == 0) return;
  const bool sum = a.sum_scale != 0;
  const DType operand = sum ? k.in.back().dtype : a.dtype;
  const kernels::Int8Operands in{k.in[0].data, k.in[1].data, k.in[2].ptr<float>(),
                                 a.no_bias ? nullptr : k.in[3].ptr<float>(),
                                 sum ? k.in.back().data : nullptr};
  kernels::conv(plan(a, geometry(a, *k.in[0].shape), k.in[0].dtype, operand), in, k.out[0].data,
                k.threads);
}

kernels::Int8Conv packing(const Int8Attrs& a) {
  const DType data = a.unsigned_data ? DType::kUint8 : DType::kInt8;
  return plan(a, geometry(a, a.shape), data, a.dtype);
}

template <class Builder>
Builder& attributes(Builder&& b) {
  return b.required_attr("kernel", &Int8Attrs::kernel, "height and width of the window")
      .attr("stride", &Int8Attrs::stride, Dims{}, "steps of the window; default ones")
      .attr("dilate", &Int8Attrs::dilate, Dims{}, "steps inside the window; default ones")
      .attr("pad", &Int8Attrs::pad, Dims{}, "zeros added at both ends; default none")
      .required_attr("num_filter", &Int8Attrs::num_filter, "number of output channels, > 0")
      .attr("num_group", &Int8Attrs::num_group, 1, "channels are convolved in this many groups")
      .attr("no_bias", &Int8Attrs::no_bias, false, "no bias is added")
      .attr("relu", &Int8Attrs::relu, false, "results below 0 become 0")
      .attr("sum_scale", &Int8Attrs::sum_scale, 0.0, "factor of the operand; 0: there is none")
      .attr("dtype", &Int8Attrs::dtype, DType::kInt8, "of the result: int8, uint8 or float32")
      .attr("packed", &Int8Attrs::packed, false, "weight is what int8_convolution_pack made of it");
}

const int registered =
    attributes(OpBuilder<Int8Attrs>(Op::add("int8_convolution", __FILE__, __LINE__)))
        .doc(
            "Convolution of whole numbers with channels last, to the nearest whole numbers of "
            "relu(scale * sum of products + bias + sum_scale * operand).")
        .input("data", "(batch, height, width, channels), int8 or uint8")
        .input("weight", "(num_filter, channels / num_group, height, width), int8")
        .input("scale", "(num_filter,), float32")
        .optional_input("bias", "(num_filter,), float32; left out with no_bias=True")
        .optional_input("operand", "added to the result, of its shape; only with sum_scale")
        .output("output", "(batch, height, width, num_filter)")
        .on("nd sym", "contrib.int8_convolution")
        .num_inputs([](const Int8Attrs& a) { return static_cast<int>(count_of(a)); })
        .complete(complete)
        .infer(infer)
        .cpu(kernel)
        .flops([](const Int8Attrs& a, const Specs& in) {
          const Geometry g = geometry(a, in[0].shape);
          // Four products take the time of one of float32.
          return 0.5 * static_cast<double>(num_elements(g.out_shape())) *
                 static_cast<double>(num_elements(g.weight_shape())) /
                 static_cast<double>(g.out_channels);
        });

const int registered_pack =
    attributes(OpBuilder<Int8Attrs>(Op::add("int8_convolution_pack", __FILE__, __LINE__)))
        .required_attr("shape", &Int8Attrs::shape, "shape of data")
        .required_attr("unsigned_data", &Int8Attrs::unsigned_data, "data are uint8, not int8")
        .doc("Weights of int8_convolution in the layout that its kernel reads.")
        .input("weight", "as for int8_convolution")
        .output("packed", "vector of a length that depends on the processor")
        .infer([](const Int8Attrs& a, const Specs& in) -> Spec {
          expect("weight", in[0], geometry(a, a.shape).weight_shape(), DType::kInt8);
          return {{kernels::packed_size(packing(a))}, DType::kInt8};
        })
        .cpu([](const Int8Attrs& a, const KernelArgs& k) {
          kernels::pack(packing(a), k.in[0].data, k.out[0].data, k.threads);
        });

}  // namespace
}  // namespace plait::op
