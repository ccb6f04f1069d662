#pragma once

#include <algorithm>
#include <vector>

#include "base/view.h"
#include "kernels/parallel.h"
#include "op/op.h"

// What NumPy calls advanced indexing: arrays of whole numbers on some axes, all of the others.
namespace plait::ops {

struct GatherAttrs {
  Dims axes;   // one for each array of indices, ascending
  bool front;  // the axes of the indices come first in the result
  Dims shape;  // of the array, for the gradient
};

// Where the selected elements lie in an array of the given shape and strides: the elements are
// those at before[i] + picked[j] + after[k], in this order.
class Selection {
 public:
  // `indices` broadcast together; each must be in [-n, n) for its axis of size n.
  Selection(const GatherAttrs& a, const Dims& shape, const Dims& strides,
            std::span<const View> indices, int threads);

  // Calls f(place in the result, place in the array) for all runs of `run()` neighbours, which lie
  // together in the array too, in the order of the result.
  template <class F>
  void each_run(const F& f) const {
    int64_t at = 0;
    for (int64_t b : before_) {
      for (int64_t p : picked_) {
        if (dense_) {
          f(at, b + p);
          at += run();
        } else {
          for (int64_t e : after_) f(at++, b + p + e);
        }
      }
    }
  }
  // Copies the selected elements, of `item` bytes each, from the array `x` to the result `y`.
  void gather(const char* x, char* y, int64_t item, int threads) const;
  int64_t run() const { return dense_ ? static_cast<int64_t>(after_.size()) : 1; }

 private:
  std::vector<int64_t> before_, picked_, after_;
  bool dense_ = true;  // after_ is 0, 1, 2, ...
};

// Shape of the result for an array of shape `data`.
Dims gathered_shape(const GatherAttrs& a, const Dims& data, const Dims& indices);
Dims broadcast_indices(const GatherAttrs& a, const Dims& data, const Specs& in, size_t first);

}  // namespace plait::ops
