#pragma once

#include <memory>
#include <vector>

#include "kernels/copy.h"
#include "kernels/cuda/runtime.h"

namespace plait::cuda {

// Arrays of a call with float32 in place of float16 and bfloat16, for kernels that know float32
// and float64.
class Widened {
 public:
  View in(View v) {
    if (!is_low(v)) return v;
    const View given = v;
    v = fresh(v);
    kernels::copy(given, v, 1);
    return v;
  }
  View out(const View& v) {
    if (!is_low(v)) return v;
    results_.push_back({fresh(v), v});
    return results_.back().wide;
  }
  void store() const {
    for (const Result& r : results_) kernels::copy(r.wide, r.given, 1);
  }

 private:
  struct Result {
    View wide, given;
  };
  static bool is_low(const View& v) {
    return v.dtype == DType::kFloat16 || v.dtype == DType::kBfloat16;
  }
  View fresh(View v) {
    arrays_.push_back(std::make_unique<Scratch<float>>(v.size()));
    v.data = arrays_.back()->data();
    v.dtype = DType::kFloat32;
    return v;
  }

  std::vector<std::unique_ptr<Scratch<float>>> arrays_;
  std::vector<Result> results_;
};

}  // namespace plait::cuda
