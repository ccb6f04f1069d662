#include "ops/elementwise/unary.h"

// Exponentials, logarithms, powers and roots.
namespace plait::ops {
namespace {

PLAIT_UNARY_Y(exp, "nd sym np", "e to the power x.", exp(x), y)
PLAIT_COMPLEX_UNARY(exp);
PLAIT_UNARY_Y(exp2, "np", "2 to the power x.", std::exp2(x), y * 0.6931471805599453);
PLAIT_UNARY_Y(expm1, "nd sym np", "exp(x) - 1, exact near 0.", expm1(x), y + 1.0)
PLAIT_COMPLEX_UNARY(expm1);
PLAIT_UNARY_X(log, "nd sym np", "Natural logarithm.", log(x), 1.0 / x)
PLAIT_COMPLEX_UNARY(log);
PLAIT_UNARY_X(log2, "nd sym np", "Logarithm to base 2.", log2(x), 1.4426950408889634 / x)
PLAIT_COMPLEX_UNARY(log2);
PLAIT_UNARY_X(log10, "nd sym np", "Logarithm to base 10.", log10(x), 0.4342944819032518 / x)
PLAIT_COMPLEX_UNARY(log10);
PLAIT_UNARY_X(log1p, "nd sym np", "log(1 + x), exact near 0.", log1p(x), 1.0 / (x + 1.0))
PLAIT_COMPLEX_UNARY(log1p);
PLAIT_UNARY_Y(sqrt, "nd sym np", "Square root.", sqrt(x), 0.5 / y)
PLAIT_COMPLEX_UNARY(sqrt);
PLAIT_UNARY_Y(rsqrt, "nd sym npx", "1 / sqrt(x).", T(1) / sqrt(x), y* y* y * -0.5);
PLAIT_UNARY_Y(cbrt, "nd sym np", "Cube root.", cbrt(x), (1.0 / 3) / (y * y));
PLAIT_UNARY_Y(rcbrt, "nd sym", "1 / cbrt(x).", T(1) / cbrt(x), y* y* y* y*(-1.0 / 3));

}  // namespace
}  // namespace plait::ops
