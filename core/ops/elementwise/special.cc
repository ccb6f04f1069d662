#include "ops/elementwise/unary.h"

// Functions used as activations, and special functions.
namespace plait::ops {
namespace {

PLAIT_UNARY_Y(sigmoid, "nd sym npx", "1 / (1 + exp(-x)).", sigmoid(x), y*(1.0 - y));
PLAIT_UNARY_Y(relu, "nd sym npx", "max(x, 0).", x < T(0) ? T(0) : x, op::greater(y, 0.0));
PLAIT_UNARY_X(softsign, "nd sym npx", "x / (1 + |x|).", x / (T(1) + std::fabs(x)),
              1.0 / ((abs(x) + 1.0) * (abs(x) + 1.0)));
PLAIT_UNARY_X(softrelu, "nd sym", "log(1 + exp(x)), without overflow.", softplus(x), sigmoid(x));
PLAIT_UNARY_X(erf, "nd sym npx", "Error function.", erf(x), exp(-(x* x)) * 1.1283791670955126);
PLAIT_UNARY_Y(erfinv, "nd sym npx", "Inverse of erf; NaN outside [-1, 1].", erfinv(x),
              exp(y* y) * 0.886226925452758);
PLAIT_UNARY_X(gamma, "nd sym npx", "Gamma function.", gamma(x), gamma(x) * digamma(x));
PLAIT_UNARY_X(gammaln, "nd sym npx", "Logarithm of |gamma(x)|.", gammaln(x), digamma(x));
PLAIT_UNARY_X(digamma, "nd sym npx", "Derivative of gammaln.", digamma(x), trigamma(x));

struct TrigammaFn {
  template <class T>
  PLAIT_FN static T f(T x) {
    return kernels::math::trigamma(x);
  }
};
PLAIT_OP(trigamma, op::NoAttrs)
    .doc("Second derivative of gammaln.")
    .input("data", "array of any shape")
    .output("out", "shape of data; floating")
    .infer(infer_floating)
    .cpu(floating_kernel<TrigammaFn>)
    .portable()
    .strided()
    .elementwise();

}  // namespace
}  // namespace plait::ops
