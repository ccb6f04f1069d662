#include "ops/elementwise/binary.h"

// Comparisons and logic. In nd the result has the type of the operands (1 and 0), in np it is bool.
namespace plait::ops {
namespace {

PLAIT_BINARY_FUNCTION(equal, a == b)
PLAIT_BINARY_FUNCTION(not_equal, a != b)
PLAIT_BINARY_FUNCTION(greater, a > b)
PLAIT_BINARY_FUNCTION(greater_equal, a >= b)
PLAIT_BINARY_FUNCTION(less, a < b)
PLAIT_BINARY_FUNCTION(less_equal, a <= b)
PLAIT_BINARY_FUNCTION(logical_and, (a != T(0)) & (b != T(0)))
PLAIT_BINARY_FUNCTION(logical_or, (a != T(0)) | (b != T(0)))
PLAIT_BINARY_FUNCTION(logical_xor, (a != T(0)) != (b != T(0)))

#define PLAIT_OF_REAL(kernel_rule, name)
#define PLAIT_OF_COMPLEX(kernel_rule, name) .cpu(kernel_rule<name##_fn, true>).takes_complex()

// `mx` and the two texts are MXNet's names; `more` says whether complex numbers are compared.
#define PLAIT_COMPARISON(name, mx, old_name, old_scalar, text, more)                            \
  PLAIT_BINARY(name, "1 where " text ", else 0, in the type of the operands.", infer_broadcast, \
               comparison_kernel<name##_fn>)                                                    \
      .on("nd sym", "broadcast_" #mx)                                                           \
      .on("nd sym", #name)                                                                      \
      .on("nd sym", "_" #mx)                                                                    \
      .on("nd sym", old_name) more(comparison_kernel, name);                                    \
  PLAIT_BINARY(np_##name, "True where " text ".", infer_broadcast_bool,                         \
               comparison_kernel<name##_fn>)                                                    \
      .on("np", #name) more(comparison_kernel, name);                                           \
  PLAIT_SCALAR(name##_scalar, "1 where " text ", else 0; rhs is the number scalar.",            \
               infer_scalar_same, scalar_comparison_kernel<name##_fn>)                          \
      .on("nd sym", "_" #mx "_scalar")                                                          \
      .on("nd sym", old_scalar) more(scalar_comparison_kernel, name);                           \
  PLAIT_SCALAR(np_##name##_scalar, "True where " text "; rhs is the number scalar.",            \
               infer_scalar_bool, scalar_comparison_kernel<name##_fn>)                          \
  more(scalar_comparison_kernel, name)

PLAIT_COMPARISON(equal, equal, "_Equal", "_EqualScalar", "lhs = rhs", PLAIT_OF_COMPLEX);
PLAIT_COMPARISON(not_equal, not_equal, "_Not_Equal", "_NotEqualScalar", "lhs differs from rhs",
                 PLAIT_OF_COMPLEX);
PLAIT_COMPARISON(greater, greater, "_Greater", "_GreaterScalar", "lhs > rhs", PLAIT_OF_REAL);
PLAIT_COMPARISON(greater_equal, greater_equal, "_Greater_Equal", "_GreaterEqualScalar",
                 "lhs >= rhs", PLAIT_OF_REAL);
PLAIT_COMPARISON(less, lesser, "_Lesser", "_LesserScalar", "lhs < rhs", PLAIT_OF_REAL);
PLAIT_COMPARISON(less_equal, lesser_equal, "_Lesser_Equal", "_LesserEqualScalar", "lhs <= rhs",
                 PLAIT_OF_REAL);
PLAIT_COMPARISON(logical_and, logical_and, "_Logical_And", "_LogicalAndScalar", "both are not 0",
                 PLAIT_OF_REAL);
PLAIT_COMPARISON(logical_or, logical_or, "_Logical_Or", "_LogicalOrScalar", "one is not 0",
                 PLAIT_OF_REAL);
PLAIT_COMPARISON(logical_xor, logical_xor, "_Logical_Xor", "_LogicalXorScalar",
                 "exactly one is not 0", PLAIT_OF_REAL);

}  // namespace
}  // namespace plait::ops
