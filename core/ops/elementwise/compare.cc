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

#define PLAIT_COMPARISON(name, text)                                                            \
  PLAIT_BINARY(name, "1 where " text ", else 0, in the type of the operands.", infer_broadcast, \
               comparison_kernel<name##_fn>)                                                    \
      .on("nd sym", #name)                                                                      \
      .on("nd sym", "broadcast_" #name)                                                         \
      .on("nd sym", "_" #name);                                                                 \
  PLAIT_BINARY(np_##name, "True where " text ".", infer_broadcast_bool,                         \
               comparison_kernel<name##_fn>)                                                    \
      .on("np", #name);                                                                         \
  PLAIT_SCALAR(name##_scalar, "1 where " text ", else 0; rhs is the number scalar.",            \
               infer_scalar_same, scalar_comparison_kernel<name##_fn>)                          \
      .on("nd sym", "_" #name "_scalar");                                                       \
  PLAIT_SCALAR(np_##name##_scalar, "True where " text "; rhs is the number scalar.",            \
               infer_scalar_bool, scalar_comparison_kernel<name##_fn>)

PLAIT_COMPARISON(equal, "lhs = rhs");
PLAIT_COMPARISON(not_equal, "lhs differs from rhs");
PLAIT_COMPARISON(greater, "lhs > rhs");
PLAIT_COMPARISON(greater_equal, "lhs >= rhs");
PLAIT_COMPARISON(less, "lhs < rhs");
PLAIT_COMPARISON(less_equal, "lhs <= rhs");
PLAIT_COMPARISON(logical_and, "both are not 0");
PLAIT_COMPARISON(logical_or, "one is not 0");
PLAIT_COMPARISON(logical_xor, "exactly one is not 0");

}  // namespace
}  // namespace plait::ops
