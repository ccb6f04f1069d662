#include "kernels/pooling.h"

#include "op/functions.h"
#include "op/op.h"
#include "ops/sizes.h"

namespace plait::op {
namespace {

struct PoolingAttrs {
  Dims kernel, stride, pad;
  std::string pool_type, pooling_convention;
  bool global_pool, count_include_pad;
  int64_t p_value;
  std::optional<std::string> layout;
  bool cudnn_off;
};

// The axes of one sample in `data` are (spatial..., channels).
bool channels_last(const PoolingAttrs& a) { return a.layout && a.layout->back() == 'C'; }

void check_layout(const PoolingAttrs& a, size_t n) {
  if (!a.layout) return;
  const std::string first[] = {"NCW", "NCHW", "NCDHW"}, last[] = {"NWC", "NHWC", "NDHWC"};
  check(*a.layout == first[n - 1] || *a.layout == last[n - 1], ErrorKind::kInvalidArgument,
        "layout is '", *a.layout, "', must be '", first[n - 1], "' or '", last[n - 1], "'");
}

// The window for `data`; throws where the attributes do not fit.
kernels::Pool window(const PoolingAttrs& a, const Dims& data) {
  const size_t n = a.global_pool ? data.size() - 2 : a.kernel.size();
  check(n >= 1 && n <= 3 && data.size() == n + 2, ErrorKind::kShape, "data has shape ", data,
        ", must have ", n + 2, " axes for kernel ", a.kernel);
  for (const auto& [name, d] : {std::pair{"stride", &a.stride}, {"pad", &a.pad}}) {
    check(a.global_pool || d->empty() || d->size() == n, ErrorKind::kInvalidArgument, name, " is ",
          *d, ", must have ", n, " sizes");
  }
  check_layout(a, n);
  if (!a.global_pool) ops::check_window(a.kernel, a.stride, {}, a.pad);
  const size_t first = channels_last(a) ? 1 : 2;  // spatial axis of data
  kernels::Pool p;
  p.planes = data[0] * (first == 1 ? 1 : data[1]);
  p.channels = first == 1 ? data[n + 1] : 0;
  p.kind = a.pool_type == "max"   ? kernels::Pool::kMax
           : a.pool_type == "avg" ? kernels::Pool::kMean
                                  : kernels::Pool::kSum;
  p.include_pad = a.count_include_pad;
  for (size_t i = 0, at = 3 - n; i < n; ++i, ++at) {
    p.in[at] = data[i + first];
    if (a.global_pool) {
      p.kernel[at] = p.in[at];
      continue;
    }
    p.kernel[at] = a.kernel[i];
    p.stride[at] = a.stride.empty() ? 1 : a.stride[i];
    p.pad[at] = a.pad.empty() ? 0 : a.pad[i];
    check(p.pad[at] >= 0 && p.pad[at] < p.kernel[at], ErrorKind::kInvalidArgument, "pad is ", a.pad,
          ", must be >= 0 and smaller than kernel ", a.kernel);
    const int64_t span = p.in[at] + 2 * p.pad[at] - p.kernel[at], step = p.stride[at];
    check(span >= 0, ErrorKind::kShape, "kernel is ", a.kernel, ", must fit into data of shape ",
          data, " padded by ", a.pad);
    if (a.pooling_convention == "same") {
      p.out[at] = (p.in[at] + step - 1) / step;
    } else {
      p.out[at] = (a.pooling_convention == "full" ? (span + step - 1) / step : span / step) + 1;
    }
  }
  return p;
}

Dims out_shape(const PoolingAttrs& a, const Dims& data) {
  const kernels::Pool p = window(a, data);
  Dims out = data;
  const size_t first = channels_last(a) ? 1 : 2;
  for (size_t i = 5 - data.size(), to = first; i < 3; ++i, ++to) out[to] = p.out[i];
  return out;
}

Spec infer(const PoolingAttrs& a, const Specs& in) {
  check(is_floating(in[0].dtype), ErrorKind::kType, "data has dtype ", in[0].dtype,
        ", must be floating");
  check(a.pool_type != "lp" || a.p_value >= 1, ErrorKind::kInvalidArgument, "p_value is ",
        a.p_value, ", must be >= 1");
  return {out_shape(a, in[0].shape), in[0].dtype};
}

// For the two operators that take data second: `first` has the shape of the output or of data.
Spec infer_with(const PoolingAttrs& a, const Specs& in, bool first_is_output) {
  const Spec out = infer(a, {in[1]});
  check(first_is_output || a.pool_type == "max", ErrorKind::kInvalidArgument, "pool_type is ",
        a.pool_type, ", must be max");
  const Spec& want = first_is_output ? out : in[1];
  check(in[0].shape == want.shape, ErrorKind::kShape, first_is_output ? "dout" : "values",
        " has shape ", in[0].shape, ", must be ", want.shape, " for data of shape ", in[1].shape);
  check(in[0].dtype == want.dtype, ErrorKind::kType, "data has dtype ", in[1].dtype, ", must be ",
        in[0].dtype, " as the other input");
  return first_is_output ? in[1] : out;
}

void kernel(const PoolingAttrs& a, const KernelArgs& k) {
  const kernels::Pool p = window(a, *k.in[0].shape);
  if (a.pool_type == "lp") {
    return kernels::pool_norm(p, static_cast<double>(a.p_value), k.in[0].dtype, k.in[0].data,
                              k.out[0].data, k.threads);
  }
  kernels::pool(p, k.in[0].dtype, k.in[0].data, k.out[0].data, k.threads);
}

void backward_kernel(const PoolingAttrs& a, const KernelArgs& k) {
  kernels::pool_backward(window(a, *k.in[1].shape), k.in[0].dtype, k.in[0].data, k.in[1].data,
                         k.out[0].data, k.threads);
}

void at_maximum_kernel(const PoolingAttrs& a, const KernelArgs& k) {
  kernels::pool_at_maximum(window(a, *k.in[1].shape), k.in[0].dtype, k.in[0].data, k.in[1].data,
                           k.out[0].data, k.threads);
}

AttrValue layout_of(const PoolingAttrs& a) { return a.layout ? AttrValue(*a.layout) : AttrValue{}; }

#define PLAIT_WINDOW_NAMES                                                       \
  {                                                                              \
    "kernel", "stride", "pad", "pool_type", "pooling_convention", "global_pool", \
        "count_include_pad", "layout", "p_value"                                 \
  }
#define PLAIT_WINDOW_VALUES(a)                                                   \
  {                                                                              \
    a.kernel, a.stride, a.pad, a.pool_type, a.pooling_convention, a.global_pool, \
        a.count_include_pad, layout_of(a), a.p_value                             \
  }

Values backward(const PoolingAttrs& a, const GradArgs& g) {
  static const OpCall kSpread("pooling_backward", PLAIT_WINDOW_NAMES),
      kPool("pooling", PLAIT_WINDOW_NAMES);
  if (a.pool_type != "lp") return {kSpread({g.dout(), g.in(0)}, PLAIT_WINDOW_VALUES(a))};
  // d(sum |x|^p)^(1/p) = sign(x) |x|^(p-1) y^(1-p), and 0 where y is.
  PoolingAttrs sum = a;
  sum.pool_type = "sum";
  const double p = static_cast<double>(a.p_value);
  const Value y = kPool({g.in(0)}, PLAIT_WINDOW_VALUES(a)), none = equal(y, 0.0);
  const Value scale = g.dout() * power(y + none, 1 - p) * (1.0 - none);
  const Value spread = kSpread({scale, g.in(0)}, PLAIT_WINDOW_VALUES(sum));
  return {spread * sign(g.in(0)) * power(abs(g.in(0)), p - 1)};
}

// Linear in dout: the gradient reads what lies at the maxima, or is the mean (sum) again. Where the
// maxima are does not change with data.
Values backward_backward(const PoolingAttrs& a, const GradArgs& g) {
  static const OpCall kPool("pooling", PLAIT_WINDOW_NAMES),
      kAtMaximum("pooling_at_maximum", PLAIT_WINDOW_NAMES);
  if (a.pool_type != "max") return {kPool({g.dout()}, PLAIT_WINDOW_VALUES(a)), Value{}};
  return {kAtMaximum({g.dout(), g.in(1)}, PLAIT_WINDOW_VALUES(a)), Value{}};
}

Values at_maximum_backward(const PoolingAttrs& a, const GradArgs& g) {
  static const OpCall kSpread("pooling_backward", PLAIT_WINDOW_NAMES);
  return {kSpread({g.dout(), g.in(1)}, PLAIT_WINDOW_VALUES(a)), Value{}};
}

template <class Builder>
Builder& window_attrs(Builder&& b) {
  return b
      .attr("kernel", &PoolingAttrs::kernel, Dims{},
            "sizes of the window; not needed with global_pool")
      .attr("pool_type", &PoolingAttrs::pool_type, "max", "what is computed of a window")
      .choices({"max", "avg", "sum", "lp"})
      .attr("global_pool", &PoolingAttrs::global_pool, false, "one window over everything")
      .attr("pooling_convention", &PoolingAttrs::pooling_convention, "valid",
            "valid: only whole windows; full: the last may stick out; same: size / stride, rounded "
            "up")
      .choices({"valid", "full", "same"})
      .attr("stride", &PoolingAttrs::stride, Dims{}, "steps of the window; default ones")
      .attr("pad", &PoolingAttrs::pad, Dims{}, "elements added at both ends; default none")
      .attr("count_include_pad", &PoolingAttrs::count_include_pad, true,
            "the mean counts padding as zeros")
      .attr("layout", &PoolingAttrs::layout, std::nullopt,
            "NCW, NCHW or NCDHW; or NWC, NHWC or NDHWC")
      .attr("p_value", &PoolingAttrs::p_value, 2, "p of pool_type lp, >= 1");
}

const int registered_pooling =
    window_attrs(OpBuilder<PoolingAttrs>(Op::add("pooling", __FILE__, __LINE__)))
        .attr("cudnn_off", &PoolingAttrs::cudnn_off, false,
              "kept for MXNet's programs; without effect")
        .doc("Maximum, mean, sum or p-norm of a window that slides over 1 to 3 spatial axes.")
        .input("data", "(batch, channels, spatial...), or as layout says")
        .output("output", "(batch, channels, spatial...), or as layout says")
        .on("nd sym", "Pooling")
        .on("nd sym", "Pooling_v1")
        .on("npx", "pooling")
        .infer(infer)
        .cpu(kernel)
        .portable()
        .grad(backward, saves_input(0));

const int registered_backward =
    window_attrs(OpBuilder<PoolingAttrs>(Op::add("pooling_backward", __FILE__, __LINE__)))
        .doc("Gradient of pooling with respect to data.")
        .input("dout", "gradient of the output")
        .input("data", "as for pooling")
        .output("ddata", "shape of data")
        .infer(+[](const PoolingAttrs& a, const Specs& in) { return infer_with(a, in, true); })
        .cpu(backward_kernel)
        .portable()
        .grad(backward_backward, saves_input(1));

const int registered_at_maximum =
    window_attrs(OpBuilder<PoolingAttrs>(Op::add("pooling_at_maximum", __FILE__, __LINE__)))
        .doc(
            "Elements of values where the windows of data have their maxima: the gradient of "
            "pooling_backward.")
        .input("values", "shape of data")
        .input("data", "as for pooling")
        .output("output", "(batch, channels, spatial...), as the output of pooling")
        .infer(+[](const PoolingAttrs& a, const Specs& in) { return infer_with(a, in, false); })
        .cpu(at_maximum_kernel)
        .portable()
        .grad(at_maximum_backward, saves_input(1));

}  // namespace
}  // namespace plait::op
