#include "graph/node.h"

#include <unordered_set>
#include <utility>

#include "op/body.h"

namespace plait::graph {

// Long chains are taken apart in a loop: one stack frame a node would overflow the stack.
Node::~Node() {
  Entries doomed = std::move(inputs);
  while (!doomed.empty()) {
    Ref<Node> node = std::move(doomed.back().node);
    doomed.pop_back();
    if (node && node->unique()) {
      for (Entry& e : node->inputs) doomed.push_back(std::move(e));
      node->inputs.clear();
    }
  }
}

bool Node::is_mutable(size_t i) const { return op::is_mutable(*op, attrs, i, inputs.size()); }

std::vector<Node*> topological_order(const Entries& outputs) {
  std::vector<Node*> order;
  std::unordered_set<Node*> seen;
  std::vector<std::pair<Node*, size_t>> stack;  // a node and its next input
  for (const Entry& out : outputs) {
    if (seen.insert(out.node.get()).second) stack.emplace_back(out.node.get(), 0);
    while (!stack.empty()) {
      auto& [node, next] = stack.back();
      if (next == node->inputs.size()) {
        order.push_back(node);
        stack.pop_back();
        continue;
      }
      Node* input = node->inputs[next++].node.get();
      if (seen.insert(input).second) stack.emplace_back(input, 0);
    }
  }
  return order;
}

}  // namespace plait::graph
