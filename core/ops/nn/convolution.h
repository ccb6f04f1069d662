#pragma once

#include "kernels/convolution.h"
#include "op/op.h"
#include "ops/fused/epilogue.h"
#include "ops/sizes.h"

// What the operators of convolution share: attributes and sizes.
namespace plait::op {

struct ConvolutionAttrs {
  Dims kernel, stride, dilate, pad;
  int64_t num_filter, num_group;
  bool no_bias;
  std::optional<std::string> layout, cudnn_tune;
  int64_t workspace;
  bool cudnn_off;
  bool packed;  // weights lie as convolution_pack left them
  ops::EpilogueRef epilogue;
  Dims shape;  // of data, where that is no input
};

inline Dims or_all(const Dims& given, size_t n, int64_t value) {
  return given.empty() ? Dims(n, value) : given;
}

// Everything about one convolution; spatial axes 1 to 3.
struct Geometry {
  int64_t batch = 0, in_channels = 0, out_channels = 0, groups = 1;
  Dims in, out, kernel, stride, dilate, pad;

  Geometry(const ConvolutionAttrs& a, const Dims& data) {
    const size_t n = a.kernel.size();
    check_size(data, 1);  // of the backward operators it is an attribute
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
    ops::check_window(kernel, stride, dilate, pad);
    for (size_t i = 0; i < n; ++i) {
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
  kernels::Conv plan() const {
    kernels::Conv c;
    c.axes = static_cast<int>(kernel.size());
    c.batch = batch;
    c.in_channels = in_channels;
    c.out_channels = out_channels;
    c.groups = groups;
    for (size_t i = 0, at = 3 - kernel.size(); i < kernel.size(); ++i, ++at) {
      c.in[at] = in[i], c.out[at] = out[i], c.kernel[at] = kernel[i];
      c.stride[at] = stride[i], c.dilate[at] = dilate[i], c.pad[at] = pad[i];
    }
    return c;
  }
};

inline double flops(const ConvolutionAttrs& a, const Dims& data) {
  const Geometry g(a, data);
  return 2.0 * static_cast<double>(num_elements(g.out_shape())) *
         static_cast<double>(num_elements(g.weight_shape())) / static_cast<double>(g.out_channels);
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

}  // namespace plait::op
