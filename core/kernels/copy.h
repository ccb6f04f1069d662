#pragma once

#include <cstdint>

#include "base/view.h"

namespace plait::kernels {

// out = in with broadcasting and conversion of the type, for any strides. No overlap.
void copy(const View& in, const View& out, int threads);

// memcpy, also quick for long stretches of which one lies askew to the other: libraries copy these
// by an instruction that takes ten times as long then.
void copy_bytes(void* to, const void* from, int64_t bytes);

// Copies past the caches, for more than they hold; both places are aligned to 64 bytes. Other
// threads see it after stream_end().
void stream_copy(void* to, const void* from, int64_t bytes);
void stream_end();

// Every element becomes `value`, converted to the type of out.
void fill(const View& out, double value, int threads);

}  // namespace plait::kernels
