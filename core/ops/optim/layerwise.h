#pragma once

#include <cmath>
#include <type_traits>

#include "ops/optim/multi.h"

// Steps whose length depends on norms of whole weights.
//
// A rule goes over all weights several times. Each pass works on blocks of fixed size and may add
// to four sums, which the next pass gets as totals of the weight: so the result does not depend on
// the number of threads. `kScratch` arrays of the size of the weights live as long as the call.
namespace plait::op {

inline constexpr int64_t kNormBlock = 4096;
using Sums = std::array<double, 4>;

template <class T>
struct Block {
  const T* weight;
  const T* grad;
  T* out;
  std::array<T*, kMaxStates> state;
  std::array<T*, 2> scratch;
  int64_t size;
  size_t index;        // number of the weight
  const Sums* totals;  // of the pass before
};

template <class T>
double sum_of_squares(const T* x, int64_t n) {
  return kernels::vector_call([=] {
    T sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < n; ++i) sum += x[i] * x[i];
    return static_cast<double>(sum);
  });
}

template <class T, class Rule>
class LayerwiseStep {
 public:
  LayerwiseStep(const Rule& rule, const KernelArgs& k)
      : rule_(rule), k_(k), stride_(k.in.size() / k.out.size()), totals_(k.out.size()) {
    for (size_t i = 0; i < k.out.size(); ++i) {
      for (int64_t at = 0; at < k.out[i].size(); at += kNormBlock) {
        places_.push_back({i, at, std::min(kNormBlock, k.out[i].size() - at), elements_ + at});
      }
      elements_ += k.out[i].size();
    }
    sums_.resize(places_.size());
    const auto size = static_cast<int64_t>(Rule::kScratch + (rounds_ ? kKept : 0)) * elements_;
    scratch_ = Array::empty({size}, dtype_of<T>(), {});
  }

  void run() {
    for (int pass = 0; pass < Rule::kPasses; ++pass) {
      kernels::parallel_for(k_.threads, static_cast<int64_t>(places_.size()),
                            kernels::kGrain / kNormBlock, [&](int64_t begin, int64_t end) {
                              for (int64_t b = begin; b < end; ++b) run_block(pass, b);
                            });
      std::fill(totals_.begin(), totals_.end(), Sums{});
      for (size_t b = 0; b < places_.size(); ++b) {
        for (size_t j = 0; j < 4; ++j) totals_[places_[b].weight][j] += sums_[b][j];
      }
    }
  }

 private:
  struct Place {
    size_t weight;
    int64_t begin, size, scratch;
  };

  static constexpr size_t kKept = 1 + Rule::kStates;  // the weight and its states

  // Elements of the scratch memory's array s that belong to a block.
  T* scratch(size_t s, const Place& at) const {
    return scratch_->view().template ptr<T>() + static_cast<int64_t>(s) * elements_ + at.scratch;
  }

  void run_block(int pass, int64_t number) {
    const Place& at = places_[static_cast<size_t>(number)];
    const View *in = &k_.in[at.weight * stride_], &out = k_.out[at.weight];
    std::array<float, kNormBlock> grad;
    Block<T> b{};
    b.size = at.size;
    b.index = at.weight;
    b.totals = &totals_[at.weight];
    for (size_t s = 0; s < Rule::kScratch; ++s) b.scratch[s] = scratch(s, at);
    if constexpr (std::is_same_v<T, float>) {
      if (is_low_) {
        take_low(pass, at, in, grad.data(), b);
        sums_[static_cast<size_t>(number)] = rule_.run(pass, b);
        if (pass == Rule::kPasses - 1) give_low(at, in, out, b);
        return;
      }
    }
    b.weight = in[0].template ptr<T>() + at.begin;
    b.grad = in[1].template ptr<T>() + at.begin;
    b.out = out.template ptr<T>() + at.begin;
    for (size_t s = 0; s < Rule::kStates; ++s) b.state[s] = in[2 + s].template ptr<T>() + at.begin;
    sums_[static_cast<size_t>(number)] = rule_.run(pass, b);
  }

  // The weight and the states are the master and float32 states, or kept in scratch memory.
  void take_low(int pass, const Place& at, const View* in, float* grad, Block<float>& b) {
    load(in[1], at.begin, grad, at.size);
    b.grad = grad;
    const auto take = [&](size_t array, size_t kept) {
      if (!rounds_) return in[array].template ptr<float>() + at.begin;
      float* wide = scratch(Rule::kScratch + kept, at);
      if (pass == 0) load(in[array], at.begin, wide, at.size);
      return wide;
    };
    b.weight = b.out = take(rounds_ ? 0 : 2 + Rule::kStates, 0);
    for (size_t s = 0; s < Rule::kStates; ++s) b.state[s] = take(2 + s, 1 + s);
  }
  void give_low(const Place& at, const View* in, const View& out, const Block<float>& b) {
    store(b.out, out, at.begin, at.size);
    for (size_t s = 0; s < Rule::kStates && rounds_; ++s) {
      store(b.state[s], in[2 + s], at.begin, at.size);
    }
  }

  const Rule& rule_;
  const KernelArgs& k_;
  const size_t stride_;
  const bool is_low_ = op::is_low(k_.out[0].dtype);
  const bool rounds_ = is_low_ && !rule_.multi_precision;  // there is no master
  std::vector<Place> places_;
  std::vector<Sums> sums_, totals_;
  int64_t elements_ = 0;
  ArrayRef scratch_;
};

template <class Rule>
void layerwise_kernel(const Rule& a, const KernelArgs& k) {
  if (k.out[0].dtype == DType::kFloat64)
    LayerwiseStep<double, Rule>(a, k).run();
  else
    LayerwiseStep<float, Rule>(a, k).run();
}

// The gradient of the call is of one type: a layerwise step cannot mix float32 and float64.
template <class Rule>
Specs infer_layerwise(const Rule& a, const Specs& in) {
  Specs out = infer_multi_step<Rule>(a, in);
  for (const Spec& s : out) {
    check(s.dtype == out[0].dtype, ErrorKind::kType, "weights have dtypes ", out[0].dtype, " and ",
          s.dtype, ", must be one");
  }
  return out;
}

}  // namespace plait::op
