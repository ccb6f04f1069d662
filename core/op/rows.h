#pragma once

#include "op/value.h"

// A gradient that is 0 outside of some rows. Only gradient functions return such a Value, and only
// where current_tracer() is not differentiable(); tracers pass the dense one to operators.
namespace plait::op {

// `values` (n, ...) are the rows number `index` (n,), in [0, spec.shape[0]), of an array of `spec`;
// rows that are named twice add up.
Value row_values(const Value& values, const Value& index, const Spec& spec);

// Of a Value made by row_values: it has no array, and a node that is not one of a graph.
inline constexpr int32_t kRows = -2;
inline bool is_rows(const Value& v) { return v.index == kRows; }
Value row_index(const Value& v);
Value row_data(const Value& v);

// The whole array; v itself unless it has rows only.
Value dense(const Value& v);

}  // namespace plait::op
