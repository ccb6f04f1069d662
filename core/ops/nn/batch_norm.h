#pragma once

#include <cstdint>

namespace plait::op {

// Of batch_norm and the operators that contain it.
struct BatchNormAttrs {
  double eps, momentum;
  bool fix_gamma, use_global_stats, output_mean_var, cudnn_off;
  int64_t axis;
};

}  // namespace plait::op
