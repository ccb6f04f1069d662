#pragma once

#include <algorithm>

#include "kernels/convert.h"
#include "kernels/parallel.h"
#include "kernels/random.h"
#include "kernels/simd.h"
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

// Writes blocks of n numbers that draw(first element, n, numbers) makes, in the type of `out`.
template <class F>
void fill_blocks(const View& out, int threads, const F& draw) {
  const int64_t item = dtype_size(out.dtype);
  kernels::parallel_for(threads, out.size(), kernels::kGrain / 8, [&](int64_t begin, int64_t end) {
    double block[kernels::kBlock];
    for (int64_t i = begin; i < end; i += kernels::kBlock) {
      const int64_t n = std::min(kernels::kBlock, end - i);
      draw(i, n, block);
      kernels::convert(block, DType::kFloat64, 1, out.ptr<char>() + i * item, out.dtype, n);
    }
  });
}

// Writes draw(i) for every element i, in the type of `out`.
template <class F>
void fill_random(const View& out, int threads, const F& draw) {
  fill_blocks(out, threads, [&](int64_t first, int64_t n, double* y) {
    for (int64_t j = 0; j < n; ++j) y[j] = draw(first + j);
  });
}

// Numbers [first, first + n) of a sequence that is uniform on [0, 1): each counter gives two.
inline void draw_uniform(const kernels::Philox& random, int64_t first, int64_t n, double* y) {
  const auto one = [&](int64_t i) {
    const auto w = random.words(static_cast<uint64_t>(i / 2));
    return i % 2 ? kernels::uniform53(w[2], w[3]) : kernels::uniform53(w[0], w[1]);
  };
  if (n > 0 && first % 2 == 1) {
    *y++ = one(first++);
    --n;
  }
  const auto counter = static_cast<uint64_t>(first / 2);
  kernels::vector_loop(n / 2, [=](int64_t i) {
    const auto w = random.words(counter + static_cast<uint64_t>(i));
    y[2 * i] = kernels::uniform53(w[0], w[1]);
    y[2 * i + 1] = kernels::uniform53(w[2], w[3]);
  });
  if (n % 2 == 1) y[n - 1] = one(first + n - 1);
}

}  // namespace plait::ops
