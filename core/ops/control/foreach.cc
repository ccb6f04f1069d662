#include "op/ranks.h"
#include "ops/control/loop.h"

// A loop over the first axis of arrays.
namespace plait::ops {
namespace {

using op::BodyRef;

struct ForeachAttrs {
  BodyRef body;
  int64_t num_outputs, num_out_data;
  Dims in_state_locs, in_data_locs, remain_locs;
  Recorded recorded;  // not an attribute of files
};

// Inputs of the operator: data, states, what the body reads besides.
Wiring wiring_of(const ForeachAttrs& a, size_t num_in) {
  const size_t n = a.body->num_inputs(), data = a.in_data_locs.size();
  const size_t states = a.in_state_locs.size(), rest = a.remain_locs.size();
  check(a.num_out_data >= 0 && a.num_outputs >= 0 &&
            a.num_outputs - a.num_out_data == static_cast<int64_t>(states) &&
            static_cast<size_t>(a.num_outputs) == a.body->num_outputs(),
        ErrorKind::kInvalidArgument, "num_outputs is ", a.num_outputs, " and num_out_data ",
        a.num_out_data, ", must be the ", a.body->num_outputs(), " outputs of the body of which ",
        states, " are states");
  check(num_in == data + states + rest, ErrorKind::kInvalidArgument, "got ", num_in,
        " arrays, must be ", data + states + rest);
  Wiring w;
  w.num_out_data = static_cast<size_t>(a.num_out_data);
  std::vector<int64_t> from(n, -1);
  size_t input = 0;
  for (const auto& [name, list] : {std::pair{"in_data_locs", &a.in_data_locs},
                                   {"in_state_locs", &a.in_state_locs},
                                   {"remain_locs", &a.remain_locs}}) {
    for (int64_t at : *list) {  // -1: the body does not read it
      if (at != -1) from[location(name, at, n)] = static_cast<int64_t>(input);
      ++input;
    }
  }
  for (size_t s = 0; s < states; ++s) w.init.push_back(data + s);
  for (size_t b = 0; b < n; ++b) {
    check(from[b] >= 0, ErrorKind::kInvalidArgument, "input ", b,
          " of the body is in no list of locations, must be in one");
    const auto i = static_cast<size_t>(from[b]);
    if (i < data) {
      w.in.push_back({Wiring::Source::kItem, i});
    } else if (i < data + states) {
      w.in.push_back({Wiring::Source::kState, i - data});
    } else {
      w.in.push_back({Wiring::Source::kFixed, i});
    }
  }
  return w;
}

int64_t steps_of(const ForeachAttrs& a, const Specs& in) {
  const size_t data = a.in_data_locs.size();
  check(data > 0, ErrorKind::kInvalidArgument, "in_data_locs is (), must have an element");
  for (size_t i = 0; i < data; ++i) {
    check(!in[i].shape.empty(), ErrorKind::kShape, "data ", i, " has shape (), must have an axis");
    check(in[i].shape[0] == in[0].shape[0], ErrorKind::kShape, "data ", i, " has length ",
          in[i].shape[0], ", must be ", in[0].shape[0], " as that of data 0");
  }
  return in[0].shape[0];
}

Specs infer(const ForeachAttrs& a, const Specs& in) {
  const Wiring wiring = wiring_of(a, in.size());
  return loop_specs(wiring, *a.body, in, steps_of(a, in), a.recorded);
}

void complete(const ForeachAttrs& a, std::vector<Dims>& in, std::vector<bool>& known) {
  complete_loop(wiring_of(a, in.size()), *a.body, in, known);
}

void kernel(const ForeachAttrs& a, const KernelArgs& k) {
  const Wiring wiring = wiring_of(a, k.in.size());
  const auto routine = routine_for(wiring, *a.body, specs_of(k.in), k.is_train, a.recorded);
  const int64_t steps = k.in[0].dim(0);
  LoopForward loop(wiring, *routine, k);
  for (int64_t t = 0; t < steps; ++t) {
    const auto drawn = static_cast<uint64_t>(t * routine->random_count);
    loop.step(t, {k.random.seed, k.random.offset + drawn});
  }
  loop.finish(steps, steps);
}

double flops(const ForeachAttrs& a, const Specs& in) {
  const auto steps = static_cast<double>(in[0].shape[0]);
  return steps * a.body->flops(body_specs(wiring_of(a, in.size()), in));
}

size_t num_in(const ForeachAttrs& a) {
  return a.in_data_locs.size() + a.in_state_locs.size() + a.remain_locs.size();
}

Values backward(const ForeachAttrs& a, const GradArgs& g) {
  auto attrs = make_ref<op::AttrsBox<ForeachAttrs>>();
  attrs->value = a;
  const auto visible = static_cast<size_t>(a.num_outputs);
  return gradients_by("foreach", attrs, g, visible, a.recorded);
}

Specs infer_backward(const ForeachAttrs& a, const Specs& in) {
  return differentiated(in, static_cast<size_t>(a.num_outputs), num_in(a), a.body);
}

void backward_kernel(const ForeachAttrs& a, const KernelArgs& k) {
  const Wiring wiring = wiring_of(a, num_in(a));
  const Specs in = infer_backward(a, specs_of(k.in));
  const auto routine = routine_for(wiring, *a.body, in, a.recorded.is_train, a.recorded);
  LoopBackward(wiring, *routine, k, in.size()).run(in[0].shape[0]);
}

op::AttrsRef recorded(const void* a, const std::vector<bool>& needs, bool is_train) {
  auto attrs = make_ref<op::AttrsBox<ForeachAttrs>>();
  attrs->value = *static_cast<const ForeachAttrs*>(a);
  attrs->value.recorded = {needs, is_train};
  return attrs;
}

int64_t random_count(const void* data, const Specs& in, bool is_train) {
  const auto& a = *static_cast<const ForeachAttrs*>(data);
  const Wiring wiring = wiring_of(a, in.size());
  const auto routine = routine_for(wiring, *a.body, in, is_train, a.recorded);
  return routine->random_count * steps_of(a, in);
}

bool writes(const void* data, size_t i, size_t n, bool is_train) {
  const auto& a = *static_cast<const ForeachAttrs*>(data);
  return writes_fixed(wiring_of(a, n), *a.body, i, is_train);
}

bool is_aux(const void* data, size_t i, size_t n) {
  const auto& a = *static_cast<const ForeachAttrs*>(data);
  return is_fixed_aux(wiring_of(a, n), *a.body, i);
}

PLAIT_OP(foreach, ForeachAttrs)
    .doc("Run a graph on each row of the first axis of arrays, handing states on.")
    .variadic_input("data", "arrays whose rows are taken, first states, what the body reads else")
    .output("out", "outputs of the steps stacked, and states behind the last step")
    .hidden_output("saved", "what backward needs")
    .required_attr("body", &ForeachAttrs::body, "a graph as JSON text")
    .required_attr("num_outputs", &ForeachAttrs::num_outputs, "number of outputs of the body")
    .required_attr("num_out_data", &ForeachAttrs::num_out_data, "of these, not states")
    .required_attr("in_state_locs", &ForeachAttrs::in_state_locs,
                   "for each state its input of the body, -1 if none")
    .required_attr("in_data_locs", &ForeachAttrs::in_data_locs,
                   "for each array of rows its input of the body, -1 if none")
    .required_attr("remain_locs", &ForeachAttrs::remain_locs, "for each other array its input")
    .num_outputs([](const ForeachAttrs& a) { return static_cast<int>(a.num_outputs) + 1; })
    .visible_outputs([](const ForeachAttrs& a) { return static_cast<int>(a.num_outputs); })
    .complete(complete)
    .infer(infer)
    .cpu(kernel)
    .flops(flops)
    .random()
    .uses_train()
    .grad(backward, op::Saves{op::Saves::kAll, op::Saves::kAll});

PLAIT_OP(foreach_backward, ForeachAttrs)
    .doc("Gradients of the inputs of foreach.")
    .variadic_input("data", "gradients of the outputs, inputs and outputs of foreach")
    .output("out", "a gradient for each input")
    .num_outputs([](const ForeachAttrs& a) { return static_cast<int>(num_in(a)); })
    .infer(infer_backward)
    .cpu(backward_kernel)
    .flops([](const ForeachAttrs& a, const Specs& in) {
      return 2 * flops(a, infer_backward(a, in));
    });

const bool kControl =
    op::set_control(plait_op_foreach, {{"body"}, recorded, random_count, writes, is_aux});

bool waits(const void* a, bool is_train) {
  return static_cast<const ForeachAttrs*>(a)->body->waits_for_ranks(is_train);
}
const bool kWaits = op::set_waits(plait_op_foreach, waits);
const bool kBackwardWaits =
    op::set_waits(plait_op_foreach_backward, [](const void* a, bool) { return waits(a, true); });

}  // namespace
}  // namespace plait::ops
