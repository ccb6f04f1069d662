#pragma once

#include "base/target.h"
#include "op/value.h"

// Functions of Values under their usual names, so that the derivative of a table line reads the
// same for numbers and for graphs.
namespace plait::op {

#define PLAIT_VALUE_FUNCTION(name, op_name) \
  inline Value name(const Value& x) {       \
    static const OpCall call(op_name);      \
    return call({x});                       \
  }
PLAIT_VALUE_FUNCTION(exp, "exp")
PLAIT_VALUE_FUNCTION(log, "log")
PLAIT_VALUE_FUNCTION(sqrt, "sqrt")
PLAIT_VALUE_FUNCTION(square, "square")
PLAIT_VALUE_FUNCTION(reciprocal, "reciprocal")
PLAIT_VALUE_FUNCTION(abs, "abs")
PLAIT_VALUE_FUNCTION(sign, "sign")
PLAIT_VALUE_FUNCTION(sin, "sin")
PLAIT_VALUE_FUNCTION(cos, "cos")
PLAIT_VALUE_FUNCTION(sinh, "sinh")
PLAIT_VALUE_FUNCTION(cosh, "cosh")
PLAIT_VALUE_FUNCTION(tanh, "tanh")
PLAIT_VALUE_FUNCTION(sigmoid, "sigmoid")
PLAIT_VALUE_FUNCTION(digamma, "digamma")
PLAIT_VALUE_FUNCTION(trigamma, "trigamma")
PLAIT_VALUE_FUNCTION(gamma, "gamma")
PLAIT_VALUE_FUNCTION(logical_not, "logical_not")
#undef PLAIT_VALUE_FUNCTION

#define PLAIT_VALUE_COMPARISON(name)                       \
  inline Value name(const Value& a, const Value& b) {      \
    static const OpCall call(#name);                       \
    return call({a, b});                                   \
  }                                                        \
  inline Value name(const Value& a, double b) {            \
    static const OpCall call(#name "_scalar", {"scalar"}); \
    return call({a}, {b});                                 \
  }
// 1 where true, 0 where false, in the type of the operands.
PLAIT_VALUE_COMPARISON(equal)
PLAIT_VALUE_COMPARISON(not_equal)
PLAIT_VALUE_COMPARISON(greater)
PLAIT_VALUE_COMPARISON(greater_equal)
PLAIT_VALUE_COMPARISON(less)
PLAIT_VALUE_COMPARISON(less_equal)
PLAIT_VALUE_COMPARISON(maximum)
PLAIT_VALUE_COMPARISON(minimum)
PLAIT_VALUE_COMPARISON(power)
#undef PLAIT_VALUE_COMPARISON

// 1 where condition holds, in numbers: the counterpart for float and double.
template <class T>
concept Number = std::is_arithmetic_v<T>;
PLAIT_FN inline auto greater(Number auto a, double b) { return static_cast<decltype(a)>(a > b); }
PLAIT_FN inline auto less_equal(Number auto a, double b) {
  return static_cast<decltype(a)>(a <= b);
}
PLAIT_FN inline auto less(Number auto a, double b) { return static_cast<decltype(a)>(a < b); }

}  // namespace plait::op
