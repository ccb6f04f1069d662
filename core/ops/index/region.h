#pragma once

#include "base/view.h"
#include "op/op.h"

namespace plait::ops {

using op::ViewPlan;

// A box with steps in an array: for each axis the first index, the number of indices and the step.
struct Region {
  Dims first, count, step;

  explicit Region(const Dims& shape)
      : first(shape.size(), 0), count(shape), step(shape.size(), 1) {}
  // Indices along one axis; a step that leads nowhere counts as 1.
  void set(int64_t axis, int64_t begin, int64_t n, int64_t stride) {
    first[axis] = begin;
    count[axis] = n;
    step[axis] = n > 1 ? stride : 1;
  }
  // Python's slice(begin, end, step) on one axis; kNone stands for None.
  void slice(int64_t axis, int64_t begin, int64_t end, int64_t stride);
};

// The elements of `in` that belong to the region.
inline void select(const View& in, const Region& r, ViewPlan& out) {
  out.shape = r.count;
  out.strides = *in.strides;
  out.offset = 0;
  for (size_t i = 0; i < r.count.size(); ++i) {
    if (r.count[i] > 0) out.offset += r.first[i] * out.strides[i];
    out.strides[i] *= r.step[i];
  }
  if (num_elements(out.shape) == 0) out.offset = 0;
}

// Gradient of taking a region out of an array of shape `whole`: zeros around `dout`.
op::Value place_region(const op::Value& dout, const Region& r, const Dims& whole);

}  // namespace plait::ops
