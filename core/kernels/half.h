#pragma once

#include <cstdint>

#include "base/dtype.h"

// float16 and float32 by the processor's own instructions where it has them.
namespace plait::kernels {

void to_half(const float* x, Half* y, int64_t n);
void from_half(const Half* x, float* y, int64_t n);

}  // namespace plait::kernels
