#include <unordered_set>

#include "graph/builder.h"
#include "graph/graph.h"

namespace plait::graph {
namespace {

bool is_batch_norm(const Node& node) { return node.op && node.op->name == "batch_norm"; }

// What backward computes again rather than reads: operators that only look at memory differently,
// and those chosen.
class Cheap {
 public:
  explicit Cheap(const Recomputed& recomputed) : recomputed_(recomputed) {}
  bool operator()(const Node& node) const { return node.op && (node.op->view || part(node)); }
  int32_t part(const Node& node) const {
    const auto found = recomputed_.find(&node);
    return found == recomputed_.end() ? 0 : found->second;
  }

 private:
  const Recomputed& recomputed_;
};

class Splitter {
 public:
  Splitter(const std::vector<Node*>& forward_order, const std::vector<Node*>& inputs,
           const Cheap& cheap)
      : forward_(forward_order.begin(), forward_order.end()), inputs_(inputs), cheap_(cheap) {
    result_.reads_input.assign(inputs.size(), false);
  }

  Entry copy(const Entry& e) {
    Node* node = e.node.get();
    if (node->is_variable()) {
      note_input(node);
      return e;
    }
    if (forward_.count(node) && !cheap_(*node)) return saved(e);
    if (forward_.count(node) && is_batch_norm(*node) && e.index > 0) return saved(e);
    return {copies_.at(node), e.index};
  }

  // Needs the inputs' copies: called in topological order.
  void visit(Node* node) {
    if (node->is_variable() || (forward_.count(node) && !cheap_(*node))) return;
    auto twin = make_ref<Node>();
    twin->op = node->op;
    twin->attrs = node->attrs;
    twin->name = node->name;
    twin->specs = node->specs;
    if (forward_.count(node)) twin->late = cheap_.part(*node);
    if (forward_.count(node) && is_batch_norm(*node)) {
      twin->attrs = changed_attributes(*node, *node->op, {{"use_global_stats", true}});
      for (size_t i = 0; i < 3; ++i) twin->inputs.push_back(copy(node->inputs[i]));
      for (int32_t i = 1; i < 3; ++i) twin->inputs.push_back(saved({Ref<Node>(node), i}));
    } else {
      for (const Entry& in : node->inputs) twin->inputs.push_back(copy(in));
    }
    copies_[node] = twin;
  }

  Residuals take() { return std::move(result_); }

 private:
  void note_input(Node* node) {
    for (size_t i = 0; i < inputs_.size(); ++i) {
      if (inputs_[i] == node) result_.reads_input[i] = true;
    }
  }

  Entry saved(const Entry& e) {
    const auto key = std::make_pair(static_cast<const Node*>(e.node.get()), e.index);
    Ref<Node>& variable = variables_[key];
    if (!variable) {
      variable = make_ref<Node>();
      variable->name = e.node->name + "_saved";
      variable->specs.push_back(e.node->specs[static_cast<size_t>(e.index)]);
      result_.saved.push_back(e);
      result_.variables.push_back(variable.get());
      result_.keep.push_back(variable);
    }
    return {variable, 0};
  }

  std::unordered_set<Node*> forward_;
  const std::vector<Node*>& inputs_;
  const Cheap& cheap_;
  std::unordered_map<Node*, Ref<Node>> copies_;
  std::map<std::pair<const Node*, int32_t>, Ref<Node>> variables_;
  Residuals result_;
};

// Nodes that the gradients need; forward nodes that are saved end the walk.
std::vector<Node*> needed(const Entries& grads, const std::unordered_set<Node*>& forward,
                          const Cheap& cheap) {
  std::unordered_set<Node*> wanted;
  std::vector<Node*> stack;
  for (const Entry& e : grads) stack.push_back(e.node.get());
  while (!stack.empty()) {
    Node* node = stack.back();
    stack.pop_back();
    if (!wanted.insert(node).second || node->is_variable()) continue;
    if (forward.count(node) && !cheap(*node)) continue;
    for (const Entry& in : node->inputs) stack.push_back(in.node.get());
  }
  std::vector<Node*> order;
  for (Node* node : topological_order(grads)) {
    if (wanted.count(node)) order.push_back(node);
  }
  return order;
}

}  // namespace

Residuals split(const Entries& forward, const Entries& grads, const std::vector<Node*>& inputs,
                const Recomputed& recomputed) {
  const std::vector<Node*> order = topological_order(forward);
  const Cheap cheap(recomputed);
  Splitter splitter(order, inputs, cheap);
  for (Node* node : needed(grads, {order.begin(), order.end()}, cheap)) splitter.visit(node);
  Entries backward;
  for (const Entry& e : grads) backward.push_back(splitter.copy(e));
  Residuals result = splitter.take();
  result.backward = std::move(backward);
  return result;
}

}  // namespace plait::graph
