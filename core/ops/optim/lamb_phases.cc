#include "ops/optim/from_arrays.h"
#include "ops/optim/trusted.h"

// LAMB in two operators for one weight, with the norms taken between them by the program.
namespace plait::op {
namespace {

struct Direction : Trusted {
  int64_t t;
  double wd;
};

// Weight, gradient, means, and with kMixed the float32 master.
template <bool kMixed>
Spec infer_direction(const Direction& a, const Specs& in) {
  check(a.t > 0, ErrorKind::kInvalidArgument, "t is ", a.t, ", must be > 0");
  Trusted one = a;
  one.multi_precision = kMixed;
  check_weight<Trusted>(one, in.data(), in.size(), 0, true);
  return {in[0].shape, kMixed ? DType::kFloat32 : in[0].dtype};
}

template <class T>
void directions(const Direction& a, const View& weight, const KernelArgs& k) {
  Direction one = a;
  one.wds = {a.wd};
  one.step_count = {static_cast<double>(a.t)};
  kernels::parallel_for(k.threads, weight.size(), kernels::kGrain, [&](int64_t at, int64_t end) {
    std::array<T, kernels::kBlock> w, g, m, v, step;
    for (; at < end; at += kernels::kBlock) {
      const int64_t n = std::min(kernels::kBlock, end - at);
      load(weight, at, w.data(), n);
      load(k.in[1], at, g.data(), n);
      load(k.in[2], at, m.data(), n);
      load(k.in[3], at, v.data(), n);
      one.direction<T>(0, n, w.data(), g.data(), m.data(), v.data(), step.data());
      store(m.data(), k.in[2], at, n);
      store(v.data(), k.in[3], at, n);
      store(step.data(), k.out[0], at, n);
    }
  });
}

template <bool kMixed>
void direction_kernel(const Direction& a, const KernelArgs& k) {
  const View& weight = k.in[kMixed ? 4 : 0];
  if (weight.dtype == DType::kFloat64)
    directions<double>(a, weight, k);
  else
    directions<float>(a, weight, k);
}

template <bool kMixed>
int add_direction(const char* name, const char* doc, int line) {
  OpBuilder<Direction> b(Op::add(name, __FILE__, line));
  b.attr("beta1", of<Direction>(&Trusted::beta1), 0.9, "decay of the mean")
      .attr("beta2", of<Direction>(&Trusted::beta2), 0.999, "decay of the mean square")
      .attr("epsilon", of<Direction>(&Trusted::epsilon), 1e-6, "added to the root")
      .required_attr("t", &Direction::t, "number of this step, from 1")
      .attr("bias_correction", of<Direction>(&Trusted::bias_correction), true,
            "whether the means are corrected for their start at 0")
      .required_attr("wd", &Direction::wd, "weight decay, no unit");
  common_attrs(b);
  b.input("weight", kMixed ? "array of float16 or bfloat16" : "floating array")
      .input("grad", "as weight")
      .mutable_input("mean", kMixed ? "shape of weight, float32" : "as weight")
      .mutable_input("var", "as mean");
  if (kMixed) b.input("weight32", "float32 master of weight");
  b.output("output", "as mean: the step before it gets its length")
      .doc(doc)
      .source("You and others, ICLR (2020)")
      .on("nd", name)
      .infer(infer_direction<kMixed>)
      .cpu(direction_kernel<kMixed>);
  return b;
}

struct Length : Trusted {
  double lr;
};

template <bool kMixed>
Spec infer_length(const Length&, const Specs& in) {
  check_numbers(in[2], "r1", 1);
  check_numbers(in[3], "r2", 1);
  const Spec& weight = in[0];
  check(kMixed ? is_low(weight.dtype) : is_floating(weight.dtype), ErrorKind::kType,
        "weight has dtype ", weight.dtype, ", must be ",
        kMixed ? "float16 or bfloat16" : "floating");
  const DType wide = kMixed ? DType::kFloat32 : weight.dtype;
  const auto check_like = [&](const Spec& s, const char* what) {
    check(s.shape == weight.shape, ErrorKind::kShape, what, " has shape ", s.shape, ", must be ",
          weight.shape, " as the weight");
    check(s.dtype == wide, ErrorKind::kType, what, " has dtype ", s.dtype, ", must be ", wide);
  };
  check_like(in[1], "g");
  if (kMixed) check_like(in[4], "weight32");
  return weight;
}

template <class T>
void steps(const Length& a, const View& weight, const KernelArgs& k) {
  const double r1 = numbers(k.in[2])[0], r2 = numbers(k.in[3])[0];
  const T rate = T(a.lr * a.ratio(r1 * r1, r2 * r2));
  kernels::parallel_for(k.threads, weight.size(), kernels::kGrain, [&](int64_t at, int64_t end) {
    std::array<T, kernels::kBlock> w, g;
    for (; at < end; at += kernels::kBlock) {
      const int64_t n = std::min(kernels::kBlock, end - at);
      load(weight, at, w.data(), n);
      load(k.in[1], at, g.data(), n);
      for (int64_t i = 0; i < n; ++i) w[i] -= rate * g[i];
      if (weight.data != k.in[0].data) store(w.data(), weight, at, n);
      store(w.data(), k.out[0], at, n);
    }
  });
}

template <bool kMixed>
void length_kernel(const Length& a, const KernelArgs& k) {
  const View& weight = k.in[kMixed ? 4 : 0];
  if (weight.dtype == DType::kFloat64)
    steps<double>(a, weight, k);
  else
    steps<float>(a, weight, k);
}

template <bool kMixed>
int add_length(const char* name, const char* doc, int line) {
  OpBuilder<Length> b(Op::add(name, __FILE__, line));
  b.required_attr("lr", &Length::lr, "learning rate, no unit")
      .attr("lower_bound", of<Length>(&Trusted::lower_bound), -1.0, "least r1; < 0: none")
      .attr("upper_bound", of<Length>(&Trusted::upper_bound), -1.0, "largest r1; < 0: none")
      .input("weight", kMixed ? "array of float16 or bfloat16" : "floating array")
      .input("g", kMixed ? "shape of weight, float32: from phase 1" : "as weight: from phase 1")
      .input("r1", "one number: norm of the weight")
      .input("r2", "one number: norm of g");
  if (kMixed) b.mutable_input("weight32", "float32 master of weight");
  b.output("output", "as weight")
      .doc(doc)
      .source("You and others, ICLR (2020)")
      .on("nd", name)
      .inplace()
      .infer(infer_length<kMixed>)
      .cpu(length_kernel<kMixed>);
  return b;
}

constexpr const char* kDirection = "LAMB's step for a weight: Adam's direction plus weight decay.";
constexpr const char* kLength = "weight - lr r1 / r2 g; weight - lr g where a norm is 0.";
const int registered[] = {
    add_direction<false>("lamb_update_phase1", kDirection, __LINE__),
    add_direction<true>("mp_lamb_update_phase1", kDirection, __LINE__),
    add_length<false>("lamb_update_phase2", kLength, __LINE__),
    add_length<true>("mp_lamb_update_phase2", kLength, __LINE__),
};

}  // namespace
}  // namespace plait::op
