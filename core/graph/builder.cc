#include "graph/builder.h"

#include "graph/graph.h"
#include "graph/open_sizes.h"
#include "graph/symbol.h"
#include "graph/unroll.h"
#include "op/body.h"
#include "op/invoke.h"
#include "op/rows.h"

namespace plait::graph {

Value Builder::variable(const std::string& name, const Spec& spec) {
  auto node = make_ref<Node>();
  node->name = name;
  node->specs.push_back(spec);
  return value_of({node, 0});
}

op::Values Builder::apply(const op::Op& op, const op::AttrsRef& attrs, std::span<const Value> in) {
  auto node = make_ref<Node>();
  node->op = &op;
  node->attrs = attrs;
  node->name = origin_;
  Specs in_specs;
  for (size_t i = 0; i < in.size(); ++i) {
    check(static_cast<bool>(in[i]), ErrorKind::kInternal, op.name, ": input ", i, " is missing");
    node->inputs.push_back(entry_of(op::dense(in[i])));
    in_specs.push_back(in[i].spec);
  }
  op::infer(op, attrs, in_specs, node->specs);
  op::Values out;
  for (size_t i = 0; i < node->specs.size(); ++i) {
    out.push_back(value_of({node, static_cast<int32_t>(i)}));
  }
  return out;
}

namespace {

// The parts of a node `gradient` in place of it. Its inputs come in by way of operators of their
// own, so that what flows into one does not go on to another that it was computed from. `again`: a
// gradient of the node will be asked for.
op::Values gradient_in_parts(const Node& node, const op::Values& in, Builder& builder,
                             bool is_train, bool again) {
  static const OpCall kCopy("copy", {});
  op::TracerScope scope(builder);
  const Symbol body = Symbol::from_json(op::to_string(attribute(node, "body")));
  const std::vector<Node*> variables = body.input_nodes();
  std::unordered_map<const Node*, Value> bound;
  for (size_t i = 0; i < in.size(); ++i) {
    const bool aux = op::is_aux(*node.op, node.attrs, i, in.size());
    bound[variables[i]] = aux ? in[i] : kCopy({in[i]});
  }
  Wanted wanted{{}, is_train};
  op::Values wrt, ones;
  for (int64_t at : op::AttrCodec<Dims>::from(attribute(node, "wrt"))) {
    const Node* variable = variables[static_cast<size_t>(at)];
    wanted.variables.insert(variable);
    wrt.push_back(bound.at(variable));
  }
  const op::Values out = instantiate(body.entries(), builder, bound, wanted);
  for (const Value& v : out) ones.push_back(op::full_of(v.spec, 1));
  const bool before = builder.set_differentiable(again || builder.differentiable());
  op::Values grads = gradient(out, ones, wrt, builder);
  builder.set_differentiable(before);
  for (size_t i = 0; i < grads.size(); ++i) {
    grads[i] = grads[i] ? op::dense(grads[i]) : op::full_of(wrt[i].spec, 0);
  }
  return grads;
}

}  // namespace

op::Values instantiate(const Entries& outputs, Builder& builder,
                       const std::unordered_map<const Node*, Value>& inputs, const Wanted& wanted) {
  std::unordered_map<const Node*, op::Values> done;
  std::unordered_set<const Node*> leads = wanted.variables;  // nodes through which gradients flow
  const std::vector<Node*> order = topological_order(outputs);
  KnownSpecs known;
  for (const auto& [variable, value] : inputs) known[variable] = value.spec;
  const SolvedSizes solved = solve_sizes(order, known);
  for (const Node* node : order) {
    if (node->is_variable()) {
      done[node] = {inputs.at(node)};
      continue;
    }
    op::Values in;
    std::vector<bool> needs;
    for (const Entry& e : node->inputs) {
      in.push_back(done.at(e.node.get())[static_cast<size_t>(e.index)]);
      needs.push_back(leads.count(e.node.get()) > 0);
    }
    op::AttrsRef attrs = attributes_of(*node, solved);
    if (std::find(needs.begin(), needs.end(), true) != needs.end()) {
      leads.insert(node);
      const op::Control* control = node->op->control;
      if (control && control->recorded) {
        attrs = control->recorded(node->op->data_of(attrs), needs, wanted.is_train);
      }
    }
    builder.set_origin(node->name);
    try {
      done[node] = builder.apply(*node->op, attrs, {in.data(), in.size()});
      if (is_gradient(*node)) {
        done[node] = gradient_in_parts(*node, in, builder, wanted.is_train, leads.count(node) > 0);
      }
    } catch (const Error& e) {
      throw Error(e.kind(), cat(e.what(), "\n  in node '", node->name, "'"));
    }
  }
  op::Values out;
  for (const Entry& e : outputs) {
    out.push_back(done.at(e.node.get())[static_cast<size_t>(e.index)]);
  }
  return out;
}

namespace {

using Flow = std::unordered_map<const Node*, op::Values>;  // gradient of each output

void add_flow(Flow& flow, const Entry& to, const Value& dvalue) {
  op::Values& slots = flow[to.node.get()];
  if (slots.empty()) slots.resize(to.node->specs.size());
  Value& slot = slots[static_cast<size_t>(to.index)];
  if (op::is_rows(slot) && op::is_rows(dvalue)) {
    static const OpCall kConcat("concat", {"dim"});
    slot = op::row_values(kConcat({op::row_data(slot), op::row_data(dvalue)}, {int64_t{0}}),
                          kConcat({op::row_index(slot), op::row_index(dvalue)}, {int64_t{0}}),
                          slot.spec);
    return;
  }
  slot = slot ? slot + dvalue : dvalue;
}

// Arguments of the operator's gradient: only what it declared to need is shown.
op::GradArgs grad_args(const Node& node, const op::Values& douts,
                       const std::unordered_map<const Node*, bool>& leads) {
  op::GradArgs g;
  const op::Saves saves = node.op->saves;
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    const Value v = value_of(node.inputs[i]);
    const bool saved = saves.inputs == op::Saves::kAll || (i < 64 && (saves.inputs >> i & 1));
    g.in_values.push_back(saved ? v : Value{});
    g.in_specs.push_back(v.spec);
    g.needs.push_back(leads.at(node.inputs[i].node.get()));
  }
  for (size_t i = 0; i < node.specs.size(); ++i) {
    const bool saved = saves.outputs == op::Saves::kAll || (i < 64 && (saves.outputs >> i & 1));
    Value v{nullptr, Ref<RefCounted>(const_cast<Node*>(&node)), static_cast<int32_t>(i),
            node.specs[i]};
    g.out_values.push_back(saved ? v : Value{});
    g.out_specs.push_back(node.specs[i]);
  }
  for (const Value& d : douts) g.dout_values.push_back(op::dense(d));
  return g;
}

}  // namespace

op::Values gradient(const op::Values& outputs, const op::Values& head_grads,
                    const op::Values& wanted, Builder& builder) {
  op::TracerScope scope(builder);
  Entries ends;
  for (const Value& v : outputs) ends.push_back(entry_of(v));
  const std::vector<Node*> order = topological_order(ends);

  // A node leads somewhere if a wanted variable is below it.
  std::unordered_map<const Node*, bool> leads;
  for (const Node* node : order) {
    bool yes = false;
    for (const Entry& e : node->inputs) yes = yes || leads.at(e.node.get());
    for (const Value& w : wanted) yes = yes || w.node.get() == node;
    leads[node] = yes;
  }

  Flow flow;
  for (size_t i = 0; i < ends.size(); ++i) add_flow(flow, ends[i], head_grads[i]);
  for (auto it = order.rbegin(); it != order.rend(); ++it) {
    const Node& node = **it;
    const auto found = flow.find(&node);
    if (found == flow.end() || node.is_variable() || !leads.at(&node)) continue;
    if (!node.op->grad) {
      if (op::needs_gradient(*node.op)) op::fail_without_gradient(*node.op);
      continue;
    }
    builder.set_origin(node.name + "_backward");
    const op::GradArgs g = grad_args(node, found->second, leads);
    const op::Values din = node.op->grad(*node.op, node.op->data_of(node.attrs), g);
    for (size_t i = 0; i < din.size() && i < node.inputs.size(); ++i) {
      if (din[i] && g.needs[i]) add_flow(flow, node.inputs[i], din[i]);
    }
  }
  op::Values result;
  for (const Value& w : wanted) {
    const auto found = flow.find(static_cast<const Node*>(w.node.get()));
    result.push_back(found == flow.end() ? Value{} : found->second[static_cast<size_t>(w.index)]);
  }
  return result;
}

}  // namespace plait::graph
