#pragma once

#include <algorithm>

#include "kernels/convert.h"
#include "kernels/parallel.h"
#include "kernels/random.h"
#include "op/op.h"

// Filling an array with draws from one distribution.
namespace plait::ops {

struct SampleAttrs {
  Dims shape;
  DType dtype;
  double a, b;  // parameters; what they are is said by the operator
  std::string ctx;
};

inline Spec infer_sample(const SampleAttrs& s, const Specs&) {
  for (int64_t d : s.shape) {
    check(d >= 0, ErrorKind::kShape, "shape is ", s.shape, ", sizes must be >= 0");
  }
  return {s.shape, s.dtype};
}

// Writes draw(i) for every element i, in the type of `out`.
template <class F>
void fill_random(const View& out, int threads, const F& draw) {
  const int64_t item = dtype_size(out.dtype);
  kernels::parallel_for(threads, out.size(), kernels::kGrain / 8, [&](int64_t begin, int64_t end) {
    double block[kernels::kBlock];
    for (int64_t i = begin; i < end; i += kernels::kBlock) {
      const int64_t n = std::min(kernels::kBlock, end - i);
      for (int64_t j = 0; j < n; ++j) block[j] = draw(i + j);
      kernels::convert(block, DType::kFloat64, 1, out.ptr<char>() + i * item, out.dtype, n);
    }
  });
}

}  // namespace plait::ops
