#pragma once

#include <cstdint>

#include "base/dtype.h"
#include "base/reduction.h"

namespace plait::kernels {

// target[i] = target[i] (reduction) source[i] for `count` elements that do not overlap. float16 and
// bfloat16 are computed in float and rounded; of bool, sum and max are "or", prod and min "and".
using Combine = void (*)(void* target, const void* source, int64_t count);
Combine combine_of(DType dtype, plait::Reduction reduction);

}  // namespace plait::kernels
