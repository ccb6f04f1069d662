#include <cmath>

#include "kernels/parallel.h"
#include "kernels/simd.h"
#include "op/op.h"

// Steps of optimisers. The weight is written through `out=weight`; states are written in place.
namespace plait::op {
namespace {

struct StepAttrs {
  double lr, momentum, beta1, beta2, epsilon, wd, rescale_grad, clip_gradient;
  bool lazy_update;
};
struct MultiAttrs {
  std::vector<double> lrs, wds;
  double momentum, rescale_grad, clip_gradient;
  int64_t num_weights;
};

void check_like(const Spec& s, const Spec& weight, const char* name) {
  check(s.shape == weight.shape, ErrorKind::kShape, name, " has shape ", s.shape, ", must be ",
        weight.shape, " as weight");
  check(s.dtype == weight.dtype, ErrorKind::kType, name, " has dtype ", s.dtype, ", must be ",
        weight.dtype, " as weight");
}

Spec infer(const StepAttrs&, const Specs& in) {
  check(is_floating(in[0].dtype), ErrorKind::kType, "weight has dtype ", in[0].dtype,
        ", must be floating");
  for (size_t i = 1; i < in.size(); ++i) check_like(in[i], in[0], i == 1 ? "grad" : "a state");
  return in[0];
}

// Rescaled gradient with weight decay; MXNet's rules differ in whether the decay is clipped too.
template <class T>
struct Gradient {
  T rescale, clip, wd;
  T limit(T v) const { return clip >= T(0) ? (v > clip ? clip : v < -clip ? -clip : v) : v; }
  T operator()(T g, T w) const { return limit(g * rescale) + wd * w; }
  T clipped_with_decay(T g, T w) const { return limit(g * rescale + wd * w); }
};

template <class T, class F>
void each(const KernelArgs& k, int64_t n, const F& body) {
  kernels::parallel_for(k.threads, n, kernels::kGrain, [&](int64_t begin, int64_t end) {
    kernels::vector_loop(end - begin, [=](int64_t i) { body(begin + i); });
  });
}

// float16 and bfloat16 are computed in float32.
template <class T>
void sgd(const KernelArgs& k, int64_t n, const T* w, const T* g, T* m, T* out, acc_t<T> lr,
         acc_t<T> momentum, Gradient<acc_t<T>> grad) {
  using A = acc_t<T>;
  if (m) {
    each<T>(k, n, [=](int64_t i) {
      const A step = momentum * A(m[i]) - lr * grad(A(g[i]), A(w[i]));
      m[i] = T(step);
      out[i] = T(A(w[i]) + step);
    });
  } else {
    each<T>(k, n, [=](int64_t i) { out[i] = T(A(w[i]) - lr * grad(A(g[i]), A(w[i]))); });
  }
}

void sgd_kernel(const StepAttrs& a, const KernelArgs& k) {
  dispatch_floating(k.in[0].dtype, [&]<class T>(T) {
    using A = acc_t<T>;
    const Gradient<A> grad{A(a.rescale_grad), A(a.clip_gradient), A(a.wd)};
    sgd<T>(k, k.out[0].size(), k.in[0].ptr<T>(), k.in[1].ptr<T>(),
           k.in.size() > 2 ? k.in[2].ptr<T>() : nullptr, k.out[0].ptr<T>(), A(a.lr), A(a.momentum),
           grad);
  });
}

// m = b1 m + (1 - b1) g, v = b2 v + (1 - b2) g^2, w -= lr m / (sqrt(v) + eps); the caller corrects
// lr.
void adam_kernel(const StepAttrs& a, const KernelArgs& k) {
  dispatch_floating(k.in[0].dtype, [&]<class T>(T) {
    using A = acc_t<T>;
    const Gradient<A> grad{A(a.rescale_grad), A(a.clip_gradient), A(a.wd)};
    const A b1 = A(a.beta1), b2 = A(a.beta2), lr = A(a.lr), eps = A(a.epsilon);
    const T *w = k.in[0].ptr<T>(), *g = k.in[1].ptr<T>();
    T *m = k.in[2].ptr<T>(), *v = k.in[3].ptr<T>(), *out = k.out[0].ptr<T>();
    each<T>(k, k.out[0].size(), [=](int64_t i) {
      const A d = grad.clipped_with_decay(A(g[i]), A(w[i]));
      const A mean = b1 * A(m[i]) + (A(1) - b1) * d, square = b2 * A(v[i]) + (A(1) - b2) * d * d;
      m[i] = T(mean);
      v[i] = T(square);
      out[i] = T(A(w[i]) - lr * mean / (std::sqrt(square) + eps));
    });
  });
}

template <class Builder>
Builder& common(Builder&& b) {
  return b.attr("wd", &StepAttrs::wd, 0.0, "weight decay, no unit")
      .attr("rescale_grad", &StepAttrs::rescale_grad, 1.0, "factor of the gradient")
      .attr("clip_gradient", &StepAttrs::clip_gradient, -1.0,
            "largest absolute value after rescaling; < 0: none");
}

const int registered_sgd =
    common(OpBuilder<StepAttrs>(Op::add("sgd_update", __FILE__, __LINE__))
               .required_attr("lr", &StepAttrs::lr, "learning rate, no unit"))
        .attr("lazy_update", &StepAttrs::lazy_update, true,
              "kept for MXNet's programs; dense gradients ignore it")
        .doc("weight - lr (grad + wd weight).")
        .input("weight", "floating array")
        .input("grad", "as weight")
        .output("output", "as weight")
        .on("nd", "sgd_update")
        .inplace()
        .infer(infer)
        .cpu(sgd_kernel);

const int registered_sgd_mom =
    common(OpBuilder<StepAttrs>(Op::add("sgd_mom_update", __FILE__, __LINE__))
               .required_attr("lr", &StepAttrs::lr, "learning rate, no unit")
               .attr("momentum", &StepAttrs::momentum, 0.0, "share of the last step"))
        .attr("lazy_update", &StepAttrs::lazy_update, true,
              "kept for MXNet's programs; dense gradients ignore it")
        .doc("mom = momentum mom - lr (grad + wd weight); weight + mom.")
        .source("Polyak, USSR Comp. Math. 4 (1964)")
        .input("weight", "floating array")
        .input("grad", "as weight")
        .mutable_input("mom", "as weight")
        .output("output", "as weight")
        .on("nd", "sgd_mom_update")
        .inplace()
        .infer(infer)
        .cpu(sgd_kernel);

const int registered_adam =
    common(OpBuilder<StepAttrs>(Op::add("adam_update", __FILE__, __LINE__))
               .required_attr("lr", &StepAttrs::lr, "learning rate with bias correction, no unit")
               .attr("beta1", &StepAttrs::beta1, 0.9, "decay of the mean")
               .attr("beta2", &StepAttrs::beta2, 0.999, "decay of the mean square")
               .attr("epsilon", &StepAttrs::epsilon, 1e-8, "added to the root"))
        .attr("lazy_update", &StepAttrs::lazy_update, true,
              "kept for MXNet's programs; dense gradients ignore it")
        .doc("One step of Adam; the weight decay is clipped with the gradient.")
        .source("Kingma, Ba, ICLR (2015)")
        .input("weight", "floating array")
        .input("grad", "as weight")
        .mutable_input("mean", "as weight")
        .mutable_input("var", "as weight")
        .output("output", "as weight")
        .on("nd", "adam_update")
        .inplace()
        .infer(infer)
        .cpu(adam_kernel);

// `stride` arrays for each weight: weight, gradient and perhaps momentum.
Specs infer_multi(const MultiAttrs& a, const Specs& in, size_t stride) {
  const auto n = static_cast<size_t>(a.num_weights);
  check(n > 0 && in.size() == n * stride, ErrorKind::kInvalidArgument, "got ", in.size(),
        " arrays, must be ", stride, " for each of num_weights = ", a.num_weights);
  check(a.lrs.size() == n && a.wds.size() == n, ErrorKind::kInvalidArgument, "lrs has ",
        a.lrs.size(), " and wds has ", a.wds.size(), " numbers, must be ", n);
  Specs out;
  for (size_t i = 0; i < n; ++i) {
    check(is_floating(in[i * stride].dtype), ErrorKind::kType, "a weight has dtype ",
          in[i * stride].dtype, ", must be floating");
    for (size_t j = 1; j < stride; ++j)
      check_like(in[i * stride + j], in[i * stride], j == 1 ? "a gradient" : "a state");
    out.push_back(in[i * stride]);
  }
  return out;
}
Specs infer_multi_sgd(const MultiAttrs& a, const Specs& in) { return infer_multi(a, in, 2); }
Specs infer_multi_sgd_mom(const MultiAttrs& a, const Specs& in) { return infer_multi(a, in, 3); }

void multi_kernel(const MultiAttrs& a, const KernelArgs& k) {
  const size_t n = static_cast<size_t>(a.num_weights), stride = k.in.size() / n;
  for (size_t i = 0; i < n; ++i) {
    const View *in = &k.in[i * stride], &out = k.out[i];
    dispatch_floating(out.dtype, [&]<class T>(T) {
      using A = acc_t<T>;
      const Gradient<A> grad{A(a.rescale_grad), A(a.clip_gradient), A(a.wds[i])};
      sgd<T>(k, out.size(), in[0].ptr<T>(), in[1].ptr<T>(), stride > 2 ? in[2].ptr<T>() : nullptr,
             out.ptr<T>(), A(a.lrs[i]), A(a.momentum), grad);
    });
  }
}

template <class Builder>
Builder& multi_attrs(Builder&& b) {
  return b.required_attr("lrs", &MultiAttrs::lrs, "learning rate of each weight")
      .required_attr("wds", &MultiAttrs::wds, "weight decay of each weight")
      .attr("rescale_grad", &MultiAttrs::rescale_grad, 1.0, "factor of the gradients")
      .attr("clip_gradient", &MultiAttrs::clip_gradient, -1.0,
            "largest absolute value after rescaling; < 0: none")
      .attr("num_weights", &MultiAttrs::num_weights, 1, "number of weights")
      .num_outputs([](const MultiAttrs& a) { return static_cast<int>(a.num_weights); });
}

const int registered_multi_sgd =
    multi_attrs(OpBuilder<MultiAttrs>(Op::add("multi_sgd_update", __FILE__, __LINE__)))
        .doc("sgd_update for many weights in one call.")
        .mutable_variadic_input("data", "weight, gradient, weight, gradient, ...")
        .output("output", "the weights")
        .on("nd", "multi_sgd_update")
        .inplace()
        .infer(infer_multi_sgd)
        .cpu(multi_kernel);

const int registered_multi_sgd_mom =
    multi_attrs(OpBuilder<MultiAttrs>(Op::add("multi_sgd_mom_update", __FILE__, __LINE__))
                    .attr("momentum", &MultiAttrs::momentum, 0.0, "share of the last step"))
        .doc("sgd_mom_update for many weights in one call.")
        .mutable_variadic_input("data", "weight, gradient, momentum, weight, ...")
        .output("output", "the weights")
        .on("nd", "multi_sgd_mom_update")
        .inplace()
        .infer(infer_multi_sgd_mom)
        .cpu(multi_kernel);

}  // namespace
}  // namespace plait::op
