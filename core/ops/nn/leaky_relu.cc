#include <cmath>

#include "kernels/parallel.h"
#include "kernels/random.h"
#include "kernels/simd.h"
#include "op/functions.h"
#include "op/op.h"
#include "ops/expect.h"
#include "ops/nn/leaky_relu.h"

namespace plait::ops {
namespace {

struct LeakyAttrs {
  std::string act_type;
  double slope, lower_bound, upper_bound;
};

bool is_prelu(const LeakyAttrs& a) { return a.act_type == "prelu"; }
bool is_random(const LeakyAttrs& a) { return a.act_type == "rrelu"; }

Specs infer(const LeakyAttrs& a, const Specs& in) {
  check(is_floating(in[0].dtype), ErrorKind::kType, "data has dtype ", in[0].dtype,
        ", must be floating");
  if (is_prelu(a)) {
    Channels(in[0].shape, in[1].shape);
    check(in[1].dtype == in[0].dtype, ErrorKind::kType, "gamma has dtype ", in[1].dtype,
          ", must be ", in[0].dtype, " as data");
  }
  if (!is_random(a)) return {in[0]};
  check(a.lower_bound <= a.upper_bound, ErrorKind::kInvalidArgument, "lower_bound is ",
        a.lower_bound, ", must be at most upper_bound, ", a.upper_bound);
  return {in[0], in[0]};
}

Spec infer_backward(const LeakyAttrs& a, const Specs& in) {
  check(is_floating(in[1].dtype), ErrorKind::kType, "data has dtype ", in[1].dtype,
        ", must be floating");
  expect(in[0], in[1], "dout");
  if (is_prelu(a)) Channels(in[1].shape, in[2].shape);
  if (is_prelu(a) || is_random(a)) {
    expect(in[2], {is_random(a) ? in[1].shape : in[2].shape, in[1].dtype}, "slopes");
  }
  return in[1];
}

// y = f(x, slope of the element) for all elements; `slopes` holds count numbers, `inner` apart.
template <class T, class F>
void each(int threads, int64_t n, const T* x, const T* slopes, int64_t count, int64_t inner,
          double slope, const F& f) {
  using A = acc_t<T>;
  kernels::parallel_for(threads, n, kernels::kGrain, [&](int64_t begin, int64_t end) {
    if (!slopes || count == 1) {
      const A s = slopes ? static_cast<A>(slopes[0]) : static_cast<A>(slope);
      const T* xs = x + begin;
      kernels::vector_loop(end - begin,
                           [=, &f](int64_t i) { f(begin + i, static_cast<A>(xs[i]), s); });
      return;
    }
    for (int64_t i = begin; i < end; ++i) {
      f(i, static_cast<A>(x[i]), static_cast<A>(slopes[i / inner % count]));
    }
  });
}

void kernel(const LeakyAttrs& a, const op::KernelArgs& k) {
  const int64_t n = k.in[0].size();
  dispatch_floating(k.in[0].dtype, [&]<class T>(T) {
    using A = acc_t<T>;
    const T *x = k.in[0].ptr<T>(), *slopes = is_prelu(a) ? k.in[1].ptr<T>() : nullptr;
    T* y = k.out[0].ptr<T>();
    int64_t count = 1, inner = 1;
    if (is_prelu(a)) {
      const Channels c(*k.in[0].shape, *k.in[1].shape);
      count = c.count, inner = c.inner;
    }
    if (is_random(a)) {
      const kernels::Philox random(k.random.seed, k.random.offset);
      T* drawn = k.out[1].ptr<T>();
      const double span = a.upper_bound - a.lower_bound;
      for (int64_t i = 0; i < n; ++i) {
        const double u =
            k.is_train ? kernels::Draws(random, static_cast<uint64_t>(i)).uniform() : 0.5;
        drawn[i] = static_cast<T>(static_cast<A>(a.lower_bound + span * u));
      }
      slopes = drawn;
      count = n;
    }
    with_leaky(a.act_type, [&]<class F>(F) {
      each<T>(k.threads, n, x, slopes, count, inner, a.slope,
              [=](int64_t i, A v, A s) { y[i] = static_cast<T>(F::f(v, s)); });
    });
  });
}

// Inputs: dout, data and, for prelu and rrelu, the slopes.
void backward_kernel(const LeakyAttrs& a, const op::KernelArgs& k) {
  const int64_t n = k.in[0].size();
  dispatch_floating(k.in[0].dtype, [&]<class T>(T) {
    using A = acc_t<T>;
    const T *dy = k.in[0].ptr<T>(), *x = k.in[1].ptr<T>();
    const T* slopes = k.in.size() > 2 ? k.in[2].ptr<T>() : nullptr;
    T* dx = k.out[0].ptr<T>();
    int64_t count = n, inner = 1;
    if (is_prelu(a)) {
      const Channels c(*k.in[1].shape, *k.in[2].shape);
      count = c.count, inner = c.inner;
    }
    with_leaky(a.act_type, [&]<class F>(F) {
      each<T>(k.threads, n, x, slopes, count, inner, a.slope, [=](int64_t i, A v, A s) {
        dx[i] = static_cast<T>(static_cast<A>(dy[i]) * F::d(v, s));
      });
    });
  });
}

// gamma in the shape in which it broadcasts to data.
Dims stretched(const Dims& data, const Dims& gamma) {
  Dims shape(data.size(), 1);
  if (gamma[0] != 1) shape[data.size() > 1 ? 1 : 0] = gamma[0];
  return shape;
}

// The derivative by data as operators, for higher orders.
Value derivative(const LeakyAttrs& a, const GradArgs& g) {
  const Value x = g.in(0);
  const Value positive = op::greater(x, 0.0), negative = 1.0 - positive;
  if (a.act_type == "elu") return positive + negative * exp(op::minimum(x, 0.0)) * a.slope;
  if (a.act_type == "selu") {
    return (positive + negative * exp(op::minimum(x, 0.0)) * kSeluAlpha) * kSeluScale;
  }
  if (a.act_type == "gelu") {
    static const OpCall kErf("erf");
    return (kErf({x * M_SQRT1_2}) + 1.0) * 0.5 + x * exp(x * x * -0.5) * 0.3989422804014327;
  }
  if (is_prelu(a)) {
    const Dims shape = stretched(g.in_spec(0).shape, g.in_spec(1).shape);
    return positive + negative * op::reshape_to(g.in(1), shape);
  }
  if (is_random(a)) return positive + negative * g.out(1);
  return positive + negative * a.slope;
}

Values backward(const LeakyAttrs& a, const GradArgs& g) {
  static const OpCall kFused("leaky_relu_backward", {"act_type", "slope"});
  Values d(g.num_in());
  if (op::current_tracer().differentiable()) {
    d[0] = g.dout() * derivative(a, g);
  } else {
    Values in{g.dout(), g.in(0)};
    if (is_prelu(a)) in.push_back(g.in(1));
    if (is_random(a)) in.push_back(g.out(1));
    const op::AttrValue attrs[] = {a.act_type, a.slope};
    d[0] = kFused.all({in.data(), in.size()}, attrs)[0];
  }
  if (is_prelu(a) && g.needs_grad(1)) {
    const Dims shape = stretched(g.in_spec(0).shape, g.in_spec(1).shape);
    d[1] =
        op::reshape_to(op::sum_to(g.dout() * op::minimum(g.in(0), 0.0), shape), g.in_spec(1).shape);
  }
  return d;
}

PLAIT_OP(leaky_relu, LeakyAttrs)
    .doc("Activations that are not flat below 0, element by element.")
    .source("He, Zhang, Ren, Sun, ICCV (2015): prelu; Xu, Wang, Chen, Li (2015): rrelu")
    .input("data", "floating array (batch, channels, ...) or of any shape")
    .optional_input("gamma", "(channels,) or (1,): slopes of prelu")
    .output("output", "shape and dtype of data")
    .hidden_output("mask", "the slopes that rrelu took")
    .attr(
        "act_type", &LeakyAttrs::act_type, "leaky",
        "leaky: slope x below 0; prelu: slopes are learnt; rrelu: slopes are drawn in train mode "
        "and the mean of the bounds else; elu: slope (exp(x) - 1); selu: elu with fixed constants; "
        "gelu: x times the normal distribution function")
    .choices({"elu", "gelu", "leaky", "prelu", "rrelu", "selu"})
    .attr("slope", &LeakyAttrs::slope, 0.25, "slope of leaky, factor of elu")
    .attr("lower_bound", &LeakyAttrs::lower_bound, 0.125, "smallest slope of rrelu")
    .attr("upper_bound", &LeakyAttrs::upper_bound, 0.334, "largest slope of rrelu")
    .on("nd sym", "LeakyReLU")
    .on("npx", "leaky_relu")
    .num_inputs([](const LeakyAttrs& a) { return is_prelu(a) ? 2 : 1; })
    .num_outputs([](const LeakyAttrs& a) { return is_random(a) ? 2 : 1; })
    .visible_outputs([](const LeakyAttrs&) { return 1; })
    .random()
    .uses_train()
    .infer(infer)
    .complete([](const LeakyAttrs&, std::vector<Dims>& in, std::vector<bool>& known) {
      if (in.size() < 2 || known[1] || !known[0] || in[0].empty()) return;
      in[1] = {in[0].size() > 1 ? in[0][1] : in[0][0]};
      known[1] = true;
    })
    .cpu(kernel)
    .grad(backward, op::saves_inputs() | op::saves_output(1));

PLAIT_OP(leaky_relu_backward, LeakyAttrs)
    .doc("Gradient of leaky_relu with respect to data.")
    .input("dout", "gradient of the output")
    .input("data", "as for leaky_relu")
    .optional_input("slopes", "of prelu or rrelu")
    .output("ddata", "shape and dtype of data")
    .required_attr("act_type", &LeakyAttrs::act_type, "as for leaky_relu")
    .attr("slope", &LeakyAttrs::slope, 0.25, "as for leaky_relu")
    .infer(infer_backward)
    .num_inputs([](const LeakyAttrs& a) { return is_prelu(a) || is_random(a) ? 3 : 2; })
    .cpu(backward_kernel);

}  // namespace
}  // namespace plait::ops
