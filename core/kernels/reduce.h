#pragma once

#include "base/dims.h"
#include "base/view.h"

namespace plait::kernels {

// What is combined over the reduced axes.
enum class Reduction {
  kSum,
  kMean,
  kProd,
  kMax,
  kMin,
  kNansum,
  kNanprod,
  kSumAbs,
  kSumSquare,
  kNorm2
};

// out = reduction of `in` over `axes` (sorted, distinct, not negative); the shape of `out` is that
// of the axes that stay, with or without axes of size 1. Sums are kept in float64, into which
// numbers of float32 go four at a time. Over no elements sums give 0, products 1, means NaN; an
// empty maximum must be refused before.
void reduce(Reduction kind, const View& in, const Dims& axes, const View& out, int threads);

}  // namespace plait::kernels
