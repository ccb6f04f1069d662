#include "graph/graph.h"

#include <algorithm>

#include "op/body.h"
#include "op/ranks.h"

namespace plait::graph {

bool is_pure(const Node& node) {
  if (!node.op || node.op->random) return false;
  if (op::waits_for_ranks(*node.op, node.attrs, true)) return false;
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    if (node.is_mutable(i)) return false;
  }
  return true;
}

bool writes_inputs(const Node& node, bool is_train) {
  bool has_state = false;
  for (size_t i = 0; i < node.inputs.size(); ++i) has_state = has_state || node.is_mutable(i);
  if (const op::Control* control = node.op->control; has_state && control) {
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      if (control->writes(node.op->data_of(node.attrs), i, node.inputs.size(), is_train)) {
        return true;
      }
    }
    return false;
  }
  if (!has_state || !node.op->uses_train) return has_state;
  if (!is_train) return false;
  for (const auto& field : node.op->fields) {
    if (field->name != "use_global_stats") continue;
    const op::AttrValue given = field->get(node.op->data_of(node.attrs));
    if (const bool* fixed = std::get_if<bool>(&given); fixed && *fixed) return false;
  }
  return true;
}

Uses count_uses(const Graph& graph, const std::vector<Node*>& order) {
  Uses uses;
  for (const Node* node : order) {
    for (const Entry& e : node->inputs) ++uses[e];
  }
  for (const Entry& e : graph.outputs) ++uses[e];
  return uses;
}

std::unordered_set<const Node*> written_variables(const std::vector<Node*>& order) {
  std::unordered_set<const Node*> written;
  for (const Node* node : order) {
    for (size_t i = 0; i < node->inputs.size(); ++i) {
      if (node->is_mutable(i)) written.insert(node->inputs[i].node.get());
    }
  }
  return written;
}

Entry Substitution::resolve(Entry e) const {
  for (auto it = map_.find(e); it != map_.end(); it = map_.find(e)) e = it->second;
  return e;
}

void Substitution::apply(Graph& graph) const {
  if (map_.empty()) return;
  std::unordered_set<Node*> seen;
  std::vector<Node*> stack;
  const auto renew = [&](Entry& e) {
    e = resolve(e);
    if (seen.insert(e.node.get()).second) stack.push_back(e.node.get());
  };
  for (Entry& e : graph.outputs) renew(e);
  while (!stack.empty()) {
    Node* node = stack.back();
    stack.pop_back();
    for (Entry& e : node->inputs) renew(e);
  }
}

op::AttrValue attribute(const Node& node, std::string_view name) {
  const auto field = static_cast<size_t>(node.op->field_index(name));
  return node.op->fields[field]->get(node.op->data_of(node.attrs));
}

op::AttrsRef changed_attributes(
    const Node& node, const op::Op& op,
    std::initializer_list<std::pair<const char*, op::AttrValue>> given) {
  std::vector<std::pair<int, op::AttrValue>> values;
  const void* own = node.op->data_of(node.attrs);
  for (size_t i = 0; i < op.fields.size(); ++i) {
    const std::string& name = op.fields[i]->name;
    const auto change = std::find_if(given.begin(), given.end(),
                                     [&](const auto& pair) { return name == pair.first; });
    if (change != given.end()) {
      values.emplace_back(static_cast<int>(i), change->second);
      continue;
    }
    for (const auto& field : node.op->fields) {
      if (own && field->name == name) values.emplace_back(static_cast<int>(i), field->get(own));
    }
  }
  return op.make_attrs(values);
}

std::string application_key(const Node& node) {
  std::string key = std::to_string(node.op->id);
  if (const void* attrs = node.op->data_of(node.attrs)) {
    for (const auto& field : node.op->fields) key += '|' + op::to_string(field->get(attrs));
  }
  for (const Entry& e : node.inputs) {
    key += '@' + std::to_string(reinterpret_cast<uintptr_t>(e.node.get())) + ':' +
           std::to_string(e.index);
  }
  return key;
}

}  // namespace plait::graph
