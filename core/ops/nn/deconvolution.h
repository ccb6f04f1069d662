#pragma once

#include <algorithm>

#include "kernels/convolution.h"
#include "op/op.h"
#include "ops/fused/epilogue.h"
#include "ops/sizes.h"

// What the operators of transposed convolution share: attributes and sizes.
namespace plait::ops {

struct DeconvolutionAttrs {
  Dims kernel, stride, dilate, pad, adj, target_shape;
  int64_t num_filter, num_group, workspace;
  bool no_bias, cudnn_off;
  std::optional<std::string> cudnn_tune, layout;
  bool packed;  // weights lie as deconvolution_pack left them
  EpilogueRef epilogue;
  Dims shape;  // of data, where that is no input
};

// Geometry of the convolution that is turned round.
struct DeconvolutionPlan {
  Dims stride, dilate, pad, out_shape, weight_shape;
  int64_t channels;

  DeconvolutionPlan(const DeconvolutionAttrs& a, const Dims& data) {
    const size_t n = a.kernel.size();
    check(n >= 1 && n <= 3, ErrorKind::kInvalidArgument, "kernel is ", a.kernel,
          ", must have 1 to 3 sizes");
    check(data.size() == n + 2, ErrorKind::kShape, "data has shape ", data, ", must have ", n + 2,
          " axes for kernel ", a.kernel);
    channels = data[1];
    check(a.num_filter > 0 && a.num_group > 0 && a.num_filter % a.num_group == 0 &&
              channels % a.num_group == 0,
          ErrorKind::kInvalidArgument, "num_filter is ", a.num_filter, ", num_group is ",
          a.num_group, ", num_group must divide num_filter and ", channels, " channels");
    const auto or_all = [n](const Dims& given, int64_t value) {
      return given.empty() ? Dims(n, value) : given;
    };
    stride = or_all(a.stride, 1);
    dilate = or_all(a.dilate, 1);
    pad = or_all(a.pad, 0);
    Dims adj = or_all(a.adj, 0);
    const bool target =
        !a.target_shape.empty() && std::count(a.target_shape.begin(), a.target_shape.end(), 0) == 0;
    check(stride.size() == n && dilate.size() == n && pad.size() == n && adj.size() == n &&
              (!target || a.target_shape.size() == n),
          ErrorKind::kInvalidArgument, "stride is ", stride, ", dilate is ", dilate, ", pad is ",
          pad, ", adj is ", adj, ", target_shape is ", a.target_shape, ", must have ", n,
          " sizes each");
    out_shape = {data[0], a.num_filter};
    weight_shape = {channels, a.num_filter / a.num_group};
    check_window(a.kernel, stride, dilate, pad);
    check_extents(adj, 0, "adj");
    check_extents(a.target_shape, 0, "target_shape");
    for (size_t i = 0; i < n; ++i) {
      const int64_t whole =
          stride[i] * (data[i + 2] - 1) + dilate[i] * (a.kernel[i] - 1) + 1;  // without padding
      int64_t size = whole - 2 * pad[i] + adj[i];
      if (target) {  // padding follows from the size, half on each side
        size = a.target_shape[i];
        check(size <= whole, ErrorKind::kInvalidArgument, "target_shape is ", a.target_shape,
              ", must be at most ", whole, " along spatial axis ", i);
        pad[i] = (whole - size + 1) / 2;
        adj[i] = (whole - size) % 2;
      }
      // Else the convolution that is turned round would give more than the data.
      check(adj[i] < stride[i], ErrorKind::kInvalidArgument, "adj is ", adj,
            target ? " for this target_shape" : "", ", must be smaller than stride ", stride);
      check(size > 0, ErrorKind::kShape, "pad is ", pad, ", must leave something of ", whole,
            " elements along spatial axis ", i);
      out_shape.push_back(size);
      weight_shape.push_back(a.kernel[i]);
    }
  }
};

inline double flops(const DeconvolutionAttrs& a, const Dims& data) {
  return 2.0 * static_cast<double>(num_elements(data)) *
         static_cast<double>(num_elements(a.kernel)) * static_cast<double>(a.num_filter) /
         static_cast<double>(std::max<int64_t>(1, a.num_group));
}

template <class Builder>
Builder& deconvolution_attrs(Builder&& b) {
  return b
      .required_attr("kernel", &DeconvolutionAttrs::kernel,
                     "sizes of the window, one for each spatial axis")
      .attr("stride", &DeconvolutionAttrs::stride, Dims{}, "upscaling factors; default ones")
      .attr("dilate", &DeconvolutionAttrs::dilate, Dims{}, "steps inside the window; default ones")
      .attr("pad", &DeconvolutionAttrs::pad, Dims{}, "elements cut off at both ends; default none")
      .attr("adj", &DeconvolutionAttrs::adj, Dims{}, "elements added at the end, < stride")
      .attr("target_shape", &DeconvolutionAttrs::target_shape, Dims{},
            "spatial sizes of the result; pad and adj are then not used")
      .required_attr("num_filter", &DeconvolutionAttrs::num_filter,
                     "number of output channels, > 0")
      .attr("num_group", &DeconvolutionAttrs::num_group, 1,
            "channels are taken in this many groups");
}

}  // namespace plait::ops
