#include <cmath>

#include "kernels/math.h"
#include "kernels/parallel.h"
#include "kernels/simd.h"
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
  static T f(T x) {
    return x > T(0) ? x : x == x ? T(0) : x;
  }
  template <class T>
  static T d(T y) {
    return y > T(0) ? T(1) : T(0);
  }
};
struct Sigmoid {
  template <class T>
  static T f(T x) {
    return T(1) / (T(1) + math::exp(-x));
  }
  template <class T>
  static T d(T y) {
    return y * (T(1) - y);
  }
};
struct Tanh {
  template <class T>
  static T f(T x) {
    return math::tanh(x);
  }
  template <class T>
  static T d(T y) {
    return T(1) - y * y;
  }
};
struct SoftRelu {  // log(1 + exp x), without overflow
  template <class T>
  static T f(T x) {
    const T a = x > T(0) ? x : T(0), b = x > T(0) ? -x : x;
    return a + math::log(T(1) + math::exp(b));
  }
  template <class T>
  static T d(T y) {
    return T(1) - math::exp(-y);
  }
};
struct SoftSign {
  template <class T>
  static T f(T x) {
    return x / (T(1) + (x > T(0) ? x : -x));
  }
  template <class T>
  static T d(T y) {
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
void with_real(DType dtype, const F& f) {
  if (dtype == DType::kFloat64)
    f(double{});
  else
    f(float{});
}

Spec infer(const ActivationAttrs&, const Specs& in) {
  check(in[0].dtype == DType::kFloat32 || in[0].dtype == DType::kFloat64, ErrorKind::kType,
        "data has dtype ", in[0].dtype, ", must be float32 or float64");
  return in[0];
}

void kernel(const ActivationAttrs& a, const KernelArgs& k) {
  with_function(a.act_type, [&]<class F>(F) {
    with_real(k.in[0].dtype, [&]<class T>(T) {
      const T* x = k.in[0].ptr<T>();
      T* y = k.out[0].ptr<T>();
      kernels::parallel_for(k.threads, k.out[0].size(), kernels::kGrain, [=](int64_t b, int64_t e) {
        const T* xs = x + b;
        T* ys = y + b;
        kernels::vector_loop(e - b, [=](int64_t i) { ys[i] = F::f(xs[i]); });
      });
    });
  });
}

void backward_kernel(const ActivationAttrs& a, const KernelArgs& k) {
  with_function(a.act_type, [&]<class F>(F) {
    with_real(k.in[0].dtype, [&]<class T>(T) {
      const T *dy = k.in[0].ptr<T>(), *y = k.in[1].ptr<T>();
      T* dx = k.out[0].ptr<T>();
      kernels::parallel_for(k.threads, k.out[0].size(), kernels::kGrain, [=](int64_t b, int64_t e) {
        const T *dys = dy + b, *ys = y + b;
        T* dxs = dx + b;
        kernels::vector_loop(e - b, [=](int64_t i) { dxs[i] = dys[i] * F::d(ys[i]); });
      });
    });
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
    .elementwise()
    .infer(infer)
    .cpu(kernel)
    .grad(backward, saves_output(0));

PLAIT_OP(activation_backward, ActivationAttrs)
    .doc("Gradient of activation from its output.")
    .input("dout", "gradient of the output")
    .input("output", "output of activation")
    .output("ddata", "shape and dtype of dout")
    .required_attr("act_type", &ActivationAttrs::act_type, "which function")
    .elementwise()
    .infer(infer)
    .cpu(backward_kernel);

}  // namespace
}  // namespace plait::op
