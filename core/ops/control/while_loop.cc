#include "op/ranks.h"
#include "ops/control/condition.h"
#include "ops/control/loop.h"

// A loop that runs while a condition on its variables holds.
namespace plait::ops {
namespace {

using op::BodyRef;

struct WhileAttrs {
  BodyRef cond, func;
  int64_t num_outputs, num_out_data, max_iterations;
  Dims cond_input_locs, func_input_locs, func_var_locs;
  Recorded recorded;  // not an attribute of files
};

// Input b of func is input func_input_locs[b] of the operator at first; if b is in func_var_locs,
// it is a variable of the loop.
Wiring wiring_of(const WhileAttrs& a, size_t num_in) {
  const size_t n = a.func->num_inputs(), states = a.func_var_locs.size();
  check(a.num_out_data >= 0 && a.num_outputs >= 0 &&
            a.num_outputs - a.num_out_data == static_cast<int64_t>(states) &&
            static_cast<size_t>(a.num_outputs) == a.func->num_outputs(),
        ErrorKind::kInvalidArgument, "num_outputs is ", a.num_outputs, " and num_out_data ",
        a.num_out_data, ", must be the ", a.func->num_outputs(), " outputs of func of which ",
        states, " are variables");
  check(a.func_input_locs.size() == n, ErrorKind::kInvalidArgument, "func_input_locs is ",
        a.func_input_locs, ", must have ", n, " elements");
  check(a.cond_input_locs.size() == a.cond->num_inputs() && a.cond->num_outputs() == 1,
        ErrorKind::kInvalidArgument, "cond_input_locs is ", a.cond_input_locs, ", must have ",
        a.cond->num_inputs(), " elements, and cond one output");
  check(a.max_iterations >= 0, ErrorKind::kInvalidArgument, "max_iterations is ", a.max_iterations,
        ", must be >= 0");
  for (int64_t at : a.cond_input_locs) location("cond_input_locs", at, num_in);
  Wiring w;
  w.num_out_data = static_cast<size_t>(a.num_out_data);
  for (int64_t at : a.func_input_locs) {
    w.in.push_back({Wiring::Source::kFixed, location("func_input_locs", at, num_in)});
  }
  for (size_t s = 0; s < states; ++s) {
    const size_t b = location("func_var_locs", a.func_var_locs[s], n);
    w.init.push_back(w.in[b].index);
    w.in[b] = {Wiring::Source::kState, s};
  }
  return w;
}

// For each input of cond the variable of the loop that it is, or -1: the operator's input itself.
std::vector<int64_t> condition_states(const WhileAttrs& a, const Wiring& wiring) {
  std::vector<int64_t> states;
  for (int64_t at : a.cond_input_locs) {
    const auto found = std::find(wiring.init.begin(), wiring.init.end(), static_cast<size_t>(at));
    states.push_back(found == wiring.init.end() ? -1 : found - wiring.init.begin());
  }
  return states;
}

Specs picked(const Specs& in, const Dims& locations) {
  Specs specs;
  for (int64_t at : locations) specs.push_back(in[static_cast<size_t>(at)]);
  return specs;
}

Specs infer(const WhileAttrs& a, const Specs& in) {
  const Wiring wiring = wiring_of(a, in.size());
  check_condition(a.cond->infer(picked(in, a.cond_input_locs))[0]);
  return loop_specs(wiring, *a.func, in, a.max_iterations, a.recorded);
}

void complete(const WhileAttrs& a, std::vector<Dims>& in, std::vector<bool>& known) {
  complete_loop(wiring_of(a, in.size()), *a.func, in, known);
}

void kernel(const WhileAttrs& a, const KernelArgs& k) {
  const Specs specs = specs_of(k.in);
  const Wiring wiring = wiring_of(a, k.in.size());
  const auto func = routine_for(wiring, *a.func, specs, k.is_train, a.recorded);
  Condition cond(*a.cond, picked(specs, a.cond_input_locs), k);
  const std::vector<int64_t> states = condition_states(a, wiring);
  LoopForward loop(wiring, *func, k);
  uint64_t offset = k.random.offset;
  int64_t t = 0;
  for (; t < a.max_iterations; ++t) {
    SmallVec<char*, 8> in;
    for (size_t i = 0; i < states.size(); ++i) {
      in.push_back(states[i] >= 0
                       ? loop.states()[static_cast<size_t>(states[i])]
                       : static_cast<char*>(k.in[static_cast<size_t>(a.cond_input_locs[i])].data));
    }
    if (!cond.holds({in.data(), in.size()}, {k.random.seed, offset})) break;
    offset += static_cast<uint64_t>(cond.random_count());
    loop.step(t, {k.random.seed, offset});
    offset += static_cast<uint64_t>(func->random_count);
  }
  loop.finish(t, a.max_iterations);
}

double flops(const WhileAttrs& a, const Specs& in) {
  const auto steps = static_cast<double>(a.max_iterations);
  return steps * a.func->flops(body_specs(wiring_of(a, in.size()), in));
}

Values backward(const WhileAttrs& a, const GradArgs& g) {
  auto attrs = make_ref<op::AttrsBox<WhileAttrs>>();
  attrs->value = a;
  const auto visible = static_cast<size_t>(a.num_outputs);
  return gradients_by("while_loop", attrs, g, visible, a.recorded);
}

// The needs of the call are those of its inputs: so many are there.
Specs infer_backward(const WhileAttrs& a, const Specs& in) {
  return differentiated(in, static_cast<size_t>(a.num_outputs), a.recorded.needs.size(), a.func);
}

void backward_kernel(const WhileAttrs& a, const KernelArgs& k) {
  const Specs in = infer_backward(a, specs_of(k.in));
  const Wiring wiring = wiring_of(a, in.size());
  const auto func = routine_for(wiring, *a.func, in, a.recorded.is_train, a.recorded);
  LoopBackward(wiring, *func, k, in.size()).run(a.max_iterations);
}

op::AttrsRef recorded(const void* a, const std::vector<bool>& needs, bool is_train) {
  auto attrs = make_ref<op::AttrsBox<WhileAttrs>>();
  attrs->value = *static_cast<const WhileAttrs*>(a);
  attrs->value.recorded = {needs, is_train};
  return attrs;
}

int64_t random_count(const void* data, const Specs& in, bool is_train) {
  const auto& a = *static_cast<const WhileAttrs*>(data);
  const Wiring wiring = wiring_of(a, in.size());
  const auto func = routine_for(wiring, *a.func, in, is_train, a.recorded);
  const auto cond = a.cond->compile(picked(in, a.cond_input_locs), is_train, {});
  return a.max_iterations * (func->random_count + cond->random_count);
}

bool writes(const void* data, size_t i, size_t n, bool is_train) {
  const auto& a = *static_cast<const WhileAttrs*>(data);
  return writes_fixed(wiring_of(a, n), *a.func, i, is_train);
}

bool is_aux(const void* data, size_t i, size_t n) {
  const auto& a = *static_cast<const WhileAttrs*>(data);
  return is_fixed_aux(wiring_of(a, n), *a.func, i);
}

PLAIT_OP(while_loop, WhileAttrs)
    .doc("Run a graph again and again while another one says so, handing variables on.")
    .variadic_input("data", "first values of the variables, and what the graphs read else")
    .output("out", "outputs of the steps stacked, zeros where none was made, and the variables")
    .hidden_output("saved", "what backward needs")
    .required_attr("cond", &WhileAttrs::cond, "the condition, a graph as JSON text")
    .required_attr("func", &WhileAttrs::func, "the step, a graph as JSON text")
    .required_attr("num_outputs", &WhileAttrs::num_outputs, "number of outputs of func")
    .required_attr("num_out_data", &WhileAttrs::num_out_data, "of these, not variables")
    .required_attr("max_iterations", &WhileAttrs::max_iterations, "most steps, >= 0")
    .required_attr("cond_input_locs", &WhileAttrs::cond_input_locs,
                   "for each input of cond the array that it is")
    .required_attr("func_input_locs", &WhileAttrs::func_input_locs,
                   "for each input of func the array that it is at first")
    .required_attr("func_var_locs", &WhileAttrs::func_var_locs,
                   "for each variable its input of func")
    .num_outputs([](const WhileAttrs& a) { return static_cast<int>(a.num_outputs) + 1; })
    .visible_outputs([](const WhileAttrs& a) { return static_cast<int>(a.num_outputs); })
    .complete(complete)
    .infer(infer)
    .cpu(kernel)
    .flops(flops)
    .random()
    .uses_train()
    .grad(backward, op::Saves{op::Saves::kAll, op::Saves::kAll});

PLAIT_OP(while_loop_backward, WhileAttrs)
    .doc("Gradients of the inputs of while_loop.")
    .variadic_input("data", "gradients of the outputs, inputs and outputs of while_loop")
    .output("out", "a gradient for each input")
    .num_outputs([](const WhileAttrs& a) { return static_cast<int>(a.recorded.needs.size()); })
    .infer(infer_backward)
    .cpu(backward_kernel)
    .flops([](const WhileAttrs& a, const Specs& in) {
      return 2 * flops(a, infer_backward(a, in));
    });

const bool kControl = op::set_control(plait_op_while_loop,
                                      {{"cond", "func"}, recorded, random_count, writes, is_aux});

bool waits(const void* data, bool is_train) {
  const auto& a = *static_cast<const WhileAttrs*>(data);
  return a.cond->waits_for_ranks(is_train) || a.func->waits_for_ranks(is_train);
}
const bool kWaits = op::set_waits(plait_op_while_loop, waits);
const bool kBackwardWaits =
    op::set_waits(plait_op_while_loop_backward, [](const void* a, bool) { return waits(a, true); });

}  // namespace
}  // namespace plait::ops
