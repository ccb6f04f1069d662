#pragma once

#include "ops/optim/multi.h"

// How a step goes through the elements of a piece on the CPU.
namespace plait::op {

template <class T, class F>
void each(const Piece<T>& p, const F& body) {
  kernels::vector_loop(p.size, body);
}

namespace detail {

// Weights of 16 bits, block by block: the gradient is widened, the master updated and the result
// narrowed; without a master the weight and the states are widened and narrowed as well.
template <class Rule>
void run_low(const Rule& a, const Range& r) {
  std::array<std::array<float, kernels::kBlock>, 2 + Rule::kStates> wide;
  const bool mixed = a.multi_precision;
  for (int64_t at = r.begin; at < r.end; at += kernels::kBlock) {
    const int64_t n = std::min(kernels::kBlock, r.end - at);
    float* weight = mixed ? r.in[2 + Rule::kStates].template ptr<float>() + at : wide[0].data();
    if (!mixed) load(r.in[0], at, weight, n);
    load(r.in[1], at, wide[1].data(), n);
    Piece<float> p{weight,  wide[1].data(),         weight,  {}, n,
                   r.index, r.place + at - r.begin, r.random};
    for (size_t s = 0; s < Rule::kStates; ++s) {
      p.state[s] = mixed ? r.in[2 + s].template ptr<float>() + at : wide[2 + s].data();
      if (!mixed) load(r.in[2 + s], at, p.state[s], n);
    }
    a.run(p);
    store(weight, r.out, at, n);
    for (size_t s = 0; s < Rule::kStates && !mixed; ++s) store(p.state[s], r.in[2 + s], at, n);
  }
}

}  // namespace detail
}  // namespace plait::op
