#pragma once

#include "kernels/gemm.h"
#include "ops/sequence/rnn_plan.h"

namespace plait::ops {

// Parameters as rnn_pack leaves them, for data of the plan's sizes: for each layer and direction
// the weights of the input and of the state, each in the layout of its product's kernel, and of the
// projection; then the biases. float32. A product with one row reads its matrix as it was.
class PackedRnn {
 public:
  explicit PackedRnn(const RnnPlan& p) : plan_(p), first_(size_of(0)), other_(size_of(1)) {}

  static kernels::Gemm input_product(const RnnPlan& p, int64_t layer) {
    return {false, true, 1, p.steps * p.batch, p.width(), p.inputs(layer)};
  }
  static kernels::Gemm state_product(const RnnPlan& p) {
    return {false, true, 1, p.batch, p.width(), p.recurrent};
  }

  int64_t input_weight(int64_t layer, int64_t direction) const {
    const int64_t before = layer ? first_ + (layer - 1) * other_ : 0;
    return plan_.directions * before + direction * (layer ? other_ : first_);
  }
  int64_t state_weight(int64_t layer, int64_t direction) const {
    return input_weight(layer, direction) + size_of(input_product(plan_, layer));
  }
  int64_t projection(int64_t layer, int64_t direction) const {
    return state_weight(layer, direction) + size_of(state_product(plan_));
  }
  int64_t bias(int64_t layer, int64_t direction) const {
    const int64_t weights = input_weight(plan_.layers, 0);
    return weights + (layer * plan_.directions + direction) * 2 * plan_.width();
  }
  int64_t size() const { return bias(plan_.layers, 0); }

 private:
  static int64_t size_of(const kernels::Gemm& g) {
    return g.m > 1 ? kernels::gemm_packed_size(g) : g.n * g.k;
  }
  int64_t size_of(int64_t layer) const {
    const int64_t projection = plan_.projected ? plan_.recurrent * plan_.cells : 0;
    return size_of(input_product(plan_, layer)) + size_of(state_product(plan_)) + projection;
  }

  const RnnPlan& plan_;
  int64_t first_, other_;  // sizes of a direction of the first layer and of one behind it
};

}  // namespace plait::ops
