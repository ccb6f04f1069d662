#include "kernels/convert.h"
#include "kernels/elementwise.h"
#include "kernels/math.h"
#include "op/op.h"

namespace plait::op {
namespace {

namespace math = kernels::math;

struct ActivationAttrs {
  std::string act_type;
};

// Each function with its derivative, written in terms of the result y.
struct Relu {
  template <class T>
  PLAIT_FN static T f(T x) {
    return x > T(0) ? x : x == x ? T(0) : x;
  }
  template <class T>
  PLAIT_FN static T d(T y) {
    return y > T(0) ? T(1) : T(0);
  }
};
struct Sigmoid {
  template <class T>
  PLAIT_FN static T f(T x) {
    return T(1) / (T(1) + math::exp(-x));
  }
  template <class T>
  PLAIT_FN static T d(T y) {
    return y * (T(1) - y);
  }
};
struct Tanh {
  template <class T>
  PLAIT_FN static T f(T x) {
    return math::tanh(x);
  }
  template <class T>
  PLAIT_FN static T d(T y) {
    return T(1) - y * y;
  }
};
struct SoftRelu {  // log(1 + exp x), without overflow
  template <class T>
  PLAIT_FN static T f(T x) {
    const T a = x > T(0) ? x : T(0), b = x > T(0) ? -x : x;
    return a + math::log(T(1) + math::exp(b));
  }
  template <class T>
  PLAIT_FN static T d(T y) {
    return T(1) - math::exp(-y);
  }
};
struct SoftSign {
  template <class T>
  PLAIT_FN static T f(T x) {
    return x / (T(1) + (x > T(0) ? x : -x));
  }
  template <class T>
  PLAIT_FN static T d(T y) {
    const T u = T(1) - (y > T(0) ? y : -y);
    return u * u;
  }
};

template <class F>
void with_function(const std::string& type, const F& f) {
  if (type == "relu") return f(Relu{});
  if (type == "sigmoid") return f(Sigmoid{});
  if (type == "tanh") return f(Tanh{});
  if (type == "softrelu") return f(SoftRelu{});
  f(SoftSign{});
}

template <class F>
struct Backward {
  template <class T>
  PLAIT_FN static T f(T dy, T y) {
    return dy * F::d(y);
  }
};

Spec infer_backward(const ActivationAttrs&, const Specs& in) {
  check(in[1].shape == in[0].shape && in[1].dtype == in[0].dtype, ErrorKind::kShape,
        "output has shape ", in[1].shape, " and dtype ", in[1].dtype,
        ", must be as dout: ", in[0].shape, ", ", in[0].dtype);
  return in[0];
}

Spec infer(const ActivationAttrs&, const Specs& in) {
  check(is_floating(in[0].dtype), ErrorKind::kType, "data has dtype ", in[0].dtype,
        ", must be floating");
  return in[0];
}

void kernel(const ActivationAttrs& a, const KernelArgs& k) {
  const DType type = kernels::compute_type(k.out[0].dtype);
  with_function(a.act_type, [&]<class F>(F) {
    static constexpr kernels::Loops kLoops = kernels::unary_float_loops<F>();
    kernels::apply(kLoops, type, k.out[0], k.in, k.threads);
  });
}

void backward_kernel(const ActivationAttrs& a, const KernelArgs& k) {
  const DType type = kernels::compute_type(k.out[0].dtype);
  with_function(a.act_type, [&]<class F>(F) {
    static constexpr kernels::Loops kLoops = kernels::binary_float_loops<Backward<F>>();
    kernels::apply(kLoops, type, k.out[0], k.in, k.threads);
  });
}

// The derivative as operators, for higher orders.
Value derivative(const std::string& type, const Value& y) {
  static const OpCall kExp("exp"), kAbs("abs"), kGreater("greater_scalar", {"scalar"});
  if (type == "sigmoid") return y * (1.0 - y);
  if (type == "tanh") return 1.0 - y * y;
  if (type == "softrelu") return 1.0 - kExp({-y});
  if (type == "softsign") {
    const Value u = 1.0 - kAbs({y});
    return u * u;
  }
  return cast_to(kGreater({y}, {0.0}), y.dtype());
}

Values backward(const ActivationAttrs& a, const GradArgs& g) {
  static const OpCall kFused("activation_backward", {"act_type"});
  if (current_tracer().differentiable()) return {g.dout() * derivative(a.act_type, g.out(0))};
  return {kFused({g.dout(), g.out(0)}, {a.act_type})};
}

PLAIT_OP(activation, ActivationAttrs)
    .doc("One of the classic functions of a neuron, element by element.")
    .input("data", "floating array of any shape")
    .output("output", "shape and dtype of data")
    .required_attr("act_type", &ActivationAttrs::act_type, "which function")
    .choices({"relu", "sigmoid", "tanh", "softrelu", "softsign"})
    .on("nd", "Activation")
    .on("sym", "Activation")
    .on("npx", "activation")
    .strided()
    .elementwise()
    .infer(infer)
    .cpu(kernel)
    .portable()
    .grad(backward, saves_output(0));

PLAIT_OP(activation_backward, ActivationAttrs)
    .doc("Gradient of activation from its output.")
    .input("dout", "gradient of the output")
    .input("output", "output of activation")
    .output("ddata", "shape and dtype of dout")
    .required_attr("act_type", &ActivationAttrs::act_type, "which function")
    .strided()
    .elementwise()
    .infer(infer_backward)
    .cpu(backward_kernel)
    .portable();

}  // namespace
}  // namespace plait::op
