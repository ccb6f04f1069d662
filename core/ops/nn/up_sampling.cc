#include <cstring>

#include "kernels/copy.h"
#include "kernels/parallel.h"
#include "op/functions.h"
#include "op/op.h"
#include "ops/sizes.h"

namespace plait::ops {
namespace {

struct UpSamplingAttrs {
  int64_t scale, num_filter;
  std::string sample_type, multi_input_mode;
  int64_t num_args;
};

bool bilinear(const UpSamplingAttrs& a) { return a.sample_type == "bilinear"; }
bool summed(const UpSamplingAttrs& a) { return a.multi_input_mode == "sum"; }

// Factor of input i: all reach the size of the first one times scale.
int64_t factor_of(const UpSamplingAttrs& a, const Dims& first, const Dims& data, size_t i) {
  const int64_t height = first[2] * a.scale, width = first[3] * a.scale;
  check(data[2] > 0 && data[3] > 0 && height % data[2] == 0 && width == height / data[2] * data[3],
        ErrorKind::kShape, "array ", i, " has shape ", data, ", must scale by a whole number to (",
        height, ", ", width, ")");
  return height / data[2];
}

// Size of the deconvolution that interpolates linearly between the data.
struct Interpolation {
  int64_t kernel, pad;
  explicit Interpolation(int64_t scale) : kernel(2 * scale - scale % 2), pad(scale / 2) {}
};

Spec infer(const UpSamplingAttrs& a, const Specs& in) {
  check_extent(a.scale, 1, "scale");
  check(!in.empty(), ErrorKind::kInvalidArgument, "got no arrays, must be at least 1");
  check(!bilinear(a) || in.size() == 2, ErrorKind::kInvalidArgument, "got ", in.size(),
        " arrays, must be data and weight for sample_type 'bilinear'");
  const Dims& first = in[0].shape;
  Spec out = in[0];
  check(is_floating(out.dtype), ErrorKind::kType, "data has dtype ", out.dtype,
        ", must be floating");
  for (size_t i = 0; i < (bilinear(a) ? 1 : in.size()); ++i) {
    const Dims& data = in[i].shape;
    check(data.size() == 4, ErrorKind::kShape, "array ", i, " has shape ", data,
          ", must be (batch, channels, height, width)");
    check(data[0] == first[0] && (!summed(a) || data[1] == first[1]), ErrorKind::kShape, "array ",
          i, " has shape ", data, ", must fit array 0, ", first);
    check(in[i].dtype == out.dtype, ErrorKind::kType, "array ", i, " has dtype ", in[i].dtype,
          ", must be ", out.dtype, " as array 0");
    factor_of(a, first, data, i);
    if (i > 0 && !summed(a)) out.shape[1] += data[1];
  }
  if (bilinear(a)) {
    const Interpolation f(a.scale);
    const Dims want{first[1], 1, f.kernel, f.kernel};
    check(in[1].shape == want, ErrorKind::kShape, "weight has shape ", in[1].shape, ", must be ",
          want);
  }
  out.shape[2] = first[2] * a.scale;
  out.shape[3] = first[3] * a.scale;
  return out;
}

// Adds or writes `x` (planes, h, w), each element factor x factor times, to `y`.
template <class T>
void enlarge(const T* x, T* y, int64_t planes, int64_t h, int64_t w, int64_t factor, bool add,
             int threads) {
  kernels::parallel_for(threads, planes * h, 1 + 4096 / (w * factor * factor + 1),
                        [=](int64_t begin, int64_t end) {
                          const int64_t wide = w * factor;
                          for (int64_t row = begin; row < end; ++row) {
                            const T* from = x + row * w;
                            for (int64_t r = 0; r < factor; ++r) {
                              T* to = y + (row * factor + r) * wide;
                              for (int64_t j = 0; j < wide; ++j) {
                                const T v = from[j / factor];
                                to[j] = add ? static_cast<T>(to[j] + v) : v;
                              }
                            }
                          }
                        });
}

void nearest(const UpSamplingAttrs& a, const op::KernelArgs& k) {
  const Dims& first = *k.in[0].shape;
  const int64_t out_plane = k.out[0].dim(2) * k.out[0].dim(3), out_channels = k.out[0].dim(1);
  dispatch_floating(k.out[0].dtype, [&]<class T>(T) {
    int64_t channel = 0;
    for (size_t i = 0; i < k.in.size(); ++i) {
      const Dims& d = *k.in[i].shape;
      const int64_t factor = factor_of(a, first, d, i);
      for (int64_t n = 0; n < d[0]; ++n) {
        enlarge(k.in[i].ptr<T>() + n * d[1] * d[2] * d[3],
                k.out[0].ptr<T>() + (n * out_channels + channel) * out_plane, d[1], d[2], d[3],
                factor, summed(a) && i > 0, k.threads);
      }
      if (!summed(a)) channel += d[1];
    }
  });
}

// Attributes of the deconvolution, in the order of kDeconvolution.
template <class F>
auto with_interpolation(const UpSamplingAttrs& a, int64_t channels, const F& f) {
  const Interpolation i(a.scale);
  return f(Dims{i.kernel, i.kernel}, Dims{a.scale, a.scale}, Dims{i.pad, i.pad}, channels);
}

void kernel(const UpSamplingAttrs& a, const op::KernelArgs& k) {
  if (!bilinear(a)) return nearest(a, k);
  static const op::Op& kOp = op::Op::get("deconvolution");
  const op::AttrsRef attrs = with_interpolation(
      a, k.in[0].dim(1), [&](const Dims& size, const Dims& stride, const Dims& pad, int64_t n) {
        const std::pair<int, op::AttrValue> values[] = {{kOp.field_index("kernel"), size},
                                                        {kOp.field_index("stride"), stride},
                                                        {kOp.field_index("pad"), pad},
                                                        {kOp.field_index("num_filter"), n},
                                                        {kOp.field_index("num_group"), n}};
        return kOp.make_attrs(values);
      });
  kOp.kernel(kOp, kOp.data_of(attrs), k);
}

Values backward(const UpSamplingAttrs& a, const GradArgs& g) {
  if (bilinear(a)) {
    static const OpCall kConv("convolution",
                              {"kernel", "stride", "pad", "num_filter", "num_group", "no_bias"}),
        kWeight("convolution_backward_weight",
                {"kernel", "stride", "pad", "num_filter", "num_group"});
    return with_interpolation(
        a, g.in_spec(0).shape[1],
        [&](const Dims& size, const Dims& stride, const Dims& pad, int64_t n) {
          return Values{kConv({g.dout(), g.in(1)}, {size, stride, pad, n, n, true}),
                        kWeight({g.dout(), g.in(0)}, {size, stride, pad, n, n})};
        });
  }
  static const OpCall kPool("pooling", {"kernel", "stride", "pool_type"}),
      kSlice("slice_axis", {"axis", "begin", "end"});
  Values d(g.num_in());
  int64_t channel = 0;
  for (size_t i = 0; i < g.num_in(); ++i) {
    const Dims& shape = g.in_spec(i).shape;
    const int64_t factor = factor_of(a, g.in_spec(0).shape, shape, i);
    Value dy = g.dout();
    if (!summed(a)) {
      dy = kSlice({dy}, {int64_t{1}, channel, channel + shape[1]});
      channel += shape[1];
    }
    if (g.needs_grad(i)) d[i] = kPool({dy}, {Dims{factor, factor}, Dims{factor, factor}, "sum"});
  }
  return d;
}

PLAIT_OP(up_sampling, UpSamplingAttrs)
    .doc("Enlarges images by a whole factor.")
    .variadic_input(
        "data",
        "(batch, channels, height, width); several are joined; with 'bilinear' data and "
        "weight (channels, 1, 2 scale - scale % 2, 2 scale - scale % 2)")
    .output("output", "(batch, channels, scale height, scale width) for the sizes of the first")
    .required_attr("scale", &UpSamplingAttrs::scale, "factor, >= 1")
    .attr("num_filter", &UpSamplingAttrs::num_filter, 0,
          "channels, for 'bilinear'; those of data are taken")
    .required_attr("sample_type", &UpSamplingAttrs::sample_type,
                   "repeat each element, or a deconvolution with weight")
    .choices({"bilinear", "nearest"})
    .attr("multi_input_mode", &UpSamplingAttrs::multi_input_mode, "concat",
          "how several arrays are joined")
    .choices({"concat", "sum"})
    .attr("num_args", &UpSamplingAttrs::num_args, 1, "number of arrays; counted when given")
    .on("nd sym", "UpSampling")
    .infer(infer)
    .cpu(kernel)
    .grad(backward, op::saves_inputs());

}  // namespace
}  // namespace plait::ops
