#include <cstring>

#include "kernels/copy.h"
#include "op/ranks.h"
#include "ops/control/condition.h"
#include "ops/control/loop.h"

// One of two graphs, as a condition says.
namespace plait::ops {
namespace {

using op::BodyRef;

struct CondAttrs {
  BodyRef cond, then_branch, else_branch;
  int64_t num_outputs;
  Dims cond_input_locs, then_input_locs, else_input_locs;
  Recorded recorded;  // not an attribute of files
};

// A branch: an input of the body is an input of the operator.
Wiring wiring_of(const char* list, const Dims& locations, const op::Body& body, size_t num_in) {
  check(locations.size() == body.num_inputs(), ErrorKind::kInvalidArgument, list, " is ", locations,
        ", must have ", body.num_inputs(), " elements");
  Wiring w;
  for (const int64_t& at : locations) {
    check(std::count(locations.begin(), locations.end(), at) == 1, ErrorKind::kInvalidArgument,
          list, " is ", locations, ", must name each array once");
    w.in.push_back({Wiring::Source::kFixed, location(list, at, num_in)});
  }
  w.num_out_data = body.num_outputs();
  return w;
}

Wiring branch_of(const CondAttrs& a, bool yes, size_t num_in) {
  return yes ? wiring_of("then_input_locs", a.then_input_locs, *a.then_branch, num_in)
             : wiring_of("else_input_locs", a.else_input_locs, *a.else_branch, num_in);
}

Wiring condition_of(const CondAttrs& a, size_t num_in) {
  check(a.cond->num_outputs() == 1, ErrorKind::kInvalidArgument, "cond has ", a.cond->num_outputs(),
        " outputs, must have one");
  return wiring_of("cond_input_locs", a.cond_input_locs, *a.cond, num_in);
}

op::Body& body_of(const CondAttrs& a, bool yes) { return yes ? *a.then_branch : *a.else_branch; }

Ref<op::Routine> routine_of(const CondAttrs& a, bool yes, const Specs& in, bool is_train) {
  return routine_for(branch_of(a, yes, in.size()), body_of(a, yes), in, is_train, a.recorded);
}

constexpr int64_t kHeader = 64;  // of what is saved: which branch was taken

Specs infer(const CondAttrs& a, const Specs& in) {
  check_condition(a.cond->infer(body_specs(condition_of(a, in.size()), in))[0]);
  Specs out = a.then_branch->infer(body_specs(branch_of(a, true, in.size()), in));
  const Specs other = a.else_branch->infer(body_specs(branch_of(a, false, in.size()), in));
  check(out.size() == other.size() && static_cast<int64_t>(out.size()) == a.num_outputs,
        ErrorKind::kInvalidArgument, "then gives ", out.size(), " outputs and else ", other.size(),
        ", must be ", a.num_outputs);
  for (size_t i = 0; i < out.size(); ++i) {
    check(out[i].shape == other[i].shape, ErrorKind::kShape, "output ", i, " has shape ",
          out[i].shape, " in then and ", other[i].shape, " in else, must be the same");
    check(out[i].dtype == other[i].dtype, ErrorKind::kType, "output ", i, " is ", out[i].dtype,
          " in then and ", other[i].dtype, " in else, must be the same");
  }
  int64_t saved = 0;
  if (!a.recorded.needs.empty()) {
    for (bool yes : {true, false}) {
      const Wiring wiring = branch_of(a, yes, in.size());
      const auto routine = routine_of(a, yes, in, a.recorded.is_train);
      saved = std::max(saved, kHeader + StepMemory(wiring, *routine).bytes);
    }
  }
  out.push_back({Dims{saved}, DType::kUint8});
  return out;
}

void complete(const CondAttrs& a, std::vector<Dims>& in, std::vector<bool>& known) {
  complete_loop(condition_of(a, in.size()), *a.cond, in, known);
  for (bool yes : {true, false}) {
    complete_loop(branch_of(a, yes, in.size()), body_of(a, yes), in, known);
  }
}

SmallVec<char*, 16> pointers(const Wiring& wiring, std::span<const View> in) {
  SmallVec<char*, 16> found;
  for (const Wiring::Source& s : wiring.in) found.push_back(static_cast<char*>(in[s.index].data));
  return found;
}

SmallVec<char*, 16> pointers(std::span<const View> views) {
  SmallVec<char*, 16> found;
  for (const View& v : views) found.push_back(static_cast<char*>(v.data));
  return found;
}

ArrayRef memory(int64_t bytes) { return Array::empty(Dims{bytes}, DType::kUint8); }
char* start(const ArrayRef& a) { return static_cast<char*>(a->data()); }

void kernel(const CondAttrs& a, const KernelArgs& k) {
  const Specs specs = specs_of(k.in);
  const Wiring chooses = condition_of(a, k.in.size());
  Condition cond(*a.cond, body_specs(chooses, specs), k);
  SmallVec<char*, 16> in = pointers(chooses, k.in);
  const bool yes = cond.holds({in.data(), in.size()}, k.random);

  const Wiring wiring = branch_of(a, yes, k.in.size());
  const auto routine = routine_of(a, yes, specs, k.is_train);
  SmallVec<char*, 16> own, out = pointers(k.out.first(k.out.size() - 1));
  in = pointers(wiring, k.in);
  char* const saved = static_cast<char*>(k.out.back().data);
  const StepMemory layout(wiring, *routine);
  for (int64_t at : layout.own) own.push_back(saved + kHeader + at);
  if (k.out.back().size()) *saved = yes;
  const op::RandomKey key{k.random.seed,
                          k.random.offset + static_cast<uint64_t>(cond.random_count())};
  const ArrayRef scratch = memory(routine->forward_scratch);
  routine->forward({in.data(), in.size()}, {out.data(), out.size()}, {own.data(), own.size()},
                   start(scratch), key, k.threads);
}

double flops(const CondAttrs& a, const Specs& in) {
  double most = 0;
  for (bool yes : {true, false}) {
    most = std::max(most, body_of(a, yes).flops(body_specs(branch_of(a, yes, in.size()), in)));
  }
  return most;
}

Values backward(const CondAttrs& a, const GradArgs& g) {
  auto attrs = make_ref<op::AttrsBox<CondAttrs>>();
  attrs->value = a;
  const auto visible = static_cast<size_t>(a.num_outputs);
  return gradients_by("cond", attrs, g, visible, a.recorded);
}

Specs infer_backward(const CondAttrs& a, const Specs& in) {
  return differentiated(in, static_cast<size_t>(a.num_outputs), a.recorded.needs.size(), a.cond);
}

void backward_kernel(const CondAttrs& a, const KernelArgs& k) {
  const Specs specs = infer_backward(a, specs_of(k.in));
  const auto n = static_cast<size_t>(a.num_outputs);
  const auto in_views = k.in.subspan(n, specs.size()), out_views = k.in.last(n + 1);
  char* const saved = static_cast<char*>(out_views.back().data);
  const bool yes = *saved != 0;
  const Wiring wiring = branch_of(a, yes, specs.size());
  const auto routine = routine_of(a, yes, specs, a.recorded.is_train);
  const StepMemory layout(wiring, *routine);
  SmallVec<char*, 16> in = pointers(wiring, in_views), dout = pointers(k.in.first(n)), residuals;
  size_t own = 0;
  for (const op::Routine::Residual& r : routine->residuals) {
    residuals.push_back(r.output < 0
                            ? saved + kHeader + layout.own[own++]
                            : static_cast<char*>(out_views[static_cast<size_t>(r.output)].data));
  }
  SmallVec<char*, 16> din;
  std::vector<bool> given(specs.size(), false);
  for (size_t b = 0; b < wiring.in.size(); ++b) {
    const size_t i = wiring.in[b].index;
    din.push_back(routine->gives[b] ? static_cast<char*>(k.out[i].data) : nullptr);
    given[i] = given[i] || routine->gives[b];
  }
  const ArrayRef scratch = memory(routine->backward_scratch);
  routine->backward({in.data(), in.size()}, {residuals.data(), residuals.size()},
                    {dout.data(), dout.size()}, {din.data(), din.size()}, start(scratch),
                    k.threads);
  for (size_t i = 0; i < specs.size(); ++i) {
    if (!given[i]) kernels::fill(k.out[i], 0, k.threads);
  }
}

op::AttrsRef recorded(const void* a, const std::vector<bool>& needs, bool is_train) {
  auto attrs = make_ref<op::AttrsBox<CondAttrs>>();
  attrs->value = *static_cast<const CondAttrs*>(a);
  attrs->value.recorded = {needs, is_train};
  return attrs;
}

int64_t random_count(const void* data, const Specs& in, bool is_train) {
  const auto& a = *static_cast<const CondAttrs*>(data);
  const auto cond = a.cond->compile(body_specs(condition_of(a, in.size()), in), is_train, {});
  const auto then_branch = routine_of(a, true, in, is_train);
  const auto else_branch = routine_of(a, false, in, is_train);
  return cond->random_count + std::max(then_branch->random_count, else_branch->random_count);
}

bool writes(const void* data, size_t i, size_t n, bool is_train) {
  const auto& a = *static_cast<const CondAttrs*>(data);
  return writes_fixed(branch_of(a, true, n), *a.then_branch, i, is_train) ||
         writes_fixed(branch_of(a, false, n), *a.else_branch, i, is_train);
}

bool is_aux(const void* data, size_t i, size_t n) {
  const auto& a = *static_cast<const CondAttrs*>(data);
  return is_fixed_aux(branch_of(a, true, n), *a.then_branch, i) ||
         is_fixed_aux(branch_of(a, false, n), *a.else_branch, i);
}

PLAIT_OP(cond, CondAttrs)
    .doc("Run one of two graphs, as a third one says.")
    .variadic_input("data", "what the graphs read")
    .output("out", "outputs of the graph that was run")
    .hidden_output("saved", "what backward needs")
    .required_attr("cond", &CondAttrs::cond, "the condition, a graph as JSON text")
    .required_attr("then_branch", &CondAttrs::then_branch, "run if it is not 0, a graph")
    .required_attr("else_branch", &CondAttrs::else_branch, "run if it is 0, a graph")
    .required_attr("num_outputs", &CondAttrs::num_outputs, "number of outputs of a branch")
    .required_attr("cond_input_locs", &CondAttrs::cond_input_locs,
                   "for each input of cond the array that it is")
    .required_attr("then_input_locs", &CondAttrs::then_input_locs, "the same for then_branch")
    .required_attr("else_input_locs", &CondAttrs::else_input_locs, "the same for else_branch")
    .num_outputs([](const CondAttrs& a) { return static_cast<int>(a.num_outputs) + 1; })
    .visible_outputs([](const CondAttrs& a) { return static_cast<int>(a.num_outputs); })
    .complete(complete)
    .infer(infer)
    .cpu(kernel)
    .flops(flops)
    .random()
    .uses_train()
    .grad(backward, op::Saves{op::Saves::kAll, op::Saves::kAll});

PLAIT_OP(cond_backward, CondAttrs)
    .doc("Gradients of the inputs of cond.")
    .variadic_input("data", "gradients of the outputs, inputs and outputs of cond")
    .output("out", "a gradient for each input")
    .num_outputs([](const CondAttrs& a) { return static_cast<int>(a.recorded.needs.size()); })
    .infer(infer_backward)
    .cpu(backward_kernel)
    .flops([](const CondAttrs& a, const Specs& in) { return 2 * flops(a, infer_backward(a, in)); });

const bool kControl = op::set_control(
    plait_op_cond,
    {{"cond", "then_branch", "else_branch"}, recorded, random_count, writes, is_aux});

bool waits(const void* data, bool is_train) {
  const auto& a = *static_cast<const CondAttrs*>(data);
  return a.cond->waits_for_ranks(is_train) || a.then_branch->waits_for_ranks(is_train) ||
         a.else_branch->waits_for_ranks(is_train);
}
const bool kWaits = op::set_waits(plait_op_cond, waits);
const bool kBackwardWaits =
    op::set_waits(plait_op_cond_backward, [](const void* a, bool) { return waits(a, true); });

}  // namespace
}  // namespace plait::ops
