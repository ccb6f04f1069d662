#pragma once

#include "op/op.h"

// For `.grad(...)` of a backward operator: `name` has first gradients only, and says so.
#define PLAIT_NO_SECOND_GRADIENT(AttrsType, name)                                          \
  [](const AttrsType&, const ::plait::GradArgs&) -> ::plait::Values {                      \
    ::plait::fail(::plait::ErrorKind::kNotImplemented,                                     \
                  name ": second gradients are not implemented, must be first gradients"); \
  }
