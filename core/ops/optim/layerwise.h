#pragma once

#include <cmath>

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
    const auto size = static_cast<int64_t>(Rule::kScratch) * elements_;
    scratch_ = Array::empty(
        {size}, k.out[0].dtype == DType::kFloat64 ? DType::kFloat64 : DType::kFloat32, {});
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

  void run_block(int pass, int64_t number) {
    const Place& at = places_[static_cast<size_t>(number)];
    const View *in = &k_.in[at.weight * stride_], &out = k_.out[at.weight];
    std::array<T, kNormBlock> wide;
    Block<T> b{};
    if (rule_.multi_precision) {
      T* master = in[2 + Rule::kStates].template ptr<T>() + at.begin;
      kernels::convert(in[1].template ptr<uint16_t>() + at.begin, in[1].dtype, 1, wide.data(),
                       DType::kFloat32, at.size);
      b.weight = b.out = master;
      b.grad = wide.data();
    } else {
      b.weight = in[0].template ptr<T>() + at.begin;
      b.grad = in[1].template ptr<T>() + at.begin;
      b.out = out.template ptr<T>() + at.begin;
    }
    for (size_t s = 0; s < Rule::kStates; ++s) {
      b.state[s] = in[2 + s].template ptr<T>() + at.begin;
    }
    for (size_t s = 0; s < Rule::kScratch; ++s) {
      b.scratch[s] =
          scratch_->view().template ptr<T>() + static_cast<int64_t>(s) * elements_ + at.scratch;
    }
    b.size = at.size;
    b.index = at.weight;
    b.totals = &totals_[at.weight];
    sums_[static_cast<size_t>(number)] = rule_.run(pass, b);
    if (rule_.multi_precision && pass == Rule::kPasses - 1) {
      kernels::convert(b.out, DType::kFloat32, 1, out.template ptr<uint16_t>() + at.begin,
                       out.dtype, at.size);
    }
  }

  const Rule& rule_;
  const KernelArgs& k_;
  const size_t stride_;
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
