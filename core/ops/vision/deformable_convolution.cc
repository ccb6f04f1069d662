#include <algorithm>
#include <vector>

#include "kernels/gemm.h"
#include "kernels/parallel.h"
#include "op/functions.h"
#include "op/op.h"
#include "ops/expect.h"
#include "ops/second_gradient.h"
#include "ops/sizes.h"
#include "ops/vision/sampling.h"

// Convolution whose window reads at learnt places: Dai et al., ICCV (2017); with a factor for each
// place: Zhu et al., CVPR (2019).
namespace plait::ops {
namespace {

using op::KernelArgs;

struct DeformableAttrs {
  Dims kernel, stride, dilate, pad;
  int64_t num_filter, num_group, num_deformable_group;
  bool no_bias;
  std::optional<std::string> layout;
  bool modulated;  // of the backward operator
};

struct Plan {
  int64_t batch, channels, height, width, filters, groups, parts, window, rows, columns;
  Dims kernel, stride, dilate, pad;

  Plan(const DeformableAttrs& a, const Dims& d)
      : kernel(a.kernel),
        stride(a.stride.empty() ? Dims{1, 1} : a.stride),
        dilate(a.dilate.empty() ? Dims{1, 1} : a.dilate),
        pad(a.pad.empty() ? Dims{0, 0} : a.pad) {
    check(d.size() == 4, ErrorKind::kShape, "data has shape ", d,
          ", must be (batch, channels, height, width)");
    check(kernel.size() == 2 && stride.size() == 2 && dilate.size() == 2 && pad.size() == 2,
          ErrorKind::kInvalidArgument, "kernel, stride, dilate and pad are ", kernel, ", ", stride,
          ", ", dilate, ", ", pad, ", must have 2 sizes each");
    batch = d[0], channels = d[1], height = d[2], width = d[3];
    filters = a.num_filter, groups = a.num_group, parts = a.num_deformable_group;
    check(groups > 0 && parts > 0 && filters > 0 && channels % groups == 0 &&
              filters % groups == 0 && channels % parts == 0,
          ErrorKind::kInvalidArgument, "num_filter is ", filters, ", num_group is ", groups,
          ", num_deformable_group is ", parts, ", groups must divide filters and ", channels,
          " channels");
    check_window(kernel, stride, dilate, pad);
    for (size_t i = 0; i < 2; ++i) {
      const int64_t span = d[i + 2] + 2 * pad[i] - (dilate[i] * (kernel[i] - 1) + 1);
      check(span >= 0, ErrorKind::kShape, "kernel is ", kernel, ", must fit into data of shape ",
            d);
      (i ? columns : rows) = span / stride[i] + 1;
    }
    window = product(kernel, "kernel");
    check_size({2, parts, window, rows, columns}, 1);
  }
  int64_t places() const { return rows * columns; }
  Dims weight_shape() const { return {filters, channels / groups, kernel[0], kernel[1]}; }
};

// Arrays of a call, by meaning.
struct Inputs {
  size_t data, offset, mask, weight, bias;
  explicit Inputs(bool modulated, size_t first = 0)
      : data(first),
        offset(first + 1),
        mask(first + 2),
        weight(first + 2 + modulated),
        bias(first + 3 + modulated) {}
};

template <bool kModulated>
Spec infer(const DeformableAttrs& a, const Specs& in) {
  const Plan p(a, in[0].shape);
  const Inputs at(kModulated);
  check(in[0].dtype == DType::kFloat32 || in[0].dtype == DType::kFloat64, ErrorKind::kType,
        "data has dtype ", in[0].dtype, ", must be float32 or float64");
  const auto expect = [&](size_t i, const char* name, const Dims& want) {
    check(in[i].shape == want, ErrorKind::kShape, name, " has shape ", in[i].shape, ", must be ",
          want);
    check(in[i].dtype == in[0].dtype, ErrorKind::kType, name, " has dtype ", in[i].dtype,
          ", must be ", in[0].dtype, " as data");
  };
  expect(at.offset, "offset", {p.batch, 2 * p.parts * p.window, p.rows, p.columns});
  if (kModulated) expect(at.mask, "mask", {p.batch, p.parts * p.window, p.rows, p.columns});
  expect(at.weight, "weight", p.weight_shape());
  if (!a.no_bias) expect(at.bias, "bias", {p.filters});
  return {{p.batch, p.filters, p.rows, p.columns}, in[0].dtype};
}

Specs infer_backward(const DeformableAttrs& a, const Specs& in) {
  DeformableAttrs forward = a;
  forward.no_bias = true;
  const Specs given(in.begin() + 1, in.end());
  expect(in[0], (a.modulated ? infer<true>(forward, given) : infer<false>(forward, given)), "dout");
  return given;
}

// Reads at one place. The plain operator knows nothing before the first pixel and repeats the last
// one, the modulated one fades out into zeros on all sides.
template <class T>
Bilinear<T> sampler(const Plan& p, T y, T x, bool fades) {
  if (fades) return {y, x, p.height, p.width};
  const T bottom = static_cast<T>(p.height - 1), right = static_cast<T>(p.width - 1);
  const bool inside = y >= T(0) && x >= T(0) && y < bottom + T(1) && x < right + T(1);
  Bilinear<T> s(inside ? std::min(y, bottom) : T(-2), inside ? std::min(x, right) : T(-2), p.height,
                p.width);
  for (int i = 0; i < 4; ++i) {
    if (y > bottom) s.dy[i] = T(0);
    if (x > right) s.dx[i] = T(0);
  }
  return s;
}

// f(row of the columns, place, channel, factor's place, sampler) for all reads of sample b.
template <class T, class F>
void each_read(const Plan& p, const T* offset, bool fades, const F& f) {
  const int64_t n = p.places(), per_part = p.channels / p.parts;
  for (int64_t part = 0; part < p.parts; ++part) {
    for (int64_t w = 0; w < p.window; ++w) {
      const T* down = offset + (part * p.window + w) * 2 * n;
      for (int64_t i = 0; i < n; ++i) {
        const T y =
            static_cast<T>(i / p.columns * p.stride[0] - p.pad[0] + w / p.kernel[1] * p.dilate[0]) +
            down[i];
        const T x =
            static_cast<T>(i % p.columns * p.stride[1] - p.pad[1] + w % p.kernel[1] * p.dilate[1]) +
            down[n + i];
        const Bilinear<T> s = sampler(p, y, x, fades);
        for (int64_t c = part * per_part; c < (part + 1) * per_part; ++c) {
          f((c * p.window + w) * n + i, c, (part * p.window + w) * n + i, s);
        }
      }
    }
  }
}

template <class T>
void make_columns(const Plan& p, const T* data, const T* offset, const T* mask, T* columns) {
  each_read(p, offset, mask != nullptr,
            [&](int64_t to, int64_t c, int64_t at, const Bilinear<T>& s) {
              const T v = s.read(data + c * p.height * p.width);
              columns[to] = mask ? v * mask[at] : v;
            });
}

template <bool kModulated, class T>
void forward(const DeformableAttrs& a, const KernelArgs& k) {
  const Plan p(a, *k.in[0].shape);
  const Inputs at(kModulated);
  const int64_t n = p.places(), size = p.channels * p.height * p.width,
                depth = p.channels / p.groups * p.window, width = p.filters / p.groups;
  kernels::parallel_for(k.threads, p.batch, 1, [&](int64_t begin, int64_t end) {
    std::vector<T> columns(static_cast<size_t>(p.channels * p.window * n));
    for (int64_t b = begin; b < end; ++b) {
      make_columns<T>(p, k.in[0].ptr<T>() + b * size,
                      k.in[at.offset].ptr<T>() + b * 2 * p.parts * p.window * n,
                      kModulated ? k.in[at.mask].ptr<T>() + b * p.parts * p.window * n : nullptr,
                      columns.data());
      T* y = k.out[0].ptr<T>() + b * p.filters * n;
      for (int64_t g = 0; g < p.groups; ++g) {
        kernels::gemm({false, false, 1, width, n, depth}, dtype_of<T>(),
                      k.in[at.weight].ptr<T>() + g * width * depth, columns.data() + g * depth * n,
                      nullptr, y + g * width * n, 1);
      }
      for (int64_t i = 0; !a.no_bias && i < p.filters * n; ++i)
        y[i] += k.in[at.bias].ptr<T>()[i / n];
    }
  });
}

// Inputs: dout, then those of the forward operator without bias. Outputs: gradients of data,
// offset, mask if there is one, weight.
template <class T>
void differentiate(const DeformableAttrs& a, const KernelArgs& k) {
  const Inputs at(a.modulated, 1);
  const Plan p(a, *k.in[at.data].shape);
  const int64_t n = p.places(), plane = p.height * p.width, size = p.channels * plane,
                depth = p.channels / p.groups * p.window, width = p.filters / p.groups;
  std::vector<T> columns(static_cast<size_t>(p.channels * p.window * n)), slopes(columns.size()),
      part(static_cast<size_t>(width * depth));
  for (const View& v : k.out) std::fill_n(v.ptr<T>(), v.size(), T(0));
  T* dweight = k.out[2 + a.modulated].ptr<T>();
  for (int64_t b = 0; b < p.batch; ++b) {
    const T *data = k.in[at.data].ptr<T>() + b * size,
            *offset = k.in[at.offset].ptr<T>() + b * 2 * p.parts * p.window * n,
            *mask = a.modulated ? k.in[at.mask].ptr<T>() + b * p.parts * p.window * n : nullptr,
            *dy = k.in[0].ptr<T>() + b * p.filters * n;
    make_columns(p, data, offset, mask, columns.data());
    for (int64_t g = 0; g < p.groups; ++g) {
      const T* weight = k.in[at.weight].ptr<T>() + g * width * depth;
      kernels::gemm({true, false, 1, depth, n, width}, dtype_of<T>(), weight, dy + g * width * n,
                    nullptr, slopes.data() + g * depth * n, k.threads);
      kernels::gemm({false, true, 1, width, depth, n}, dtype_of<T>(), dy + g * width * n,
                    columns.data() + g * depth * n, nullptr, part.data(), k.threads);
      for (int64_t i = 0; i < width * depth; ++i)
        dweight[g * width * depth + i] += part[static_cast<size_t>(i)];
    }
    T *ddata = k.out[0].ptr<T>() + b * size,
      *doffset = k.out[1].ptr<T>() + b * 2 * p.parts * p.window * n,
      *dmask = a.modulated ? k.out[2].ptr<T>() + b * p.parts * p.window * n : nullptr;
    each_read(p, offset, a.modulated,
              [&](int64_t from, int64_t c, int64_t place, const Bilinear<T>& s) {
                const T* image = data + c * plane;
                const T d = slopes[static_cast<size_t>(from)], m = mask ? mask[place] : T(1);
                s.add(ddata + c * plane, d * m);
                T down = 0, right = 0;
                for (int i = 0; i < 4; ++i) {
                  down += s.dy[i] * image[s.at[i]];
                  right += s.dx[i] * image[s.at[i]];
                }
                const int64_t to = place / n * 2 * n + place % n;
                doffset[to] += d * m * down;
                doffset[to + n] += d * m * right;
                if (dmask) dmask[place] += d * s.read(image);
              });
  }
}

template <bool kModulated>
Values backward(const DeformableAttrs& a, const GradArgs& g) {
  static const OpCall kBack("deformable_convolution_backward",
                            {"kernel", "stride", "dilate", "pad", "num_filter", "num_group",
                             "num_deformable_group", "modulated"}),
      kSum("sum", {"axis", "exclude"});
  const Inputs at(kModulated);
  Values in{g.dout()};
  for (size_t i = 0; i < at.bias; ++i) in.push_back(g.in(i));
  const op::AttrValue attrs[] = {
      a.kernel,  a.stride, a.dilate, a.pad, a.num_filter, a.num_group, a.num_deformable_group,
      kModulated};
  Values d = kBack.all({in.data(), in.size()}, attrs);
  if (!a.no_bias) d.push_back(kSum({g.dout()}, {Dims{1}, true}));
  return d;
}

template <class Builder>
Builder& window_attrs(Builder&& b) {
  return b.required_attr("kernel", &DeformableAttrs::kernel, "(height, width) of the window")
      .attr("stride", &DeformableAttrs::stride, Dims{}, "steps of the window; default ones")
      .attr("dilate", &DeformableAttrs::dilate, Dims{}, "steps inside the window; default ones")
      .attr("pad", &DeformableAttrs::pad, Dims{}, "zeros at both ends; default none")
      .required_attr("num_filter", &DeformableAttrs::num_filter, "output channels, > 0")
      .attr("num_group", &DeformableAttrs::num_group, 1, "channels are convolved in groups")
      .attr("num_deformable_group", &DeformableAttrs::num_deformable_group, 1,
            "parts of the channels that have offsets of their own");
}

template <bool kModulated>
void complete(const DeformableAttrs& a, std::vector<Dims>& in, std::vector<bool>& known) {
  if (!known[0]) return;
  const Plan p(a, in[0]);
  const Inputs at(kModulated);
  const auto fill = [&](size_t i, const Dims& shape) {
    if (i < in.size() && !known[i]) in[i] = shape, known[i] = true;
  };
  fill(at.offset, {p.batch, 2 * p.parts * p.window, p.rows, p.columns});
  if (kModulated) fill(at.mask, {p.batch, p.parts * p.window, p.rows, p.columns});
  fill(at.weight, p.weight_shape());
  fill(at.bias, {p.filters});
}

template <bool kModulated>
void kernel(const DeformableAttrs& a, const KernelArgs& k) {
  if (k.in[0].dtype == DType::kFloat64) return forward<kModulated, double>(a, k);
  forward<kModulated, float>(a, k);
}

const int registered_plain =
    window_attrs(
        op::OpBuilder<DeformableAttrs>(op::Op::add("deformable_convolution", __FILE__, __LINE__)))
        .attr("no_bias", &DeformableAttrs::no_bias, false, "no bias is added")
        .attr("layout", &DeformableAttrs::layout, std::nullopt, "NCHW is the only one")
        .choices({"NCHW"})
        .doc(
            "Convolution whose window reads the data at places moved by offsets; 0 before the "
            "first "
            "pixel, the last one again behind it.")
        .source("Dai et al.: Deformable convolutional networks, ICCV (2017)")
        .input("data", "(batch, channels, height, width)")
        .input("offset", "(batch, 2 * groups * window, rows, columns): y and x, in pixels")
        .input("weight", "(num_filter, channels / num_group, kernel)")
        .optional_input("bias", "(num_filter,); left out with no_bias=True")
        .output("output", "(batch, num_filter, rows, columns)")
        .on("nd sym", "_contrib_DeformableConvolution")
        .on("nd sym", "contrib.DeformableConvolution")
        .num_inputs([](const DeformableAttrs& a) { return a.no_bias ? 3 : 4; })
        .infer(infer<false>)
        .complete(complete<false>)
        .cpu(kernel<false>)
        .grad(backward<false>, op::saves_inputs());

const int registered_modulated =
    window_attrs(op::OpBuilder<DeformableAttrs>(
                     op::Op::add("modulated_deformable_convolution", __FILE__, __LINE__)))
        .attr("no_bias", &DeformableAttrs::no_bias, false, "no bias is added")
        .attr("layout", &DeformableAttrs::layout, std::nullopt, "NCHW is the only one")
        .choices({"NCHW"})
        .doc("Convolution whose window reads the data at moved places, each with a factor.")
        .source("Zhu, Hu, Lin, Dai: Deformable ConvNets v2, CVPR (2019)")
        .input("data", "(batch, channels, height, width)")
        .input("offset", "(batch, 2 * groups * window, rows, columns): y and x, in pixels")
        .input("mask", "(batch, groups * window, rows, columns), factors")
        .input("weight", "(num_filter, channels / num_group, kernel)")
        .optional_input("bias", "(num_filter,); left out with no_bias=True")
        .output("output", "(batch, num_filter, rows, columns)")
        .on("nd sym", "_contrib_ModulatedDeformableConvolution")
        .on("nd sym", "contrib.ModulatedDeformableConvolution")
        .num_inputs([](const DeformableAttrs& a) { return a.no_bias ? 4 : 5; })
        .infer(infer<true>)
        .complete(complete<true>)
        .cpu(kernel<true>)
        .grad(backward<true>, op::saves_inputs());

const int registered_backward =
    window_attrs(op::OpBuilder<DeformableAttrs>(
                     op::Op::add("deformable_convolution_backward", __FILE__, __LINE__)))
        .attr("modulated", &DeformableAttrs::modulated, false, "there is a mask")
        .doc("Gradients of the deformable convolutions.")
        .variadic_input("arrays", "dout, data, offset, mask if modulated, weight")
        .output("ddata", "shape of data")
        .output("doffset", "shape of offset")
        .output("dmask", "shape of mask; if modulated")
        .output("dweight", "shape of weight")
        .num_outputs([](const DeformableAttrs& a) { return a.modulated ? 4 : 3; })
        .num_inputs([](const DeformableAttrs& a) { return a.modulated ? 5 : 4; })
        .infer(infer_backward)
        .cpu([](const DeformableAttrs& a, const KernelArgs& k) {
          k.in[0].dtype == DType::kFloat64 ? differentiate<double>(a, k)
                                           : differentiate<float>(a, k);
        })
        .grad(PLAIT_NO_SECOND_GRADIENT(DeformableAttrs, "deformable_convolution"),
              op::saves_nothing());

}  // namespace
}  // namespace plait::ops
