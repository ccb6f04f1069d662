#include <vector>

#include "kernels/copy.h"
#include "kernels/parallel.h"
#include "op/functions.h"
#include "op/op.h"
#include "ops/sizes.h"

namespace plait::ops {
namespace {

struct PadAttrs {
  std::string mode;
  Dims pad_width;
  double constant_value;
  Dims shape;  // of the data, for the backward operator only
};

Dims padded(const PadAttrs& a, const Dims& shape) {
  check(a.pad_width.size() == 2 * shape.size(), ErrorKind::kInvalidArgument, "pad_width is ",
        a.pad_width, ", must have two numbers for each of the ", shape.size(), " axes");
  check_extents(a.pad_width, 0, "pad_width");
  Dims out = shape;
  for (size_t i = 0; i < shape.size(); ++i) {
    const int64_t before = a.pad_width[2 * i], after = a.pad_width[2 * i + 1];
    const int64_t least = a.mode == "reflect" ? std::max(before, after) + 1 : 1;
    check(a.mode == "constant" || (before == 0 && after == 0) || shape[i] >= least,
          ErrorKind::kShape, "pad_width is ", a.pad_width, ", axis ", i, " must have at least ",
          least, " elements for mode '", a.mode, "', data has shape ", shape);
    out[i] += before + after;
  }
  return out;
}

// Which index of the data stands at each index of the result, along one axis; -1: the constant.
std::vector<int64_t> sources(const std::string& mode, int64_t n, int64_t before, int64_t after) {
  std::vector<int64_t> from(static_cast<size_t>(before + n + after));
  for (int64_t i = 0; i < before + n + after; ++i) {
    int64_t at = i - before;
    if (mode == "edge") at = std::clamp<int64_t>(at, 0, n - 1);
    if (mode == "reflect") at = at < 0 ? -at : at >= n ? 2 * (n - 1) - at : at;
    from[static_cast<size_t>(i)] = at >= 0 && at < n ? at : -1;
  }
  return from;
}

// f(place in the result, place in the data or -1) for every element, in order.
template <class F>
void each_place(const PadAttrs& a, const Dims& data, const F& f) {
  const size_t ndim = data.size();
  const Dims out = padded(a, data), steps = contiguous_strides(data);
  std::vector<std::vector<int64_t>> from;
  for (size_t d = 0; d < ndim; ++d) {
    from.push_back(sources(a.mode, data[d], a.pad_width[2 * d], a.pad_width[2 * d + 1]));
  }
  Dims index(ndim, 0);
  const int64_t total = num_elements(out);
  for (int64_t i = 0; i < total; ++i) {
    int64_t at = 0;
    for (size_t d = 0; d < ndim && at >= 0; ++d) {
      const int64_t j = from[d][static_cast<size_t>(index[d])];
      at = j < 0 ? -1 : at + j * steps[d];
    }
    f(i, at);
    for (size_t d = ndim; d-- > 0;) {
      if (++index[d] < out[d]) break;
      index[d] = 0;
    }
  }
}

void kernel(const PadAttrs& a, const op::KernelArgs& k) {
  const Dims& data = *k.in[0].shape;
  kernels::fill(k.out[0], a.constant_value, k.threads);
  dispatch_any(k.out[0].dtype, [&]<class T>(T) {
    const T* x = k.in[0].ptr<T>();
    T* y = k.out[0].ptr<T>();
    each_place(a, data, [&](int64_t to, int64_t at) {
      if (at >= 0) y[to] = x[at];
    });
  });
}

Values backward(const PadAttrs& a, const GradArgs& g) {
  static const OpCall kBack("pad_backward", {"mode", "pad_width", "shape"});
  return {kBack({g.dout()}, {a.mode, a.pad_width, g.in_spec(0).shape})};
}

PLAIT_OP(pad, PadAttrs)
    .doc("Adds elements before and behind the data along each axis.")
    .input("data", "array of any shape")
    .output("out", "data with pad_width[2 i] elements before and pad_width[2 i + 1] behind axis i")
    .required_attr("mode", &PadAttrs::mode,
                   "what is added: a constant, the element at the border, or the mirror image")
    .choices({"constant", "edge", "reflect"})
    .required_attr("pad_width", &PadAttrs::pad_width, "two numbers for each axis, >= 0")
    .attr("constant_value", &PadAttrs::constant_value, 0.0, "what 'constant' adds")
    .on("nd sym", "Pad")
    .on("nd sym", "pad")
    .on("npx", "pad")
    .infer([](const PadAttrs& a, const Specs& in) -> Spec {
      return {padded(a, in[0].shape), in[0].dtype};
    })
    .takes_complex()
    .cpu(kernel)
    .grad(backward, op::saves_nothing());

PLAIT_OP(pad_backward, PadAttrs)
    .doc("Gradient of pad: what lies at added places is added to where it came from.")
    .input("dout", "gradient of the result")
    .output("ddata", "gradient of data")
    .required_attr("mode", &PadAttrs::mode, "as for pad")
    .required_attr("pad_width", &PadAttrs::pad_width, "as for pad")
    .required_attr("shape", &PadAttrs::shape, "shape of data")
    .infer([](const PadAttrs& a, const Specs& in) -> Spec {
      check_size(a.shape, 1);
      check(in[0].shape == padded(a, a.shape), ErrorKind::kShape, "dout has shape ", in[0].shape,
            ", must be ", padded(a, a.shape));
      return {a.shape, in[0].dtype};
    })
    .takes_complex()
    .cpu([](const PadAttrs& a, const op::KernelArgs& k) {
      dispatch_inexact(k.out[0].dtype, [&]<class T>(T) {
        using A = acc_t<T>;
        std::vector<A> sums(static_cast<size_t>(k.out[0].size()), A(0));
        const T* dy = k.in[0].ptr<T>();
        each_place(a, a.shape, [&](int64_t from, int64_t at) {
          if (at >= 0) sums[static_cast<size_t>(at)] += static_cast<A>(dy[from]);
        });
        for (size_t i = 0; i < sums.size(); ++i) k.out[0].ptr<T>()[i] = static_cast<T>(sums[i]);
      });
    })
    .grad(
        [](const PadAttrs& a, const GradArgs& g) -> Values {
          static const OpCall kPad("pad", {"mode", "pad_width"});
          return {kPad({g.dout()}, {a.mode, a.pad_width})};
        },
        op::saves_nothing());

}  // namespace
}  // namespace plait::ops
