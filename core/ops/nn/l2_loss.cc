#include "kernels/parallel.h"
#include "kernels/simd.h"
#include "kernels/sum.h"
#include "op/functions.h"
#include "ops/expect.h"
#include "ops/in_float32.h"

// What gluon's L2Loss computes of arrays, in one pass over them each way.
namespace plait::ops {
namespace {

using op::KernelArgs;

struct L2LossAttrs {
  double weight;
};

Spec infer(const L2LossAttrs&, const Specs& in) {
  check(is_floating(in[0].dtype), ErrorKind::kType, "pred has dtype ", in[0].dtype,
        ", must be floating");
  check(!in[0].shape.empty() && num_elements(in[0].shape) > 0, ErrorKind::kShape, "pred has shape ",
        in[0].shape, ", must have an axis and elements");
  expect(in[1], in[0], "label");
  return {{in[0].shape[0]}, in[0].dtype};
}

Spec infer_backward(const L2LossAttrs& a, const Specs& in) {
  expect(in[0], infer(a, {in[1], in[2]}), "dout");
  return in[1];
}

// f(sample, first element of it, elements of it) on all threads.
template <class F>
void each_sample(const View& pred, int threads, const F& f) {
  const int64_t batch = pred.dim(0), n = pred.size() / batch;
  kernels::parallel_for(threads, batch, std::max<int64_t>(1, kernels::kGrain / n),
                        [&](int64_t begin, int64_t end) {
                          for (int64_t b = begin; b < end; ++b) f(b, b * n, n);
                        });
}

template <class T>
void forward(const L2LossAttrs& a, const KernelArgs& k) {
  const T half = static_cast<T>(a.weight / 2);
  T* out = k.out[0].ptr<T>();
  each_sample(k.in[0], k.threads, [&](int64_t b, int64_t first, int64_t n) {
    const T *pred = k.in[0].ptr<T>() + first, *label = k.in[1].ptr<T>() + first;
    const double sum = kernels::vector_call([=] {
      return kernels::sum_of<T, double>(n, [=](int64_t i) {
        const T d = label[i] - pred[i];
        return d * d * half;
      });
    });
    out[b] = static_cast<T>(sum / static_cast<double>(n));
  });
}

template <class T>
void backward(const L2LossAttrs& a, const KernelArgs& k) {
  const T* dout = k.in[0].ptr<T>();
  each_sample(k.in[1], k.threads, [&](int64_t b, int64_t first, int64_t n) {
    const T *pred = k.in[1].ptr<T>() + first, *label = k.in[2].ptr<T>() + first;
    T* to = k.out[0].ptr<T>() + first;
    const T scale = dout[b] * static_cast<T>(a.weight / static_cast<double>(n));
    kernels::vector_loop(n, [=](int64_t i) { to[i] = scale * (pred[i] - label[i]); });
  });
}

Values grad(const L2LossAttrs& a, const GradArgs& g) {
  static const OpCall kBack("l2_loss_backward", {"weight"});
  const Value &pred = g.in(0), &label = g.in(1);
  Value d;
  if (op::current_tracer().differentiable()) {
    Dims column(pred.shape().size(), 1);
    column[0] = pred.shape()[0];
    const double n = static_cast<double>(num_elements(pred.shape()) / column[0]);
    d = (pred - label) * (op::reshape_to(g.dout(), column) * (a.weight / n));
  } else {
    d = kBack({g.dout(), pred, label}, {a.weight});
  }
  return {g.needs_grad(0) ? d : Value{}, g.needs_grad(1) ? -d : Value{}};
}

PLAIT_OP(l2_loss_backward, L2LossAttrs)
    .doc("Gradient of l2_loss with respect to pred.")
    .input("dout", "gradient of the result")
    .input("pred", "as for l2_loss")
    .input("label", "as for l2_loss")
    .output("dpred", "shape of pred")
    .attr("weight", &L2LossAttrs::weight, 1.0, "as for l2_loss")
    .infer(infer_backward)
    .cpu(in_float32([](const L2LossAttrs& a, const KernelArgs& k) {
      k.in[0].dtype == DType::kFloat64 ? backward<double>(a, k) : backward<float>(a, k);
    }));

PLAIT_OP(l2_loss, L2LossAttrs)
    .doc("weight / 2 times the mean over each sample of (pred - label)^2.")
    .input("pred", "floating (batch, ...), not empty")
    .input("label", "as pred")
    .output("out", "(batch,)")
    .attr("weight", &L2LossAttrs::weight, 1.0, "factor, no unit")
    .on("nd", "_l2_loss")
    .infer(infer)
    .cpu(in_float32([](const L2LossAttrs& a, const KernelArgs& k) {
      k.in[0].dtype == DType::kFloat64 ? forward<double>(a, k) : forward<float>(a, k);
    }))
    .grad(grad, op::saves_inputs());

}  // namespace
}  // namespace plait::ops
