#include "graph/symbol.h"

#include <unordered_set>

#include "autograd/autograd.h"
#include "graph/mxnet_names.h"
#include "graph/open_sizes.h"
#include "graph/trace.h"
#include "graph/unroll.h"
#include "op/body.h"
#include "op/invoke.h"

namespace plait::graph {
namespace {

// Inputs that a call with these attributes has, when the caller names only some.
size_t declared_inputs(const op::Op& op, const op::AttrsRef& attrs, size_t given) {
  if (op.num_inputs) {
    return static_cast<size_t>(op.num_inputs(op, op.data_of(attrs), static_cast<int>(given)));
  }
  size_t n = 0;
  for (const op::InputDef& def : op.inputs) {
    if (def.kind == op::InputDef::kVariadic) return given;
    if (def.kind == op::InputDef::kRequired || n < given) ++n;
  }
  return n;
}

size_t slot_of(const op::Op& op, const std::string& input) {
  for (size_t i = 0; i < op.inputs.size(); ++i) {
    if (op.inputs[i].name == input) return i;
  }
  fail(ErrorKind::kKey, op.name, ": input is '", input, "', must be one of its inputs");
}

std::unordered_set<const Node*> auxiliary_nodes(const std::vector<Node*>& order) {
  std::unordered_set<const Node*> aux;
  for (const Node* node : order) {
    for (size_t i = 0; i < node->inputs.size(); ++i) {
      const Node* in = node->inputs[i].node.get();
      if (!in->is_variable()) continue;
      if (op::is_aux(*node->op, node->attrs, i, node->inputs.size())) aux.insert(in);
    }
  }
  return aux;
}

// The node with other inputs.
template <class Moved>
Ref<Node> copy_of(const Node& node, const Moved& moved) {
  auto twin = make_ref<Node>();
  twin->op = node.op;
  twin->attrs = node.attrs;
  twin->name = node.name;
  twin->strings = node.strings;
  for (const Entry& e : node.inputs) twin->inputs.push_back(moved(e));
  return twin;
}

}  // namespace

Symbol Symbol::variable(const std::string& name) {
  auto node = make_ref<Node>();
  node->name = name;
  return Symbol({{node, 0}});
}

Symbol Symbol::apply(const op::Op& op, const op::AttrsRef& attrs, const std::string& name,
                     std::span<const Symbol> in, std::span<const std::string> in_names) {
  auto node = make_ref<Node>();
  node->op = &op;
  node->attrs = attrs ? attrs : op.has_attrs() ? op.make_attrs({}) : attrs;
  node->name = name;
  const bool variadic = !op.inputs.empty() && op.inputs.back().kind == op::InputDef::kVariadic;
  std::vector<std::optional<Entry>> slots;
  for (size_t i = 0; i < in.size(); ++i) {
    check(in[i].size() == 1 || variadic, ErrorKind::kInvalidArgument, op.name, ": input ", i,
          " is a group of ", in[i].size(), " symbols, must be one");
    const bool by_name = i < in_names.size() && !in_names[i].empty();
    size_t at = by_name ? slot_of(op, in_names[i]) : variadic ? slots.size() : i;
    for (const Entry& e : in[i].entries()) {
      if (at >= slots.size()) slots.resize(at + 1);
      slots[at++] = e;
    }
  }
  const size_t n = declared_inputs(op, node->attrs, slots.size());
  check(slots.size() <= n, ErrorKind::kInvalidArgument, op.name, ": got ", slots.size(),
        " inputs, must be at most ", n);
  slots.resize(n);
  for (size_t i = 0; i < n; ++i) {
    if (!slots[i]) slots[i] = variable(name + "_" + op.inputs[i].name).entries()[0];
    node->inputs.push_back(*slots[i]);
  }
  Entries out;
  for (int i = 0; i < op::visible_outputs(op, node->attrs); ++i) out.push_back({node, i});
  return Symbol(std::move(out));
}

Symbol Symbol::group(std::span<const Symbol> parts) {
  Entries all;
  for (const Symbol& s : parts) all.insert(all.end(), s.entries_.begin(), s.entries_.end());
  return Symbol(std::move(all));
}

Symbol Symbol::internals() const {
  Entries all;
  for (Node* node : topological_order(entries_)) {
    const int n = node->is_variable() ? 1 : op::visible_outputs(*node->op, node->attrs);
    for (int i = 0; i < n; ++i) all.push_back({Ref<Node>(node), i});
  }
  return Symbol(std::move(all));
}

Symbol Symbol::children() const {
  Entries all;
  std::unordered_set<const Node*> seen;
  for (const Entry& e : entries_) {
    if (!seen.insert(e.node.get()).second) continue;
    all.insert(all.end(), e.node->inputs.begin(), e.node->inputs.end());
  }
  return Symbol(std::move(all));
}

std::vector<Node*> Symbol::input_nodes() const {
  std::vector<Node*> variables;
  for (Node* node : topological_order(entries_)) {
    if (node->is_variable()) variables.push_back(node);
  }
  return variables;
}

std::vector<std::string> Symbol::list_inputs() const {
  std::vector<std::string> names;
  for (const Node* n : input_nodes()) names.push_back(n->name);
  return names;
}

std::vector<std::string> Symbol::list_arguments() const {
  const auto aux = auxiliary_nodes(topological_order(entries_));
  std::vector<std::string> names;
  for (const Node* n : input_nodes()) {
    if (!aux.count(n)) names.push_back(n->name);
  }
  return names;
}

std::vector<std::string> Symbol::list_auxiliary_states() const {
  const auto aux = auxiliary_nodes(topological_order(entries_));
  std::vector<std::string> names;
  for (const Node* n : input_nodes()) {
    if (aux.count(n)) names.push_back(n->name);
  }
  return names;
}

std::vector<std::string> Symbol::list_outputs() const {
  std::vector<std::string> names;
  for (const Entry& e : entries_) names.push_back(output_name(e));
  return names;
}

Symbol Symbol::compose(std::span<const std::string> names, std::span<const Symbol> with) const {
  std::unordered_map<const Node*, Ref<Node>> copies;
  std::unordered_map<const Node*, Entry> replaced;
  const std::vector<Node*> order = topological_order(entries_);
  for (size_t i = 0; i < names.size(); ++i) {
    bool found = false;
    for (const Node* n : order) {
      if (!n->is_variable() || n->name != names[i]) continue;
      check(with[i].size() == 1, ErrorKind::kInvalidArgument, "compose: ", names[i],
            " is a group of ", with[i].size(), " symbols, must be one");
      replaced[n] = with[i].entries()[0];
      found = true;
    }
    check(found, ErrorKind::kKey, "compose: name is '", names[i], "', must be an argument");
  }
  const auto moved = [&](const Entry& e) -> Entry {
    if (const auto r = replaced.find(e.node.get()); r != replaced.end()) return r->second;
    return {copies.at(e.node.get()), e.index};
  };
  for (Node* n : order) {
    if (replaced.count(n)) continue;
    if (n->is_variable()) {
      copies[n] = Ref<Node>(n);
      continue;
    }
    copies[n] = copy_of(*n, moved);
  }
  Entries out;
  for (const Entry& e : entries_) out.push_back(moved(e));
  return Symbol(std::move(out));
}

Symbol Symbol::renamed(const std::string& name) const {
  const bool has_node = !entries_.empty() && !entries_[0].node->is_variable();
  check(has_node, ErrorKind::kInvalidArgument, "rename: symbol must be an operator");
  std::unordered_map<const Node*, Ref<Node>> copies;
  const auto moved = [&](const Entry& e) -> Entry { return {copies.at(e.node.get()), e.index}; };
  for (Node* n : topological_order(entries_)) {
    copies[n] = n->is_variable() ? Ref<Node>(n) : copy_of(*n, moved);
  }
  copies.at(entries_[0].node.get())->name = name;
  Entries out;
  for (const Entry& e : entries_) out.push_back(moved(e));
  return Symbol(std::move(out));
}

Symbol::Cut Symbol::cut(const std::string& key, const std::string& value) const {
  std::unordered_map<const Node*, Ref<Node>> copies;
  std::unordered_map<const Node*, std::map<int32_t, Entry>> variables;  // for outputs of others
  std::unordered_map<const Node*, Entry> stands_for;
  const auto moved = [&](const Entry& e) -> Entry {
    if (const auto copy = copies.find(e.node.get()); copy != copies.end()) {
      return {copy->second, e.index};
    }
    if (e.node->is_variable()) return e;
    Entry& variable = variables[e.node.get()][e.index];
    if (!variable.node) {
      variable = Symbol::variable(output_name(e)).entries()[0];
      stands_for[variable.node.get()] = e;
    }
    return variable;
  };
  for (Node* n : topological_order(entries_)) {
    const auto found = n->strings.find(key);
    if (n->is_variable() || found == n->strings.end() || found->second != value) continue;
    copies[n] = copy_of(*n, moved);
  }
  Entries body, outer;
  for (const Entry& e : entries_) body.push_back(moved(e));
  Cut result{Symbol(std::move(body)), {}};
  for (Node* n : result.body.input_nodes()) {
    const auto found = stands_for.find(n);
    outer.push_back(found == stands_for.end() ? Entry{Ref<Node>(n), 0} : found->second);
  }
  result.outer = Symbol(std::move(outer));
  return result;
}

Arrays Symbol::run_eager(std::span<const ArrayRef> in) const {
  std::unordered_map<const Node*, Arrays> done;
  const std::vector<Node*> order = topological_order(entries_);
  KnownSpecs known;
  size_t next = 0;
  for (const Node* node : order) {
    if (!node->is_variable()) continue;
    done[node].push_back(in[next++]);
    known[node] = done[node][0]->spec();
  }
  const SolvedSizes solved = solve_sizes(order, known);
  for (Node* node : order) {
    if (node->is_variable()) continue;
    Arrays args;
    for (const Entry& e : node->inputs)
      args.push_back(done.at(e.node.get())[static_cast<size_t>(e.index)]);
    const op::Control* control = node->op->control;
    const bool unrolls = is_gradient(*node) || (control && control->recorded);
    if (unrolls && autograd::is_recording() && !Trace::is_active()) {
      done[node] = unroll(*node, args);
      continue;
    }
    const op::AttrsRef& attrs = attributes_of(*node, solved);
    autograd::invoke(*node->op, attrs, {args.data(), args.size()}, done[node], true);
  }
  Arrays out;
  for (const Entry& e : entries_)
    out.push_back(done.at(e.node.get())[static_cast<size_t>(e.index)]);
  return out;
}

}  // namespace plait::graph
