#pragma once

#include <cstdint>

#include "base/dtype.h"

// How values of several ranks become one.
namespace plait::dist {

enum class Reduction : int32_t { kSum = 0, kProd = 1, kMin = 2, kMax = 3 };

const char* reduction_name(Reduction reduction);  // "sum"
Reduction reduction_from_number(int64_t number);  // throws ErrorKind::kInvalidArgument

// target[i] = target[i] (reduction) source[i] for `count` elements that do not overlap. float16 and
// bfloat16 are computed in float and rounded; of bool, sum and max are "or", prod and min "and".
using Combine = void (*)(void* target, const void* source, int64_t count);
Combine combine_of(DType dtype, Reduction reduction);

}  // namespace plait::dist
