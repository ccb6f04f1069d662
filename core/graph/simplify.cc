#include "graph/passes.h"
#include "op/invoke.h"

namespace plait::graph {
namespace {

constexpr int64_t kMostConstantBytes = 1
                                       << 20;  // larger constants are cheaper to make than to keep

int64_t bytes_of(const Specs& specs) {
  int64_t bytes = 0;
  for (const Spec& s : specs) bytes += num_elements(s.shape) * dtype_size(s.dtype);
  return bytes;
}

double number_of(const Node& node, const char* attr) {
  const op::AttrValue v = node.op->fields[static_cast<size_t>(node.op->field_index(attr))]->get(
      node.op->data_of(node.attrs));
  const double* number = std::get_if<double>(&v);
  return number ? *number : 0;
}

// A view that shows the whole input as it is.
bool is_plain_view(const Node& node) {
  const Spec& in = spec_of(node.inputs[0]);
  if (!(in == node.specs[0])) return false;
  const Dims strides = contiguous_strides(in.shape);
  const View view{nullptr, &in.shape, &strides, in.dtype, true};
  op::ViewPlan plan;
  return node.op->view(*node.op, node.op->data_of(node.attrs), view, plan) && plan.offset == 0 &&
         plan.strides == strides;
}

// Operators that undo themselves when applied twice without loss.
bool is_involution(const Node& node) { return node.op->name == "negative"; }

}  // namespace

// Adding 0 is not among them: it changes the sign of -0.
bool is_identity(const Node& node, bool is_train) {
  if (node.inputs.empty() || !(spec_of(node.inputs[0]) == node.specs[0])) return false;
  const std::string& op = node.op->name;
  if (op == "copy" || op == "stop_gradient" || op == "make_loss" || op == "cast") return true;
  if (op == "multiply_scalar" || op == "divide_scalar" || op == "true_divide_scalar" ||
      op == "power_scalar") {
    return number_of(node, "scalar") == 1;
  }
  if (op == "subtract_scalar") return number_of(node, "scalar") == 0;
  if (op == "add_n") return node.inputs.size() == 1;
  if (op == "dropout" && number_of(node, "p") == 0) return true;
  if (op == "dropout" && !is_train) {
    const int mode = node.op->field_index("mode");
    return op::to_string(node.op->fields[static_cast<size_t>(mode)]->get(
               node.op->data_of(node.attrs))) == "training";
  }
  return node.op->view && is_plain_view(node);
}

int64_t fold_constants(Graph& graph) {
  Substitution substitution;
  std::vector<Ref<Node>> made;
  for (Node* node : topological_order(graph.outputs)) {
    if (!is_pure(*node) || bytes_of(node->specs) > kMostConstantBytes) continue;
    Arrays in, out;
    for (const Entry& e : node->inputs) {
      const Entry source = substitution.resolve(e);
      if (is_constant(*source.node)) in.push_back(source.node->constant);
    }
    if (in.size() != node->inputs.size()) continue;
    op::invoke(*node->op, node->attrs, {in.data(), in.size()}, out, {graph.is_train, false});
    for (size_t i = 0; i < node->specs.size(); ++i) {
      auto constant = make_ref<Node>();
      constant->name = node->name;
      constant->constant = out[i];
      constant->specs.push_back(node->specs[i]);
      substitution.put({Ref<Node>(node), static_cast<int32_t>(i)}, {constant, 0});
      made.push_back(constant);
    }
  }
  substitution.apply(graph);
  return static_cast<int64_t>(made.size());
}

int64_t simplify(Graph& graph) {
  const std::vector<Node*> order = topological_order(graph.outputs);
  const auto written = written_variables(order);
  const Uses uses = count_uses(graph, order);
  Substitution substitution;
  for (Node* node : order) {
    if (node->is_variable()) continue;
    const Entry self{Ref<Node>(node), 0};
    bool alone = true;  // only output 0 is read
    for (size_t i = 1; i < node->specs.size(); ++i) {
      alone = alone && !uses.count({self.node, static_cast<int32_t>(i)});
    }
    if (!alone) continue;
    if (is_identity(*node, graph.is_train)) {
      const Entry in = substitution.resolve(node->inputs[0]);
      if (!written.count(in.node.get())) substitution.put(self, in);
      continue;
    }
    if (!is_involution(*node)) continue;
    const Node& inner = *substitution.resolve(node->inputs[0]).node;
    if (inner.op == node->op && spec_of(inner.inputs[0]) == node->specs[0]) {
      const Entry in = substitution.resolve(inner.inputs[0]);
      if (!written.count(in.node.get())) substitution.put(self, in);
    }
  }
  substitution.apply(graph);
  return static_cast<int64_t>(substitution.size());
}

int64_t share(Graph& graph) {
  Substitution substitution;
  std::unordered_map<std::string, Node*> known;
  for (Node* node : topological_order(graph.outputs)) {
    if (!is_pure(*node)) continue;
    for (Entry& e : node->inputs) e = substitution.resolve(e);
    const auto [at, is_new] = known.try_emplace(application_key(*node), node);
    if (is_new) continue;
    for (size_t i = 0; i < node->specs.size(); ++i) {
      const auto index = static_cast<int32_t>(i);
      substitution.put({Ref<Node>(node), index}, {Ref<Node>(at->second), index});
    }
  }
  substitution.apply(graph);
  return static_cast<int64_t>(substitution.size());
}

}  // namespace plait::graph
