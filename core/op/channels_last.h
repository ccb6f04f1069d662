#pragma once

#include "op/op.h"

namespace plait::op {

// True if an application to such inputs gains from data with channels last: asked by the graph
// compiler of operators that said so with `set_prefers_last`.
using PrefersLast = bool (*)(const void* attrs, const Specs& in);
void set_prefers_last(const char* op, PrefersLast f);  // before main only
PrefersLast prefers_last(const Op& op);                // null: nothing was said

}  // namespace plait::op
