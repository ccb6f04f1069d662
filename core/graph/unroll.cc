#include "graph/unroll.h"

#include "autograd/tape.h"
#include "graph/graph.h"
#include "graph/symbol.h"

namespace plait::graph {
namespace {

Symbol body_of(const Node& node, const char* name) {
  return Symbol::from_json(op::to_string(attribute(node, name)));
}

Dims list_of(const Node& node, const char* name) {
  return op::AttrCodec<Dims>::from(attribute(node, name));
}

size_t number_of(const Node& node, const char* name) {
  return static_cast<size_t>(op::AttrCodec<int64_t>::from(attribute(node, name)));
}

Arrays picked(const Arrays& from, const Dims& locations) {
  Arrays arrays;
  for (int64_t at : locations) arrays.push_back(from[static_cast<size_t>(at)]);
  return arrays;
}

Arrays run(const Symbol& body, const Arrays& in) { return body.run_eager({in.data(), in.size()}); }

bool holds(const Symbol& condition, const Arrays& in) {
  const Value answer = op::cast_to(autograd::value_of(run(condition, in)[0]), DType::kFloat64);
  answer.array->wait_to_read();
  return *static_cast<const double*>(answer.array->data()) != 0;
}

ArrayRef row(const ArrayRef& array, int64_t t) {
  static const OpCall slice("slice_axis", {"axis", "begin", "end"});
  const Value part = slice({autograd::value_of(array)}, {int64_t{0}, t, t + 1});
  if (array->shape().size() == 1) return part.array;
  return op::reshape_to(part, Dims(array->shape().begin() + 1, array->shape().end())).array;
}

// Outputs of the steps stacked; zeros make up `steps` rows.
ArrayRef stacked(const std::vector<Arrays>& made, size_t output, int64_t steps, const Spec& spec) {
  static const OpCall stack("stack", {"axis"});
  op::Values rows;
  for (const Arrays& outputs : made) rows.push_back(autograd::value_of(outputs[output]));
  while (static_cast<int64_t>(rows.size()) < steps) rows.push_back(op::full_of(spec, 0));
  const op::AttrValue axis[] = {int64_t{0}};
  return stack.all({rows.data(), rows.size()}, axis)[0].array;
}

Arrays results(const std::vector<Arrays>& made, size_t num_out_data, int64_t steps,
               const Arrays& states) {
  Arrays out;
  for (size_t i = 0; i < num_out_data; ++i) {
    out.push_back(stacked(made, i, steps, made[0][i]->spec()));
  }
  out.append(states.begin(), states.end());
  return out;
}

Arrays states_of(const Arrays& outputs, size_t num_out_data) {
  return Arrays(outputs.begin() + num_out_data, outputs.end());
}

void place(Arrays& to, const Dims& locations, size_t i, const ArrayRef& array) {
  if (locations[i] >= 0) to[static_cast<size_t>(locations[i])] = array;
}

Arrays unroll_foreach(const Node& node, const Arrays& in) {
  const Symbol body = body_of(node, "body");
  const Dims data = list_of(node, "in_data_locs"), state = list_of(node, "in_state_locs"),
             rest = list_of(node, "remain_locs");
  const size_t num_out_data = number_of(node, "num_out_data");
  Arrays states(in.begin() + data.size(), in.begin() + data.size() + state.size());
  Arrays args(body.input_nodes().size());
  for (size_t i = 0; i < rest.size(); ++i) {
    place(args, rest, i, in[data.size() + state.size() + i]);
  }
  std::vector<Arrays> made;
  const int64_t steps = in[0]->shape()[0];
  check(steps > 0, ErrorKind::kInvalidArgument,
        "foreach: data have length 0, must be >= 1 for gradients of gradients");
  for (int64_t t = 0; t < steps; ++t) {
    for (size_t i = 0; i < data.size(); ++i) place(args, data, i, row(in[i], t));
    for (size_t i = 0; i < state.size(); ++i) place(args, state, i, states[i]);
    made.push_back(run(body, args));
    states = states_of(made.back(), num_out_data);
  }
  return results(made, num_out_data, steps, states);
}

Arrays unroll_while(const Node& node, const Arrays& in) {
  const Symbol cond = body_of(node, "cond"), func = body_of(node, "func");
  const Dims cond_in = list_of(node, "cond_input_locs"), func_in = list_of(node, "func_input_locs"),
             variables = list_of(node, "func_var_locs");
  const size_t num_out_data = number_of(node, "num_out_data");
  const auto most = static_cast<int64_t>(number_of(node, "max_iterations"));
  Arrays now = in, states;  // now: inputs of the operator with variables as they are
  const Arrays first = picked(in, func_in);
  for (int64_t at : variables) states.push_back(first[static_cast<size_t>(at)]);
  std::vector<Arrays> made;
  while (static_cast<int64_t>(made.size()) < most && holds(cond, picked(now, cond_in))) {
    Arrays args = first;
    for (size_t i = 0; i < variables.size(); ++i) place(args, variables, i, states[i]);
    made.push_back(run(func, args));
    states = states_of(made.back(), num_out_data);
    for (size_t i = 0; i < variables.size(); ++i) {
      now[static_cast<size_t>(func_in[static_cast<size_t>(variables[i])])] = states[i];
    }
  }
  check(!made.empty() || num_out_data == 0, ErrorKind::kInvalidArgument,
        "while_loop: made no step, must make one for gradients of gradients");
  return results(made, num_out_data, most, states);
}

Arrays unroll_cond(const Node& node, const Arrays& in) {
  const bool yes = holds(body_of(node, "cond"), picked(in, list_of(node, "cond_input_locs")));
  const char* const list = yes ? "then_input_locs" : "else_input_locs";
  return run(body_of(node, yes ? "then_branch" : "else_branch"), picked(in, list_of(node, list)));
}

Arrays unroll_gradient(const Node& node, const Arrays& in) {
  Arrays args = in, wanted, ones;
  for (int64_t at : list_of(node, "wrt")) {
    ArrayRef& array = args[static_cast<size_t>(at)];
    if (!autograd::is_recorded(*array)) {
      array = array->detached();
      autograd::mark_variable(array, op::full_of(array->spec(), 0).array,
                              autograd::GradReq::kWrite);
    }
    wanted.push_back(array);
  }
  const Arrays out = run(body_of(node, "body"), args);
  for (const ArrayRef& a : out) ones.push_back(op::full_of(a->spec(), 1).array);
  Arrays grads =
      autograd::backward({out.data(), out.size()}, {ones.data(), ones.size()},
                         {wanted.data(), wanted.size()}, true, true, autograd::is_training());
  for (size_t i = 0; i < grads.size(); ++i) {
    if (!grads[i]) grads[i] = op::full_of(wanted[i]->spec(), 0).array;
  }
  return grads;
}

}  // namespace

bool is_gradient(const Node& node) { return node.op && node.op->name == "gradient"; }

Arrays unroll(const Node& node, const Arrays& in) {
  autograd::EagerTracer tracer(true);
  const op::TracerScope scope(tracer);
  if (is_gradient(node)) return unroll_gradient(node, in);
  if (node.op->name == "foreach") return unroll_foreach(node, in);
  return node.op->name == "while_loop" ? unroll_while(node, in) : unroll_cond(node, in);
}

}  // namespace plait::graph
