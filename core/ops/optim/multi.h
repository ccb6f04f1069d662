#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "base/target.h"
#include "kernels/convert.h"
#include "kernels/parallel.h"
#include "kernels/simd.h"
#include "op/op.h"

// In front of the parameters of what `each` runs.
#ifdef __CUDACC__
#define PLAIT_EACH __device__
#else
#define PLAIT_EACH
#endif

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
//     template <class T> void run(const Piece<T>& p) const {
//       each(p, [...] PLAIT_EACH(int64_t i) {...});
//     }
//   };
//   PLAIT_MULTI_STEP(Nag, "multi_nag_mom_update", "...", "...");
//
// The input arrays are weight, gradient, states (and with multi_precision the float32 master of a
// float16 or bfloat16 weight) for each weight in turn. Without a master such a weight and its
// states are computed in float32 and rounded.
namespace plait::op {

struct MultiStep {
  std::vector<double> lrs, wds;
  double rescale_grad, clip_gradient;
  int64_t num_weights;
  bool multi_precision;
};

inline constexpr size_t kMaxStates = 3;

inline bool is_low(DType d) { return d == DType::kFloat16 || d == DType::kBfloat16; }

// Consecutive elements of one weight.
template <class T>
struct Piece {
  const T* weight;
  const T* grad;
  T* out;
  std::array<T*, kMaxStates> state;
  int64_t size;
  size_t index;      // number of the weight in the call
  int64_t place;     // of the first element among those of all weights
  RandomKey random;  // of the call, if the operator draws
};

// Rescaled and clipped gradient.
template <class T>
struct Clipped {
  T rescale, clip;
  explicit Clipped(const MultiStep& a) : rescale(T(a.rescale_grad)), clip(T(a.clip_gradient)) {}
  PLAIT_FN T limit(T v) const {
    return clip >= T(0) ? (v > clip ? clip : v < -clip ? -clip : v) : v;
  }
  PLAIT_FN T operator()(T g) const { return limit(g * rescale); }
};

// "grad" of an operator for one weight, "a gradient of weight 3" of one for many.
template <class Rule>
std::string array_name(size_t weight, size_t array, bool one) {
  const bool is_state = array >= 2 && array < 2 + Rule::kStates;
  const std::string what = array == 0   ? "weight"
                           : array == 1 ? "grad"
                           : is_state   ? Rule::kStateNames[array - 2]
                                        : "weight32";
  if (one) return what;
  return array == 0 ? cat("weight ", weight) : cat(what, " of weight ", weight);
}

template <class Rule>
void check_weight(const Rule& a, const Spec* in, size_t stride, size_t index, bool one) {
  const Spec& weight = in[0];
  if (a.multi_precision ? !is_low(weight.dtype) : !is_floating(weight.dtype)) {
    fail(ErrorKind::kType, array_name<Rule>(index, 0, one), " has dtype ", weight.dtype,
         ", must be ", a.multi_precision ? "float16 or bfloat16 with multi_precision" : "floating");
  }
  for (size_t j = 1; j < stride; ++j) {
    const DType want = j > 1 && a.multi_precision ? DType::kFloat32 : weight.dtype;
    if (in[j].shape != weight.shape) {
      fail(ErrorKind::kShape, array_name<Rule>(index, j, one), " has shape ", in[j].shape,
           ", must be ", weight.shape, " as the weight");
    }
    if (in[j].dtype != want) {
      fail(ErrorKind::kType, array_name<Rule>(index, j, one), " has dtype ", in[j].dtype,
           ", must be ", want);
    }
  }
}

// Arrays of one weight: a rule whose states have shapes of their own has `check_arrays`.
template <class Rule>
void check_group(const Rule& a, const Spec* in, size_t stride, size_t index, bool one) {
  if constexpr (requires { a.check_arrays(in, stride, index, one); })
    a.check_arrays(in, stride, index, one);
  else
    check_weight(a, in, stride, index, one);
}

// Number of arrays for each weight.
template <class Rule>
size_t check_counts(const Rule& a, const Specs& in) {
  const auto n = static_cast<size_t>(a.num_weights);
  const size_t stride = 2 + Rule::kStates + (a.multi_precision ? 1 : 0);
  check(n > 0 && in.size() == n * stride, ErrorKind::kInvalidArgument, "got ", in.size(),
        " arrays, must be ", stride, " for each of num_weights = ", a.num_weights);
  check(a.lrs.size() == n && a.wds.size() == n, ErrorKind::kInvalidArgument, "lrs has ",
        a.lrs.size(), " and wds has ", a.wds.size(), " numbers, must be ", n);
  return stride;
}

template <class Rule>
Specs infer_multi_step(const Rule& a, const Specs& in) {
  const size_t stride = check_counts(a, in);
  Specs out;
  for (size_t i = 0; i * stride < in.size(); ++i) {
    check_group(a, &in[i * stride], stride, i, false);
    out.push_back(in[i * stride]);
  }
  return out;
}

// Elements [at, at + n) of an array in the type of the computation, and back.
template <class T>
void load(const View& from, int64_t at, T* to, int64_t n) {
  const auto skip = at * static_cast<int64_t>(dtype_size(from.dtype));
  kernels::convert(static_cast<const char*>(from.data) + skip, from.dtype, 1, to, dtype_of<T>(), n);
}
template <class T>
void store(const T* from, const View& to, int64_t at, int64_t n) {
  const auto skip = at * static_cast<int64_t>(dtype_size(to.dtype));
  kernels::convert(from, dtype_of<T>(), 1, static_cast<char*>(to.data) + skip, to.dtype, n);
}

namespace detail {

// Elements [begin, end) of weight `index`, whose arrays are `in`.
struct Range {
  const View* in;
  const View& out;
  size_t index;
  int64_t begin, end, place;
  RandomKey random;
};

template <class T, class Rule>
void run_piece(const Rule& a, const Range& r) {
  Piece<T> p{r.in[0].ptr<T>() + r.begin,
             r.in[1].ptr<T>() + r.begin,
             r.out.ptr<T>() + r.begin,
             {},
             r.end - r.begin,
             r.index,
             r.place,
             r.random};
  for (size_t s = 0; s < Rule::kStates; ++s) p.state[s] = r.in[2 + s].ptr<T>() + r.begin;
  a.run(p);
}

}  // namespace detail

}  // namespace plait::op

// each(p, body) for the elements of a piece, and detail::run_low for weights of 16 bits.
#ifdef PLAIT_DEVICE
#include "ops/optim/pieces_cuda.h"
#else
#include "ops/optim/pieces.h"
#endif

namespace plait::op {

// Updates a range in the type of the weight.
template <class Rule>
void run_range(const Rule& a, const detail::Range& r) {
  if (is_low(r.out.dtype))
    detail::run_low(a, r);
  else if (r.out.dtype == DType::kFloat64)
    detail::run_piece<double>(a, r);
  else
    detail::run_piece<float>(a, r);
}

// All weights as one range of elements that the cores share: many small ones cost no more than one.
template <class Rule>
void multi_step_kernel(const Rule& a, const KernelArgs& k) {
  const size_t n = k.out.size(), stride = k.in.size() / n;
  std::vector<int64_t> ends(n);
  int64_t total = 0;
  for (size_t i = 0; i < n; ++i) ends[i] = total += k.out[i].size();
  kernels::parallel_pieces(k.threads, total, kernels::kGrain, [&](int64_t begin, int64_t end) {
    size_t i = std::upper_bound(ends.begin(), ends.end(), begin) - ends.begin();
    for (; begin < end; ++i) {
      const int64_t first = i ? ends[i - 1] : 0, last = std::min(ends[i], end);
      if (begin == last) continue;
      run_range<Rule>(
          a, {&k.in[i * stride], k.out[i], i, begin - first, last - first, begin, k.random});
      begin = last;
    }
  });
}

// The same rule for one weight: `lr` and `wd` take the place of the lists.
template <class Rule>
struct Single : Rule {
  double lr, wd;
};

// With the lists of a call for many weights.
template <bool kMixed, class Rule>
Single<Rule> as_list_of_one(const Single<Rule>& a) {
  Single<Rule> one = a;
  one.lrs = {a.lr};
  one.wds = {a.wd};
  one.num_weights = 1;
  one.multi_precision = kMixed;
  return one;
}

template <class Rule, bool kMixed>
Specs infer_single_step(const Single<Rule>& a, const Specs& in) {
  check_group<Rule>(as_list_of_one<kMixed>(a), in.data(), in.size(), 0, true);
  return {in[0]};
}

template <class Rule, bool kMixed>
void single_step_kernel(const Single<Rule>& a, const KernelArgs& k) {
  multi_step_kernel<Rule>(as_list_of_one<kMixed>(a), k);
}

// A member of a base of the attributes as one of the attributes themselves.
template <class A, class B, class T>
constexpr T A::*of(T B::*member) {
  return member;
}

// An attribute of MXNet's programs, where operators for one weight have it.
template <class A>
void lazy_attr(OpBuilder<A>& b, bool A::*member) {
  b.attr("lazy_update", member, true, "kept for MXNet's programs; dense gradients ignore it");
}

template <class A>
void common_attrs(OpBuilder<A>& b, const char* clip = "clip_gradient") {
  b.attr("rescale_grad", of<A>(&MultiStep::rescale_grad), 1.0, "factor of the gradients")
      .attr(clip, of<A>(&MultiStep::clip_gradient), -1.0,
            "largest absolute value after rescaling; < 0: none");
}

// The number of weights and their arrays.
template <class Rule>
void declare_many(OpBuilder<Rule>& b, const char* doc, const char* source, bool mixed) {
  b.attr("num_weights", of<Rule>(&MultiStep::num_weights), 1, "number of weights")
      .attr("multi_precision", of<Rule>(&MultiStep::multi_precision), mixed,
            "whether weights are of 16 bits and each group ends with a float32 master")
      .num_outputs([](const Rule& a) { return static_cast<int>(a.num_weights); })
      .mutable_variadic_input("data", "weight, gradient and states of each weight in turn")
      .output("output", "the weights")
      .doc(doc)
      .source(source)
      .inplace();
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
  declare_many(b, doc, source, mixed);
  b.on("nd", name);
}

template <class Rule>
int multi_step(const char* name, const char* doc, const char* source, const char* file, int line,
               bool mixed = false) {
  OpBuilder<Rule> b(Op::add(name, file, line));
  declare_multi(b, name, doc, source, mixed);
  b.infer(infer_multi_step<Rule>).cpu(multi_step_kernel<Rule>).portable();
  return b;
}

// Attributes, inputs and the output of the same rule for one weight, under the name that MXNet's
// programs know; `clip` is what they call the bound of the gradient.
template <class Rule>
void declare_single(OpBuilder<Single<Rule>>& b, const char* doc, const char* source,
                    const char* clip = "clip_gradient", bool mixed = false) {
  b.required_attr("lr", &Single<Rule>::lr, "learning rate, no unit");
  Rule::attrs(b);
  b.attr("wd", &Single<Rule>::wd, 0.0, "weight decay, no unit");
  common_attrs(b, clip);
  if constexpr (requires { Rule::lazy(b); }) Rule::lazy(b);
  b.input("weight", mixed ? "array of float16 or bfloat16" : "floating array");
  b.input("grad", "as weight");
  const char* state = mixed ? "shape of weight, float32" : "as weight";
  for (size_t i = 0; i < Rule::kStates; ++i) b.mutable_input(Rule::kStateNames[i], state);
  if (mixed) b.mutable_input("weight32", "float32 master of weight");
  b.output("output", "as weight").doc(doc).source(source).inplace();
}

template <class Rule, bool kMixed = false>
int single_step(const char* name, const char* doc, const char* source, const char* file, int line,
                const char* clip = "clip_gradient") {
  OpBuilder<Single<Rule>> b(Op::add(name, file, line));
  declare_single<Rule>(b, doc, source, clip, kMixed);
  b.on("nd", name)
      .infer(infer_single_step<Rule, kMixed>)
      .cpu(single_step_kernel<Rule, kMixed>)
      .portable();
  return b;
}

#define PLAIT_MULTI_STEP(Rule, name, doc, source) \
  const int registered_##Rule = multi_step<Rule>(name, doc, source, __FILE__, __LINE__)
#define PLAIT_MIXED_STEP(Rule, name, doc, source) \
  const int registered_mixed_##Rule = multi_step<Rule>(name, doc, source, __FILE__, __LINE__, true)
#define PLAIT_SINGLE_STEP(Rule, name, doc, source) \
  const int registered_single_##Rule = single_step<Rule>(name, doc, source, __FILE__, __LINE__)
#define PLAIT_SINGLE_MIXED_STEP(Rule, name, doc, source) \
  const int registered_single_mixed_##Rule =             \
      single_step<Rule, true>(name, doc, source, __FILE__, __LINE__)

}  // namespace plait::op
