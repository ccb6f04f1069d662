#pragma once

#include "base/view.h"
#include "op/op.h"

namespace plait::ops {

using op::ViewPlan;

// Replaces a size of -1 by what is left of the elements of `from`; checks the number of elements.
void complete_shape(Dims& shape, const Dims& from);

// The shape that MXNet's codes 0, -1, -2, -3, -4 mean for data of shape `from`.
Dims expand_reshape_codes(const Dims& codes, const Dims& from, bool reverse);

// Strides of `out.shape` in the memory of `in`; false if the elements cannot stay where they are.
bool reshape_strides(const View& in, ViewPlan& out);

}  // namespace plait::ops
