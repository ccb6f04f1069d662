#include <cmath>

#include "kernels/convert.h"
#include "kernels/math.h"
#include "kernels/parallel.h"
#include "op/functions.h"
#include "op/op.h"
#include "ops/expect.h"

// Softmax as the last layer of a network: the gradient is that of the cross-entropy with the label,
// whatever comes from behind.
namespace plait::ops {
namespace {

struct SoftmaxOutputAttrs {
  double grad_scale, ignore_label;
  bool multi_output, use_ignore, preserve_shape;
  std::string normalization;
  bool out_grad;
  double smooth_alpha;
};

// Data as (outer, classes, inner), a softmax over the classes.
struct Classes {
  int64_t outer = 1, n = 1, inner = 1;
  Classes(const SoftmaxOutputAttrs& a, const Dims& data) {
    check(data.size() >= 1, ErrorKind::kShape, "data has shape ", data, ", must have an axis");
    if (a.multi_output) {
      check(data.size() >= 2, ErrorKind::kShape, "data has shape ", data,
            ", must be (batch, classes, ...) for multi_output");
      outer = data[0], n = data[1];
      for (size_t i = 2; i < data.size(); ++i) inner *= data[i];
    } else if (a.preserve_shape || data.size() == 1) {
      n = data.back();
      for (size_t i = 0; i + 1 < data.size(); ++i) outer *= data[i];
    } else {
      outer = data[0];
      for (size_t i = 1; i < data.size(); ++i) n *= data[i];
    }
  }
  int64_t labels() const { return outer * inner; }
  int64_t start(int64_t line) const { return line / inner * n * inner + line % inner; }
};

// One label for each line; or the distribution itself, in the shape of data.
bool is_distribution(const Dims& label, const Dims& data) { return label == data; }

Dims label_shape(const SoftmaxOutputAttrs& a, const Dims& data) {
  Dims shape = data;
  if (a.multi_output) {
    shape.erase(1);
  } else if (a.preserve_shape || data.size() == 1) {
    shape.pop_back();
  } else {
    shape.resize(1);
  }
  return shape;
}

Spec infer(const SoftmaxOutputAttrs& a, const Specs& in) {
  const Classes c(a, in[0].shape);
  check(is_floating(in[0].dtype), ErrorKind::kType, "data has dtype ", in[0].dtype,
        ", must be floating");
  check(is_distribution(in[1].shape, in[0].shape) || num_elements(in[1].shape) == c.labels(),
        ErrorKind::kShape, "label has shape ", in[1].shape, ", must be ",
        label_shape(a, in[0].shape), " or that of data, ", in[0].shape);
  check(a.smooth_alpha >= 0 && a.smooth_alpha <= 1, ErrorKind::kInvalidArgument, "smooth_alpha is ",
        a.smooth_alpha, ", must be in [0, 1]");
  return in[0];
}

void kernel(const SoftmaxOutputAttrs& a, const op::KernelArgs& k) {
  const Classes c(a, *k.in[0].shape);
  dispatch_floating(k.in[0].dtype, [&]<class T>(T) {
    using A = acc_t<T>;
    const T* x = k.in[0].ptr<T>();
    T* y = k.out[0].ptr<T>();
    const int64_t grain = std::max<int64_t>(1, 8192 / std::max<int64_t>(c.n, 1));
    kernels::parallel_for(k.threads, c.labels(), grain, [&](int64_t begin, int64_t end) {
      std::vector<A> line(static_cast<size_t>(c.n));
      for (int64_t i = begin; i < end; ++i) {
        const int64_t at = c.start(i);
        A top = static_cast<A>(x[at]), sum = 0;
        for (int64_t j = 1; j < c.n; ++j) top = std::max(top, static_cast<A>(x[at + j * c.inner]));
        for (int64_t j = 0; j < c.n; ++j) {
          sum += line[static_cast<size_t>(j)] =
              kernels::math::exp(static_cast<A>(x[at + j * c.inner]) - top);
        }
        for (int64_t j = 0; j < c.n; ++j)
          y[at + j * c.inner] = static_cast<T>(line[static_cast<size_t>(j)] / sum);
      }
    });
  });
}

// Inputs: output, label and, with out_grad, the gradient of the output.
void backward_kernel(const SoftmaxOutputAttrs& a, const op::KernelArgs& k) {
  const Classes c(a, *k.in[0].shape);
  const bool whole = is_distribution(*k.in[1].shape, *k.in[0].shape) && !(c.n == 1);
  std::vector<double> label(static_cast<size_t>(k.in[1].size()));
  kernels::convert(k.in[1].data, k.in[1].dtype, 1, label.data(), DType::kFloat64, k.in[1].size());
  double valid = 0;
  if (a.normalization == "valid") {
    for (double v : label) valid += !a.use_ignore || v != a.ignore_label;
    if (whole) valid = static_cast<double>(c.labels());
  }
  double scale = a.grad_scale;
  if (a.normalization == "batch") scale /= static_cast<double>(std::max<int64_t>(1, c.outer));
  if (a.normalization == "valid") scale /= std::max(1.0, valid);
  if (a.multi_output && a.normalization != "valid") scale /= static_cast<double>(c.inner);
  const double smooth = c.n > 1 ? a.smooth_alpha / static_cast<double>(c.n - 1) : 0;
  dispatch_floating(k.in[0].dtype, [&]<class T>(T) {
    using A = acc_t<T>;
    const T* y = k.in[0].ptr<T>();
    const T* dy = k.in.size() > 2 ? k.in[2].ptr<T>() : nullptr;
    T* dx = k.out[0].ptr<T>();
    for (int64_t i = 0; i < c.labels(); ++i) {
      const int64_t at = c.start(i);
      const double given = whole ? 0 : label[static_cast<size_t>(i)];
      const bool ignored = !whole && a.use_ignore && given == a.ignore_label;
      for (int64_t j = 0; j < c.n; ++j) {
        const int64_t p = at + j * c.inner;
        const double target = whole                              ? label[static_cast<size_t>(p)]
                              : j == static_cast<int64_t>(given) ? 1 - a.smooth_alpha
                                                                 : smooth;
        double d = ignored ? 0 : (static_cast<double>(static_cast<A>(y[p])) - target) * scale;
        if (dy) d *= static_cast<double>(static_cast<A>(dy[p]));
        dx[p] = static_cast<T>(static_cast<A>(d));
      }
    }
  });
}

Values backward(const SoftmaxOutputAttrs& a, const GradArgs& g) {
  static const OpCall kBack("softmax_output_backward",
                            {"grad_scale", "ignore_label", "multi_output", "use_ignore",
                             "preserve_shape", "normalization", "smooth_alpha"});
  Values in{g.out(0), g.in(1)};
  if (a.out_grad) in.push_back(g.dout());
  const op::AttrValue attrs[] = {a.grad_scale,     a.ignore_label,  a.multi_output, a.use_ignore,
                                 a.preserve_shape, a.normalization, a.smooth_alpha};
  return {kBack.all({in.data(), in.size()}, attrs)[0], Value{}};
}

template <class Builder>
Builder& output_attrs(Builder&& b) {
  return b.attr("grad_scale", &SoftmaxOutputAttrs::grad_scale, 1.0, "factor of the gradient")
      .attr("ignore_label", &SoftmaxOutputAttrs::ignore_label, -1.0,
            "with use_ignore, lines with this label get no gradient")
      .attr("multi_output", &SoftmaxOutputAttrs::multi_output, false,
            "softmax over axis 1, one label for each place")
      .attr("use_ignore", &SoftmaxOutputAttrs::use_ignore, false, "whether ignore_label counts")
      .attr("preserve_shape", &SoftmaxOutputAttrs::preserve_shape, false,
            "softmax over the last axis instead of all but the first")
      .attr("normalization", &SoftmaxOutputAttrs::normalization, "null",
            "divisor of the gradient: none, the batch size, or the number of labels not ignored")
      .choices({"batch", "null", "valid"})
      .attr("out_grad", &SoftmaxOutputAttrs::out_grad, false,
            "multiply the gradient by what comes from behind")
      .attr("smooth_alpha", &SoftmaxOutputAttrs::smooth_alpha, 0.0,
            "share of the label that is spread over the other classes, in [0, 1]");
}

const int registered_forward =
    output_attrs(
        op::OpBuilder<SoftmaxOutputAttrs>(op::Op::add("softmax_output", __FILE__, __LINE__)))
        .doc("Softmax whose gradient is that of the cross-entropy with label.")
        .input("data", "floating array (batch, classes, ...)")
        .input("label", "number of the class of each line, or their distribution in data's shape")
        .output("output", "shape and dtype of data; every value in [0, 1]")
        .on("nd sym", "SoftmaxOutput")
        .on("nd sym", "Softmax")
        .infer(infer)
        .complete([](const SoftmaxOutputAttrs& a, std::vector<Dims>& in, std::vector<bool>& known) {
          if (!known[0] || known[1] || in[0].size() < (a.multi_output ? 2u : 1u)) return;
          in[1] = label_shape(a, in[0]);
          known[1] = true;
        })
        .cpu(kernel)
        .grad(backward, op::saves_input(1) | op::saves_output(0));

const int registered_backward =
    output_attrs(op::OpBuilder<SoftmaxOutputAttrs>(
                     op::Op::add("softmax_output_backward", __FILE__, __LINE__)))
        .doc("Gradient of softmax_output.")
        .input("output", "output of softmax_output")
        .input("label", "as for softmax_output")
        .optional_input("dout", "gradient of the output; with out_grad")
        .output("ddata", "shape and dtype of output")
        .infer(+[](const SoftmaxOutputAttrs& a, const Specs& in) -> Spec {
          if (in.size() > 2) expect(in[2], in[0], "dout");
          return infer(a, in);
        })
        .cpu(backward_kernel);

struct ActivationAttrs {
  std::string mode;
};

// softmax along one axis of data in (batch, features) or as it is.
PLAIT_OP(softmax_activation, ActivationAttrs)
    .doc("Softmax over all features of a sample, or over its channels at every place.")
    .input("data", "floating array (batch, channels, ...)")
    .output("output", "shape and dtype of data")
    .attr("mode", &ActivationAttrs::mode, "instance", "over the whole sample or over axis 1")
    .choices({"channel", "instance"})
    .on("nd sym", "SoftmaxActivation")
    .infer([](const ActivationAttrs&, const Specs& in) -> Spec {
      check(is_floating(in[0].dtype), ErrorKind::kType, "data has dtype ", in[0].dtype,
            ", must be floating");
      check(in[0].shape.size() >= 2, ErrorKind::kShape, "data has shape ", in[0].shape,
            ", must be (batch, channels, ...)");
      return in[0];
    })
    .cpu([](const ActivationAttrs& a, const op::KernelArgs& k) {
      kernel({1, -1, a.mode == "channel", false, false, "null", false, 0}, k);
    })
    .grad(
        [](const ActivationAttrs& a, const GradArgs& g) -> Values {
          static const OpCall kSum("sum", {"axis", "keepdims"});
          Dims axes{1};
          for (size_t i = 2; a.mode == "instance" && i < g.out_spec(0).shape.size(); ++i) {
            axes.push_back(static_cast<int64_t>(i));
          }
          const Value y = g.out(0), dy = g.dout();
          return {y * (dy - kSum({dy * y}, {axes, true}))};
        },
        op::saves_output(0));

}  // namespace
}  // namespace plait::ops
