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

  // Calls f(place in the result, place in the array) for all elements in the order of the result.
  template <class F>
  void each(const F& f) const {
    int64_t at = 0;
    for (int64_t b : before_) {
      for (int64_t p : picked_) {
        for (int64_t e : after_) f(at++, b + p + e);
      }
    }
  }
  // The same for runs of `run()` neighbours, which lie together in the array too.
  template <class F>
  void each_run(int threads, const F& f) const;
  int64_t run() const { return dense_ ? static_cast<int64_t>(after_.size()) : 1; }

 private:
  std::vector<int64_t> before_, picked_, after_;
  bool dense_ = true;  // after_ is 0, 1, 2, ...
};

// Shape of the result for an array of shape `data`.
Dims gathered_shape(const GatherAttrs& a, const Dims& data, const Dims& indices);
Dims broadcast_indices(const GatherAttrs& a, const Dims& data, const Specs& in, size_t first);

template <class F>
void Selection::each_run(int threads, const F& f) const {
  const int64_t inner = dense_ ? 1 : static_cast<int64_t>(after_.size());
  const int64_t picks = static_cast<int64_t>(picked_.size());
  const int64_t total = static_cast<int64_t>(before_.size()) * picks * inner;
  const int64_t grain = std::max<int64_t>(1, 16384 / run());
  kernels::parallel_for(threads, total, grain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t row = i / inner;
      const int64_t from = before_[static_cast<size_t>(row / picks)] +
                           picked_[static_cast<size_t>(row % picks)] +
                           (dense_ ? 0 : after_[static_cast<size_t>(i % inner)]);
      f(i * run(), from);
    }
  });
}

}  // namespace plait::ops
