#include "ops/elementwise/unary.h"

// Trigonometric and hyperbolic functions and their inverses; angles in radians.
namespace plait::ops {
namespace {

PLAIT_UNARY_X(sin, "nd sym np", "Sine of x radians.", sin(x), cos(x))
PLAIT_COMPLEX_UNARY(sin);
PLAIT_UNARY_X(cos, "nd sym np", "Cosine of x radians.", cos(x), -sin(x))
PLAIT_COMPLEX_UNARY(cos);
PLAIT_UNARY_Y(tan, "nd sym np", "Tangent of x radians.", tan(x), y* y + 1.0)
PLAIT_COMPLEX_UNARY(tan);
PLAIT_UNARY_X(arcsin, "nd sym np", "Inverse of sin; NaN outside [-1, 1].", asin(x),
              1.0 / sqrt(1.0 - x * x))
PLAIT_COMPLEX_UNARY(arcsin);
PLAIT_UNARY_X(arccos, "nd sym np", "Inverse of cos; NaN outside [-1, 1].", acos(x),
              -1.0 / sqrt(1.0 - x * x))
PLAIT_COMPLEX_UNARY(arccos);
PLAIT_UNARY_X(arctan, "nd sym np", "Inverse of tan.", atan(x), 1.0 / (x * x + 1.0))
PLAIT_COMPLEX_UNARY(arctan);
PLAIT_UNARY_X(sinh, "nd sym np", "Hyperbolic sine.", sinh(x), cosh(x))
PLAIT_COMPLEX_UNARY(sinh);
PLAIT_UNARY_X(cosh, "nd sym np", "Hyperbolic cosine.", cosh(x), sinh(x))
PLAIT_COMPLEX_UNARY(cosh);
PLAIT_UNARY_Y(tanh, "nd sym np", "Hyperbolic tangent.", tanh(x), 1.0 - y * y)
PLAIT_COMPLEX_UNARY(tanh);
PLAIT_UNARY_X(arcsinh, "nd sym np", "Inverse of sinh.", asinh(x), 1.0 / sqrt(x * x + 1.0))
PLAIT_COMPLEX_UNARY(arcsinh);
PLAIT_UNARY_X(arccosh, "nd sym np", "Inverse of cosh; NaN below 1.", acosh(x),
              1.0 / (sqrt(x - 1.0) * sqrt(x + 1.0)))
PLAIT_COMPLEX_UNARY(arccosh);
PLAIT_UNARY_X(arctanh, "nd sym np", "Inverse of tanh; NaN outside [-1, 1].", atanh(x),
              1.0 / (1.0 - x * x))
PLAIT_COMPLEX_UNARY(arctanh);
PLAIT_UNARY_X(degrees, "nd sym np", "Radians to degrees.", x* T(57.29577951308232),
              x * 0.0 + 57.29577951308232)
    .on("np", "rad2deg");
PLAIT_UNARY_X(radians, "nd sym np", "Degrees to radians.", x* T(0.017453292519943295),
              x * 0.0 + 0.017453292519943295)
    .on("np", "deg2rad");

}  // namespace
}  // namespace plait::ops
