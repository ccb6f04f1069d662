#include <cmath>

#include "ops/elementwise/binary.h"
#include "ops/elementwise/unary.h"

// Activations of today's models: smooth gates, and products with them.
namespace plait::ops {
namespace {

PLAIT_UNARY_X(silu, "nd sym npx", "x sigmoid(x).", x* sigmoid(x),
              sigmoid(x) * (1.0 + x * (1.0 - sigmoid(x))));
PLAIT_UNARY_X(mish, "nd sym npx", "x tanh(log(1 + exp(x))).", x* tanh(softplus(x)),
              tanh(log(exp(x) + 1.0)) +
                  x * sigmoid(x) * (1.0 - tanh(log(exp(x) + 1.0)) * tanh(log(exp(x) + 1.0))));
PLAIT_UNARY_X(gelu_tanh, "nd sym npx",
              "x times the normal distribution function, through tanh: 0.5 x (1 + tanh(sqrt(2 / "
              "pi) (x + 0.044715 x^3))).",
              T(0.5) * x * (T(1) + tanh(T(0.7978845608028654) * (x + T(0.044715) * x * x * x))),
              0.5 * (tanh((x + x * x * x * 0.044715) * 0.7978845608028654) + 1.0) +
                  x * 0.5 *
                      (1.0 - tanh((x + x * x * x * 0.044715) * 0.7978845608028654) *
                                 tanh((x + x * x * x * 0.044715) * 0.7978845608028654)) *
                      (x * x * 0.1070322244089 + 0.7978845608028654));

struct swiglu_fn {
  template <class T>
  PLAIT_FN static T f(T gate, T up) {
    if constexpr (std::is_floating_point_v<T>) return gate * kernels::math::sigmoid(gate) * up;
    return T(0);
  }
};

PLAIT_OP(swiglu, op::NoAttrs)
    .doc("gate sigmoid(gate) up.")
    .source("Shazeer: GLU variants improve transformer (2020)")
    .input("gate", "floating array")
    .input("up", "array whose shape broadcasts with that of gate")
    .output("out", "broadcast shape, promoted type")
    .on("nd sym npx", "swiglu")
    .infer([](const op::NoAttrs& a, const Specs& in) -> Spec {
      const Spec out = infer_broadcast(a, in);
      check(is_floating(out.dtype), ErrorKind::kType, "gate has dtype ", in[0].dtype,
            ", must be floating");
      return out;
    })
    .cpu(binary_kernel<swiglu_fn>)
    .portable()
    .strided()
    .grad(
        [](const op::NoAttrs&, const GradArgs& g) -> Values {
          const auto s = [&] { return op::sigmoid(g.in(0)); };
          return {flow_to(g, 0,
                          [&] { return g.dout() * g.in(1) * s() * (1.0 + g.in(0) * (1.0 - s())); }),
                  flow_to(g, 1, [&] { return g.dout() * g.in(0) * s(); })};
        },
        op::saves_inputs());

}  // namespace
}  // namespace plait::ops
