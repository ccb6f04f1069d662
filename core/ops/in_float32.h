#pragma once

#include <memory>
#include <vector>

#include "base/small_vec.h"
#include "op/op.h"

// Kernels that know float32 and float64 take float16 and bfloat16 too: through copies in float32.
//
//   PLAIT_OP(...).cpu(in_float32<kernel>())
//   PLAIT_OP(...).cpu(in_float32([](const Attrs& a, const KernelArgs& k) { ... }))
namespace plait::ops {

// A call with arrays of float32 in place of those of float16 and bfloat16. Mutable inputs are not
// written back.
class Widened {
 public:
  static bool is_needed(const op::KernelArgs& k);
  explicit Widened(const op::KernelArgs& k);
  Widened(const Widened&) = delete;
  const op::KernelArgs& args() const { return args_; }
  void store() const;  // the results into those of the call

 private:
  View widened(const View& v);
  const op::KernelArgs& given_;
  std::vector<std::unique_ptr<float[]>> arrays_;
  SmallVec<View, 6> in_, out_;
  op::KernelArgs args_;
};

template <class Kernel, class Attrs>
void run_in_float32(const Kernel& kernel, const Attrs& attrs, const op::KernelArgs& k) {
  if (!Widened::is_needed(k)) return kernel(attrs, k);
  const Widened wide(k);
  kernel(attrs, wide.args());
  wide.store();
}

template <auto kKernel>
auto in_float32() {
  return [](const auto& attrs, const op::KernelArgs& k) { run_in_float32(kKernel, attrs, k); };
}
template <class Stateless>
auto in_float32(Stateless) {
  return [](const auto& attrs, const op::KernelArgs& k) { run_in_float32(Stateless{}, attrs, k); };
}

}  // namespace plait::ops
