#pragma once

#include <memory>

#include "kernels/cuda/launch.h"
#include "kernels/cuda/runtime.h"
#include "ops/optim/multi.h"

// How a step goes through the elements of a piece on a device: one kernel for each piece.
namespace plait::op {

template <class T, class F>
void each(const Piece<T>& p, const F& body) {
  cuda::for_each(p.size, body);
}

namespace detail {

// Weights of 16 bits: the gradient is widened, the master updated and the result narrowed; without
// a master the weight and the states are widened and narrowed as well.
template <class Rule>
void run_low(const Rule& a, const Range& r) {
  const int64_t n = r.end - r.begin;
  const bool mixed = a.multi_precision;
  std::array<std::unique_ptr<cuda::Scratch<float>>, 2 + Rule::kStates> wide;
  const auto widened = [&](size_t i) {
    wide[i] = std::make_unique<cuda::Scratch<float>>(n);
    load(r.in[i], r.begin, wide[i]->data(), n);
    return wide[i]->data();
  };
  float* weight = mixed ? r.in[2 + Rule::kStates].template ptr<float>() + r.begin : widened(0);
  Piece<float> p{weight, widened(1), weight, {}, n, r.index, r.place, r.random};
  for (size_t s = 0; s < Rule::kStates; ++s) {
    p.state[s] = mixed ? r.in[2 + s].template ptr<float>() + r.begin : widened(2 + s);
  }
  a.run(p);
  store(weight, r.out, r.begin, n);
  for (size_t s = 0; s < Rule::kStates && !mixed; ++s) store(p.state[s], r.in[2 + s], r.begin, n);
}

}  // namespace detail
}  // namespace plait::op
