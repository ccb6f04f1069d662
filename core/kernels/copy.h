#pragma once

#include "base/view.h"

namespace plait::kernels {

// out = in with broadcasting and conversion of the type, for any strides. No overlap.
void copy(const View& in, const View& out, int threads);

// Every element becomes `value`, converted to the type of out.
void fill(const View& out, double value, int threads);

}  // namespace plait::kernels
