#include <cmath>

#include "kernels/copy.h"
#include "kernels/math.h"
#include "op/functions.h"
#include "op/op.h"
#include "ops/elementwise/unary.h"

// Small functions of MXNet's contrib namespace.
namespace plait::ops {
namespace {

using op::KernelArgs;
using op::NoAttrs;

PLAIT_OP(div_sqrt_dim, NoAttrs)
    .doc("data over the square root of the size of its last axis.")
    .input("data", "floating array (..., n)")
    .output("out", "shape of data")
    .on("nd sym", "_contrib_div_sqrt_dim")
    .on("nd sym", "contrib.div_sqrt_dim")
    .infer([](const NoAttrs&, const Specs& in) -> Spec {
      check(!in[0].shape.empty(), ErrorKind::kShape, "data has shape (), must have an axis");
      check(is_floating(in[0].dtype), ErrorKind::kType, "data has dtype ", in[0].dtype,
            ", must be floating");
      return in[0];
    })
    .cpu([](const NoAttrs&, const KernelArgs& k) {
      const double scale = 1 / std::sqrt(static_cast<double>(k.in[0].dim(-1)));
      dispatch_floating(k.in[0].dtype, [&]<class T>(T) {
        using A = acc_t<T>;
        for (int64_t i = 0; i < k.in[0].size(); ++i) {
          k.out[0].ptr<T>()[i] =
              static_cast<T>(static_cast<A>(k.in[0].ptr<T>()[i]) * static_cast<A>(scale));
        }
      });
    })
    .grad(
        [](const NoAttrs&, const GradArgs& g) -> Values {
          return {g.dout() / std::sqrt(static_cast<double>(g.in_spec(0).shape.back()))};
        },
        op::saves_nothing());

struct QuadraticAttrs {
  double a, b, c;
};

PLAIT_OP(quadratic, QuadraticAttrs)
    .doc("a x^2 + b x + c.")
    .input("data", "floating array")
    .output("out", "shape of data")
    .attr("a", &QuadraticAttrs::a, 0.0, "factor of x^2")
    .attr("b", &QuadraticAttrs::b, 0.0, "factor of x")
    .attr("c", &QuadraticAttrs::c, 0.0, "value at 0")
    .on("nd sym", "_contrib_quadratic")
    .on("nd sym", "contrib.quadratic")
    .infer([](const QuadraticAttrs&, const Specs& in) -> Spec {
      check(is_floating(in[0].dtype), ErrorKind::kType, "data has dtype ", in[0].dtype,
            ", must be floating");
      return in[0];
    })
    .cpu([](const QuadraticAttrs& q, const KernelArgs& k) {
      dispatch_floating(k.in[0].dtype, [&]<class T>(T) {
        using A = acc_t<T>;
        for (int64_t i = 0; i < k.in[0].size(); ++i) {
          const A x = static_cast<A>(k.in[0].ptr<T>()[i]);
          k.out[0].ptr<T>()[i] = static_cast<T>(
              (static_cast<A>(q.a) * x + static_cast<A>(q.b)) * x + static_cast<A>(q.c));
        }
      });
    })
    .grad([](const QuadraticAttrs& q,
             const GradArgs& g) -> Values { return {g.dout() * (g.in(0) * (2 * q.a) + q.b)}; },
          op::saves_input(0));

struct ScalarAttrs {
  double scalar;
};
template <class A>
Spec infer_first(const A&, const Specs& in) {
  return in[0];
}

PLAIT_OP(gradient_multiplier, ScalarAttrs)
    .doc("The data; the gradient is multiplied by a number.")
    .input("data", "array of any shape")
    .output("out", "the data")
    .attr("scalar", &ScalarAttrs::scalar, 1.0, "factor of the gradient")
    .on("nd sym", "_contrib_gradientmultiplier")
    .on("nd sym", "contrib.gradientmultiplier")
    .infer(infer_first<ScalarAttrs>)
    .cpu([](const ScalarAttrs&, const KernelArgs& k) {
      if (k.in[0].data != k.out[0].data) kernels::copy(k.in[0], k.out[0], k.threads);
    })
    .portable()
    .strided()
    .inplace()
    .grad([](const ScalarAttrs& a, const GradArgs& g) -> Values { return {g.dout() * a.scalar}; },
          op::saves_nothing());

struct round_fn {
  template <class T>
  PLAIT_FN static T f(T x) {
    return std::trunc(x + std::copysign(T(0.5), x));
  }
};
struct sign_fn {
  template <class T>
  PLAIT_FN static T f(T x) {
    return static_cast<T>((x > T(0)) - (x < T(0)));
  }
};
Values straight(const NoAttrs&, const GradArgs& g) { return {g.dout()}; }

#define PLAIT_STRAIGHT_THROUGH(name, text)                                              \
  PLAIT_OP(name##_ste, NoAttrs)                                                         \
      .doc(text)                                                                        \
      .source("Bengio, Leonard, Courville: Estimating or propagating gradients (2013)") \
      .input("data", "floating array")                                                  \
      .output("out", "shape of data")                                                   \
      .on("nd sym", "_contrib_" #name "_ste")                                           \
      .on("nd sym", "contrib." #name "_ste")                                            \
      .infer(infer_floating)                                                            \
      .cpu(floating_kernel<name##_fn>)                                                  \
      .portable()                                                                       \
      .strided()                                                                        \
      .inplace()                                                                        \
      .grad(straight, op::saves_nothing())

PLAIT_STRAIGHT_THROUGH(round, "Nearest whole number; the gradient passes as it is.");
PLAIT_STRAIGHT_THROUGH(sign, "-1, 0 or 1; the gradient passes as it is.");

struct AllcloseAttrs {
  double rtol, atol;
  bool equal_nan;
};

PLAIT_OP(allclose, AllcloseAttrs)
    .doc("1 if |a - b| <= atol + rtol |b| for all elements, else 0.")
    .input("a", "array")
    .input("b", "array of the same shape and type")
    .output("out", "float32, (1,)")
    .attr("rtol", &AllcloseAttrs::rtol, 1e-5, "difference allowed, relative to b")
    .attr("atol", &AllcloseAttrs::atol, 1e-8, "difference allowed besides")
    .attr("equal_nan", &AllcloseAttrs::equal_nan, true, "NaN is close to NaN")
    .on("nd sym", "_contrib_allclose")
    .on("nd sym", "contrib.allclose")
    .infer([](const AllcloseAttrs&, const Specs& in) -> Spec {
      check(in[0].shape == in[1].shape, ErrorKind::kShape, "b has shape ", in[1].shape,
            ", must be ", in[0].shape, " as a");
      check(in[0].dtype == in[1].dtype, ErrorKind::kType, "b has dtype ", in[1].dtype, ", must be ",
            in[0].dtype, " as a");
      return {{1}, DType::kFloat32};
    })
    .cpu([](const AllcloseAttrs& c, const KernelArgs& k) {
      bool close = true;
      dispatch_all(k.in[0].dtype, [&]<class T>(T) {
        for (int64_t i = 0; i < k.in[0].size(); ++i) {
          const double a = static_cast<double>(static_cast<acc_t<T>>(k.in[0].ptr<T>()[i]));
          const double b = static_cast<double>(static_cast<acc_t<T>>(k.in[1].ptr<T>()[i]));
          const bool same = a == b || (c.equal_nan && std::isnan(a) && std::isnan(b)) ||
                            std::fabs(a - b) <= c.atol + c.rtol * std::fabs(b);
          close = close && same;
        }
      });
      *k.out[0].ptr<float>() = close ? 1.0f : 0.0f;
    })
    .grad(
        [](const AllcloseAttrs&, const GradArgs&) -> Values {
          return {Value{}, Value{}};
        },
        op::saves_nothing());

}  // namespace
}  // namespace plait::ops
