#include "kernels/parallel.h"
#include "op/functions.h"
#include "op/op.h"

namespace plait::ops {
namespace {

constexpr float kFar = -1e9f;  // as a score, for places that are not looked at

void kernel(const op::NoAttrs&, const op::KernelArgs& k) {
  dispatch_all(k.in[0].dtype, [&]<class T>(T) {
    const T* x = k.in[0].ptr<T>();
    kernels::parallel_for(k.threads, k.in[0].size(), kernels::kGrain,
                          [&](int64_t begin, int64_t end) {
                            if (is_floating(k.in[0].dtype)) {
                              std::copy(x + begin, x + end, k.out[0].ptr<T>() + begin);
                              return;
                            }
                            float* y = k.out[0].ptr<float>();
                            for (int64_t i = begin; i < end; ++i) y[i] = x[i] == T{} ? kFar : 0.0f;
                          });
  });
}

PLAIT_OP(attention_mask, op::NoAttrs)
    .doc("What is added to scores of attention: a floating mask itself, else -1e9 where it is 0.")
    .input("mask", "of any shape and dtype")
    .output("out", "shape of mask; its dtype if that is floating, else float32")
    .on("nd sym", "contrib.attention_mask")
    .on("npx", "attention_mask")
    .infer([](const op::NoAttrs&, const Specs& in) -> Spec {
      return {in[0].shape, is_floating(in[0].dtype) ? in[0].dtype : DType::kFloat32};
    })
    .cpu(kernel)
    .grad([](const op::NoAttrs&, const GradArgs& g) -> Values { return {g.dout()}; },
          op::saves_nothing());

}  // namespace
}  // namespace plait::ops
