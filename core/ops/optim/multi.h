#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "kernels/convert.h"
#include "kernels/parallel.h"
#include "kernels/simd.h"
#include "op/op.h"

// Steps of an optimiser over all parameters of a model in one call.
//
// A rule is a struct of attributes that extends MultiStep. It says which states it keeps, declares
// its own attributes, and updates a piece of one weight:
//
//   struct Nag : MultiStep {
//     static constexpr size_t kStates = 1;
//     static constexpr const char* kStateNames[] = {"mom"};
//     double momentum;
//     template <class A> static void attrs(OpBuilder<A>& b) { b.attr("momentum", ...); }
//     template <class T> void run(const Piece<T>& p) const { each(p, [...](int64_t i) {...}); }
//   };
//   PLAIT_MULTI_STEP(Nag, "multi_nag_mom_update", "...", "...");
//
// The input arrays are weight, gradient, states (and with multi_precision the float32 master of a
// float16 or bfloat16 weight) for each weight in turn.
namespace plait::op {

struct MultiStep {
  std::vector<double> lrs, wds;
  double rescale_grad, clip_gradient;
  int64_t num_weights;
  bool multi_precision;
};

inline constexpr size_t kMaxStates = 3;

// Consecutive elements of one weight; `index` is its number in the call.
template <class T>
struct Piece {
  const T* weight;
  const T* grad;
  T* out;
  std::array<T*, kMaxStates> state;
  int64_t size;
  size_t index;
};

template <class T, class F>
void each(const Piece<T>& p, const F& body) {
  kernels::vector_loop(p.size, body);
}

// Rescaled and clipped gradient.
template <class T>
struct Clipped {
  T rescale, clip;
  explicit Clipped(const MultiStep& a) : rescale(T(a.rescale_grad)), clip(T(a.clip_gradient)) {}
  T limit(T v) const { return clip >= T(0) ? (v > clip ? clip : v < -clip ? -clip : v) : v; }
  T operator()(T g) const { return limit(g * rescale); }
};

template <class Rule>
Specs infer_multi_step(const Rule& a, const Specs& in) {
  const auto n = static_cast<size_t>(a.num_weights);
  const size_t stride = 2 + Rule::kStates + (a.multi_precision ? 1 : 0);
  check(n > 0 && in.size() == n * stride, ErrorKind::kInvalidArgument, "got ", in.size(),
        " arrays, must be ", stride, " for each of num_weights = ", a.num_weights);
  check(a.lrs.size() == n && a.wds.size() == n, ErrorKind::kInvalidArgument, "lrs has ",
        a.lrs.size(), " and wds has ", a.wds.size(), " numbers, must be ", n);
  Specs out;
  for (size_t i = 0; i < n; ++i) {
    const Spec& weight = in[i * stride];
    const bool low = weight.dtype == DType::kFloat16 || weight.dtype == DType::kBfloat16;
    const bool real = weight.dtype == DType::kFloat32 || weight.dtype == DType::kFloat64;
    check(a.multi_precision ? low : real, ErrorKind::kType, "weight ", i, " has dtype ",
          weight.dtype, ", must be ",
          a.multi_precision ? "float16 or bfloat16 with multi_precision" : "float32 or float64");
    for (size_t j = 1; j < stride; ++j) {
      const Spec& s = in[i * stride + j];
      const char* what = j == 1 ? "gradient" : "state";
      const DType want = j > 1 && a.multi_precision ? DType::kFloat32 : weight.dtype;
      check(s.shape == weight.shape, ErrorKind::kShape, "a ", what, " of weight ", i, " has shape ",
            s.shape, ", must be ", weight.shape);
      check(s.dtype == want, ErrorKind::kType, "a ", what, " of weight ", i, " has dtype ", s.dtype,
            ", must be ", want);
    }
    out.push_back(weight);
  }
  return out;
}

namespace detail {

template <class T, class Rule>
void run_piece(const Rule& a, const View* in, const View& out, size_t index, int64_t begin,
               int64_t end) {
  Piece<T> p{
      in[0].ptr<T>() + begin, in[1].ptr<T>() + begin, out.ptr<T>() + begin, {}, end - begin, index};
  for (size_t s = 0; s < Rule::kStates; ++s) p.state[s] = in[2 + s].ptr<T>() + begin;
  a.run(p);
}

// The gradient is widened, the master updated, and the result narrowed, block by block.
template <class Rule>
void run_mixed(const Rule& a, const View* in, const View& out, size_t index, int64_t begin,
               int64_t end) {
  std::array<float, kernels::kBlock> grad;
  float* master = in[2 + Rule::kStates].template ptr<float>();
  for (int64_t at = begin; at < end; at += kernels::kBlock) {
    const int64_t n = std::min(kernels::kBlock, end - at);
    kernels::convert(in[1].ptr<uint16_t>() + at, in[1].dtype, 1, grad.data(), DType::kFloat32, n);
    Piece<float> p{master + at, grad.data(), master + at, {}, n, index};
    for (size_t s = 0; s < Rule::kStates; ++s) p.state[s] = in[2 + s].ptr<float>() + at;
    a.run(p);
    kernels::convert(master + at, DType::kFloat32, 1, out.ptr<uint16_t>() + at, out.dtype, n);
  }
}

}  // namespace detail

// All weights as one range of elements that the cores share: many small ones cost no more than one.
template <class Rule>
void multi_step_kernel(const Rule& a, const KernelArgs& k) {
  const size_t n = k.out.size(), stride = k.in.size() / n;
  std::vector<int64_t> ends(n);
  int64_t total = 0;
  for (size_t i = 0; i < n; ++i) ends[i] = total += k.out[i].size();
  kernels::parallel_for(k.threads, total, kernels::kGrain, [&](int64_t begin, int64_t end) {
    size_t i = std::upper_bound(ends.begin(), ends.end(), begin) - ends.begin();
    for (; begin < end; ++i) {
      const int64_t first = i ? ends[i - 1] : 0, last = std::min(ends[i], end);
      if (begin == last) continue;
      const View* in = &k.in[i * stride];
      if (a.multi_precision) {
        detail::run_mixed(a, in, k.out[i], i, begin - first, last - first);
      } else if (k.out[i].dtype == DType::kFloat64) {
        detail::run_piece<double>(a, in, k.out[i], i, begin - first, last - first);
      } else {
        detail::run_piece<float>(a, in, k.out[i], i, begin - first, last - first);
      }
      begin = last;
    }
  });
}

// The same rule for one weight: `lr` and `wd` take the place of the lists.
template <class Rule>
struct Single : Rule {
  double lr, wd;
};

template <class Rule>
Specs infer_single_step(const Single<Rule>& a, const Specs& in) {
  Single<Rule> one = a;
  one.num_weights = 1;
  one.lrs = one.wds = {0};
  return infer_multi_step<Rule>(one, in);
}

template <class Rule>
void single_step_kernel(const Single<Rule>& a, const KernelArgs& k) {
  Single<Rule> one = a;
  one.lrs = {a.lr};
  one.wds = {a.wd};
  multi_step_kernel<Rule>(one, k);
}

// A member of a base of the attributes as one of the attributes themselves.
template <class A, class B, class T>
constexpr T A::*of(T B::*member) {
  return member;
}

template <class A>
void common_attrs(OpBuilder<A>& b, const char* clip = "clip_gradient") {
  b.attr("rescale_grad", of<A>(&MultiStep::rescale_grad), 1.0, "factor of the gradients")
      .attr(clip, of<A>(&MultiStep::clip_gradient), -1.0,
            "largest absolute value after rescaling; < 0: none");
}

// Attributes, inputs and outputs of an operator for many weights. The rule declares its own
// attributes in `static void attrs(OpBuilder<A>&)`.
template <class Rule>
void declare_multi(OpBuilder<Rule>& b, const char* name, const char* doc, const char* source,
                   bool mixed = false) {
  b.required_attr("lrs", of<Rule>(&MultiStep::lrs), "learning rate of each weight")
      .required_attr("wds", of<Rule>(&MultiStep::wds), "weight decay of each weight");
  Rule::attrs(b);
  common_attrs(b);
  b.attr("num_weights", of<Rule>(&MultiStep::num_weights), 1, "number of weights")
      .attr("multi_precision", of<Rule>(&MultiStep::multi_precision), mixed,
            "whether weights are of 16 bits and each group ends with a float32 master")
      .num_outputs([](const Rule& a) { return static_cast<int>(a.num_weights); })
      .mutable_variadic_input("data", "weight, gradient and states of each weight in turn")
      .output("output", "the weights")
      .doc(doc)
      .source(source)
      .on("nd", name)
      .inplace();
}

template <class Rule>
int multi_step(const char* name, const char* doc, const char* source, const char* file, int line) {
  OpBuilder<Rule> b(Op::add(name, file, line));
  declare_multi(b, name, doc, source);
  b.infer(infer_multi_step<Rule>).cpu(multi_step_kernel<Rule>);
  return b;
}

// The same rule for one weight, under the name that MXNet's programs know; `clip` is what they call
// the bound of the gradient.
template <class Rule>
int single_step(const char* name, const char* doc, const char* source, const char* file, int line,
                const char* clip = "clip_gradient") {
  OpBuilder<Single<Rule>> b(Op::add(name, file, line));
  b.required_attr("lr", &Single<Rule>::lr, "learning rate, no unit");
  Rule::attrs(b);
  b.attr("wd", &Single<Rule>::wd, 0.0, "weight decay, no unit");
  common_attrs(b, clip);
  b.input("weight", "floating array").input("grad", "as weight");
  for (size_t i = 0; i < Rule::kStates; ++i) b.mutable_input(Rule::kStateNames[i], "as weight");
  b.output("output", "as weight")
      .doc(doc)
      .source(source)
      .on("nd", name)
      .inplace()
      .infer(infer_single_step<Rule>)
      .cpu(single_step_kernel<Rule>);
  return b;
}

#define PLAIT_MULTI_STEP(Rule, name, doc, source) \
  const int registered_##Rule = multi_step<Rule>(name, doc, source, __FILE__, __LINE__)
#define PLAIT_SINGLE_STEP(Rule, name, doc, source) \
  const int registered_single_##Rule = single_step<Rule>(name, doc, source, __FILE__, __LINE__)

}  // namespace plait::op
