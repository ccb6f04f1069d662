#include <cmath>
#include <vector>

#include "kernels/convert.h"
#include "kernels/copy.h"
#include "kernels/elementwise.h"
#include "kernels/math.h"
#include "op/functions.h"
#include "op/op.h"

// Last layers of a network with a loss: the gradient is that of the loss with the label, whatever
// comes from behind.
namespace plait::ops {
namespace {

struct RegressionAttrs {
  double grad_scale;
};

Spec infer(const RegressionAttrs&, const Specs& in) {
  check(is_floating(in[0].dtype), ErrorKind::kType, "data has dtype ", in[0].dtype,
        ", must be floating");
  check(num_elements(in[1].shape) == num_elements(in[0].shape), ErrorKind::kShape,
        "label has shape ", in[1].shape, ", must have as many elements as data of shape ",
        in[0].shape);
  return in[0];
}

void complete(const RegressionAttrs&, std::vector<Dims>& in, std::vector<bool>& known) {
  if (!known[0] || known[1]) return;
  in[1] = in[0];
  if (in[1].size() == 2 && in[1][1] == 1) in[1].pop_back();  // MXNet's rule for one output
  known[1] = true;
}

// `slope` of the loss for each element, scaled by grad_scale over the outputs of a sample.
template <class F>
Values backward(const RegressionAttrs& a, const GradArgs& g, const F& slope) {
  const Dims& shape = g.out_spec(0).shape;
  const int64_t batch = shape.empty() ? 1 : std::max<int64_t>(1, shape[0]);
  const double outputs = static_cast<double>(std::max<int64_t>(1, num_elements(shape) / batch));
  const Value label = op::cast_to(op::reshape_to(g.in(1), shape), g.out_spec(0).dtype);
  return {slope(g.out(0) - label) * (a.grad_scale / outputs), Value{}};
}

#define PLAIT_REGRESSION(name, text)                                                         \
  PLAIT_OP(name, RegressionAttrs)                                                            \
      .doc(text)                                                                             \
      .input("data", "floating array (batch, ...)")                                          \
      .input("label", "as many elements as data")                                            \
      .output("output", "shape and dtype of data")                                           \
      .attr("grad_scale", &RegressionAttrs::grad_scale, 1.0,                                 \
            "factor of the gradient, which is divided by the number of outputs of a sample") \
      .infer(infer)                                                                          \
      .complete(complete)

void copy_kernel(const RegressionAttrs&, const op::KernelArgs& k) {
  kernels::copy(k.in[0], k.out[0], k.threads);
}

PLAIT_REGRESSION(linear_regression_output,
                 "The data; its gradient is that of half the squared distance to label.")
    .on("nd sym", "LinearRegressionOutput")
    .cpu(copy_kernel)
    .portable()
    .grad([](const RegressionAttrs& a, const GradArgs& g)
              -> Values { return backward(a, g, [](const Value& v) { return v; }); },
          op::saves_input(1) | op::saves_output(0));

PLAIT_REGRESSION(mae_regression_output,
                 "The data; its gradient is that of the absolute distance to label.")
    .on("nd sym", "MAERegressionOutput")
    .cpu(copy_kernel)
    .portable()
    .grad([](const RegressionAttrs& a, const GradArgs& g)
              -> Values { return backward(a, g, [](const Value& v) { return op::sign(v); }); },
          op::saves_input(1) | op::saves_output(0));

struct sigmoid_fn {
  template <class T>
  PLAIT_FN static T f(T x) {
    return kernels::math::sigmoid(x);
  }
};
PLAIT_REGRESSION(logistic_regression_output,
                 "Sigmoid of data; the gradient is that of the cross-entropy with label.")
    .on("nd sym", "LogisticRegressionOutput")
    .cpu([](const RegressionAttrs&, const op::KernelArgs& k) {
      static constexpr kernels::Loops kLoops = kernels::unary_float_loops<sigmoid_fn>();
      kernels::apply(kLoops, kernels::compute_type(k.in[0].dtype), k.out[0], k.in, k.threads);
    })
    .portable()
    .grad([](const RegressionAttrs& a, const GradArgs& g)
              -> Values { return backward(a, g, [](const Value& v) { return v; }); },
          op::saves_input(1) | op::saves_output(0));

struct SvmAttrs {
  double margin, regularization_coefficient;
  bool use_linear;
};

// For the label's class -c [margin > x], for others c [margin > -x]; in the squared form times
// 2 (margin - x), 2 (margin + x).
Values svm_backward(const SvmAttrs& a, const GradArgs& g) {
  static const OpCall kOneHot("one_hot", {"depth", "dtype"});
  const Spec& spec = g.out_spec(0);
  const Value hot = kOneHot({g.in(1)}, {spec.shape[1], std::string(dtype_name(spec.dtype))});
  const Value sign = 1.0 - hot * 2.0;  // -1 at the label
  const Value reach = op::maximum(sign * g.out(0) + a.margin, 0.0);
  const double c = a.regularization_coefficient;
  if (a.use_linear) return {sign * op::greater(reach, 0.0) * c, Value{}};
  return {sign * reach * (2 * c), Value{}};
}

PLAIT_OP(svm_output, SvmAttrs)
    .doc("The data; its gradient is that of a one-against-all hinge loss.")
    .source("Tang: Deep learning using linear support vector machines (2013)")
    .input("data", "floating array (batch, classes)")
    .input("label", "(batch,), number of the class")
    .output("output", "the data")
    .attr("margin", &SvmAttrs::margin, 1.0, "distance at which the loss ends")
    .attr("regularization_coefficient", &SvmAttrs::regularization_coefficient, 1.0,
          "factor of the gradient")
    .attr("use_linear", &SvmAttrs::use_linear, false, "hinge loss; False: its square")
    .on("nd sym", "SVMOutput")
    .infer([](const SvmAttrs&, const Specs& in) -> Spec {
      const Dims& data = in[0].shape;
      check(is_floating(in[0].dtype), ErrorKind::kType, "data has dtype ", in[0].dtype,
            ", must be floating");
      check(data.size() == 2, ErrorKind::kShape, "data has shape ", data,
            ", must be (batch, classes)");
      check(in[1].shape == Dims{data[0]}, ErrorKind::kShape, "label has shape ", in[1].shape,
            ", must be ", Dims{data[0]});
      return in[0];
    })
    .complete([](const SvmAttrs&, std::vector<Dims>& in, std::vector<bool>& known) {
      if (!known[0] || known[1] || in[0].empty()) return;
      in[1] = {in[0][0]};
      known[1] = true;
    })
    .cpu([](const SvmAttrs&, const op::KernelArgs& k) {
      kernels::copy(k.in[0], k.out[0], k.threads);
    })
    .portable()
    .grad(svm_backward, op::saves_input(1) | op::saves_output(0));

PLAIT_OP(softmax_cross_entropy, op::NoAttrs)
    .doc("Sum over the batch of -log softmax(data) at the label.")
    .input("data", "floating array (batch, classes)")
    .input("label", "(batch,), number of the class")
    .output("output", "(1,)")
    .on("nd sym", "softmax_cross_entropy")
    .infer([](const op::NoAttrs&, const Specs& in) -> Spec {
      const Dims& data = in[0].shape;
      check(is_floating(in[0].dtype), ErrorKind::kType, "data has dtype ", in[0].dtype,
            ", must be floating");
      check(data.size() == 2 && data[1] > 0, ErrorKind::kShape, "data has shape ", data,
            ", must be (batch, classes)");
      check(in[1].shape == Dims{data[0]}, ErrorKind::kShape, "label has shape ", in[1].shape,
            ", must be ", Dims{data[0]});
      return {{1}, in[0].dtype};
    })
    .complete([](const op::NoAttrs&, std::vector<Dims>& in, std::vector<bool>& known) {
      if (!known[0] || known[1] || in[0].empty()) return;
      in[1] = {in[0][0]};
      known[1] = true;
    })
    .cpu([](const op::NoAttrs&, const op::KernelArgs& k) {
      const int64_t batch = k.in[0].dim(0), n = k.in[0].dim(1);
      std::vector<int64_t> label(static_cast<size_t>(batch));
      kernels::convert(k.in[1].data, k.in[1].dtype, 1, label.data(), DType::kInt64, batch);
      dispatch_floating(k.in[0].dtype, [&]<class T>(T) {
        using A = acc_t<T>;
        double total = 0;
        for (int64_t i = 0; i < batch; ++i) {
          const T* x = k.in[0].ptr<T>() + i * n;
          const int64_t at = label[static_cast<size_t>(i)];
          check(at >= 0 && at < n, ErrorKind::kIndex, "label has ", at, ", must be in [0, ", n - 1,
                "]");
          A top = static_cast<A>(x[0]);
          for (int64_t j = 1; j < n; ++j) top = std::max(top, static_cast<A>(x[j]));
          double sum = 0;
          for (int64_t j = 0; j < n; ++j)
            sum += static_cast<double>(kernels::math::exp(static_cast<A>(x[j]) - top));
          total += std::log(sum) - static_cast<double>(static_cast<A>(x[at]) - top);
        }
        k.out[0].ptr<T>()[0] = static_cast<T>(static_cast<A>(total));
      });
    })
    .grad(
        [](const op::NoAttrs&, const GradArgs& g) -> Values {
          static const OpCall kSoftmax("softmax"), kOneHot("one_hot", {"depth", "dtype"});
          const Spec& spec = g.in_spec(0);
          const Value hot =
              kOneHot({g.in(1)}, {spec.shape[1], std::string(dtype_name(spec.dtype))});
          return {(kSoftmax({g.in(0)}) - hot) * op::reshape_to(g.dout(), {1, 1}), Value{}};
        },
        op::saves_inputs());

}  // namespace
}  // namespace plait::ops
