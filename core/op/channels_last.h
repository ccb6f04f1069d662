#pragma once

#include "op/op.h"

namespace plait::op {

// (batch, spatial..., channels) as (batch, channels, spatial...); `axes`: how many an error names.
inline Dims channels_first(const Dims& last, const char* axes) {
  check(last.size() >= 3, ErrorKind::kShape, "data has shape ", last, ", must have ", axes,
        " axes");
  Dims shape{last[0], last.back()};
  shape.append(last.begin() + 1, last.end() - 1);
  return shape;
}
// The other way round.
inline Dims channels_last(const Dims& first) {
  Dims shape{first[0]};
  shape.append(first.begin() + 2, first.end());
  shape.push_back(first[1]);
  return shape;
}

// True if an application to such inputs gains from data with channels last: asked by the graph
// compiler of operators that said so with `set_prefers_last`.
using PrefersLast = bool (*)(const void* attrs, const Specs& in);
void set_prefers_last(const char* op, PrefersLast f);  // before main only
PrefersLast prefers_last(const Op& op);                // null: nothing was said

}  // namespace plait::op
