#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

#include "ops/optim/multi.h"

// Steps that take numbers from arrays which other operators computed, so that no program has to
// wait for them: learning rates and weight decays, or the factor of the gradients.
namespace plait::op {

// All numbers of an array.
inline std::vector<double> numbers(const View& v) {
  std::vector<double> to(static_cast<size_t>(v.size()));
  load(v, 0, to.data(), v.size());
  return to;
}

inline void check_numbers(const Spec& s, const char* what, int64_t count) {
  check(is_floating(s.dtype) && num_elements(s.shape) == count, ErrorKind::kInvalidArgument, what,
        " has shape ", s.shape, " and dtype ", s.dtype, ", must be ", count, " floating numbers");
}

// The rule with the two last arrays as its lists.
template <class Rule>
Specs infer_preloaded(const Rule& a, const Specs& in) {
  check(in.size() >= 2, ErrorKind::kInvalidArgument, "got ", in.size(),
        " arrays, must end with lrs and wds");
  check_numbers(in[in.size() - 2], "lrs", a.num_weights);
  check_numbers(in.back(), "wds", a.num_weights);
  Rule with_lists = a;
  with_lists.lrs.resize(static_cast<size_t>(a.num_weights));
  with_lists.wds.resize(with_lists.lrs.size());
  return infer_multi_step<Rule>(with_lists, Specs(in.begin(), in.end() - 2));
}

template <class Rule>
void preloaded_kernel(const Rule& a, const KernelArgs& k) {
  Rule with_lists = a;
  with_lists.lrs = numbers(k.in[k.in.size() - 2]);
  with_lists.wds = numbers(k.in.back());
  KernelArgs rest = k;
  rest.in = k.in.first(k.in.size() - 2);
  multi_step_kernel<Rule>(with_lists, rest);
}

template <class Rule>
int preloaded_step(const char* name, const char* doc, const char* source, const char* file,
                   int line, bool mixed = false) {
  OpBuilder<Rule> b(Op::add(name, file, line));
  Rule::attrs(b);
  common_attrs(b);
  declare_many(b, doc, source, mixed);
  b.on("nd", name).infer(infer_preloaded<Rule>).cpu(preloaded_kernel<Rule>);
  return b;
}

#define PLAIT_PRELOADED_STEP(Rule, name, doc, source) \
  const int registered_preloaded_##Rule =             \
      preloaded_step<Rule>(name, doc, source, __FILE__, __LINE__)
#define PLAIT_PRELOADED_MIXED_STEP(Rule, name, doc, source) \
  const int registered_preloaded_mixed_##Rule =             \
      preloaded_step<Rule>(name, doc, source, __FILE__, __LINE__, true)

}  // namespace plait::op
