#pragma once

#include "op/op.h"

// Operators that compute gradients take what their operators took and gave. Anybody may call them,
// so they check it: by what inference says of the operator.
namespace plait::ops {

inline void expect(const Spec& got, const Spec& want, const char* name) {
  check(got.shape == want.shape, ErrorKind::kShape, name, " has shape ", got.shape, ", must be ",
        want.shape);
  check(got.dtype == want.dtype, ErrorKind::kType, name, " has dtype ", got.dtype, ", must be ",
        want.dtype);
}

}  // namespace plait::ops
