#include <algorithm>

#include "base/grid.h"
#include "graph/passes.h"

// Groups of element-wise nodes of one shape become one node of the operator `pointwise`.
//
// Nodes are visited from the outputs to the inputs. A node joins the group of a reader if no path
// leaves the grown group and comes back, so that the group can run as one node. What is read
// outside the group, or is an output of the graph, becomes an output of the new node.
namespace plait::graph {
namespace {

constexpr size_t kMostCode = 64, kMostOperands = 24;

struct Group {
  std::vector<Node*> members;
  size_t first = 0, last = 0;  // smallest and largest position of a member
};

class Fuser {
 public:
  explicit Fuser(Graph& graph) : graph_(graph), order_(topological_order(graph.outputs)) {
    for (size_t i = 0; i < order_.size(); ++i) {
      position_[order_[i]] = i;
      for (const Entry& e : order_[i]->inputs) readers_[e.node.get()].push_back(order_[i]);
    }
    for (const Entry& e : graph.outputs) shown_.insert(e.node.get());
  }

  int64_t run() {
    for (auto it = order_.rbegin(); it != order_.rend(); ++it) {
      if (is_candidate(**it)) place(*it);
    }
    Substitution substitution;
    int64_t fused = 0;
    for (Group& group : groups_) {
      if (group.members.size() < 2) continue;
      fused += static_cast<int64_t>(group.members.size());
      replace(group, substitution);
    }
    substitution.apply(graph_);
    return fused;
  }

 private:
  static bool is_candidate(const Node& node) {
    if (node.is_variable() || !node.op->elementwise || !is_pure(node)) return false;
    if (node.specs.size() != 1 || node.inputs.empty() || node.inputs.size() > 8) return false;
    bool is_real = !is_complex(node.specs[0].dtype);  // intermediates have up to 8 bytes
    for (const Entry& e : node.inputs) is_real = is_real && !is_complex(spec_of(e).dtype);
    return is_real && num_elements(node.specs[0].shape) > 0;
  }

  void place(Node* node) {
    for (Node* reader : readers_[node]) {
      const auto found = group_of_.find(reader);
      if (found == group_of_.end()) continue;
      Group& group = groups_[found->second];
      if (!(group.members[0]->specs[0].shape == node->specs[0].shape)) continue;
      if (group.members.size() >= kMostCode || !may_join(group, node, found->second)) continue;
      group.members.push_back(node);
      group.first = std::min(group.first, position_.at(node));
      group.last = std::max(group.last, position_.at(node));
      group_of_[node] = found->second;
      return;
    }
    group_of_[node] = groups_.size();
    groups_.push_back({{node}, position_.at(node), position_.at(node)});
  }

  bool may_join(const Group& group, Node* node, size_t id) {
    std::vector<const Dims*> shapes;
    std::unordered_set<Entry, EntryHash> seen;
    const auto operands_of = [&](const Node& n) {
      for (const Entry& e : n.inputs) {
        const auto in = group_of_.find(e.node.get());
        const bool inside = e.node.get() == node || (in != group_of_.end() && in->second == id);
        if (!inside && seen.insert(e).second) shapes.push_back(&spec_of(e).shape);
      }
    };
    for (const Node* n : group.members) operands_of(*n);
    operands_of(*node);
    Grid grid;
    if (shapes.size() > kMostOperands || !grid.fit(node->specs[0].shape, shapes)) return false;
    return !comes_back(group, node, id);
  }

  // True if a path from the group with `node` leads out of it and in again. Each of the other
  // groups is one node on such a path, as it will be.
  bool comes_back(const Group& group, Node* node, size_t id) {
    const auto inside = [&](Node* n) {
      const auto found = group_of_.find(n);
      return n == node || (found != group_of_.end() && found->second == id);
    };
    const size_t end = last_on_the_way(group);
    std::vector<Node*> stack;
    std::unordered_set<Node*> seen;
    const auto visit_readers = [&](Node* n) {
      for (Node* r : readers_[n]) {
        if (inside(r) || position_.at(r) > end) continue;
        if (seen.insert(r).second) stack.push_back(r);
      }
    };
    for (Node* n : group.members) visit_readers(n);
    visit_readers(node);
    while (!stack.empty()) {
      Node* n = stack.back();
      stack.pop_back();
      const auto found = group_of_.find(n);
      if (found != group_of_.end()) {
        for (Node* m : groups_[found->second].members) {
          if (seen.insert(m).second) stack.push_back(m);
        }
      }
      for (Node* r : readers_[n]) {
        if (inside(r)) return true;
      }
      visit_readers(n);
    }
    return false;
  }

  // The largest position of a node from which a path leads back to the group: paths go forward, but
  // for the way between members of another group.
  size_t last_on_the_way(const Group& group) const {
    size_t end = group.last;
    for (bool grown = true; grown;) {
      grown = false;
      for (const Group& g : groups_) {
        if (g.first >= end || g.last <= end) continue;
        end = g.last;
        grown = true;
      }
    }
    return end;
  }

  void replace(Group& group, Substitution& substitution) {
    static const op::Op& pointwise = op::Op::get("pointwise");
    std::sort(group.members.begin(), group.members.end(),
              [&](Node* a, Node* b) { return position_.at(a) < position_.at(b); });
    const std::unordered_set<Node*> inside(group.members.begin(), group.members.end());
    auto fused = make_ref<Node>();
    fused->op = &pointwise;
    fused->name = group.members.back()->name;
    fused->late = group.members[0]->late;
    for (const Node* node : group.members) fused->late = std::min(fused->late, node->late);
    std::unordered_map<Entry, std::string, EntryHash> registers;
    std::string text;
    int temporaries = 0;
    for (Node* node : group.members) {
      bool outside = shown_.count(node);
      for (Node* r : readers_[node]) outside = outside || !inside.count(r);
      std::string operands;
      for (const Entry& e : node->inputs) {
        std::string& name = registers[e];
        if (name.empty()) {
          name = 'i' + std::to_string(fused->inputs.size());
          fused->inputs.push_back(e);
        }
        operands += (operands.empty() ? "" : ", ") + name;
      }
      const std::string name =
          outside ? 'o' + std::to_string(fused->specs.size()) : 't' + std::to_string(temporaries++);
      const Entry self{Ref<Node>(node), 0};
      registers[self] = name;
      text += cat(name, ':', node->specs[0].dtype, " = ", node->op->name, '(', operands, ')',
                  attributes_of(*node), '\n');
      if (!outside) continue;
      substitution.put(self, {fused, static_cast<int32_t>(fused->specs.size())});
      fused->specs.push_back(node->specs[0]);
    }
    const std::pair<int, op::AttrValue> program{0, text};
    fused->attrs = pointwise.make_attrs({&program, 1});
  }

  static std::string attributes_of(const Node& node) {
    std::string text;
    const void* data = node.op->data_of(node.attrs);
    for (const auto& field : node.op->fields) {
      const std::string value = op::to_string(data ? field->get(data) : field->fallback);
      text += cat(text.empty() ? " " : "; ", field->name, '=', value);
    }
    return text;
  }

  Graph& graph_;
  std::vector<Node*> order_;
  std::unordered_map<Node*, size_t> position_;
  std::unordered_map<Node*, std::vector<Node*>> readers_;
  std::unordered_set<Node*> shown_;  // have an output of the graph
  std::unordered_map<Node*, size_t> group_of_;
  std::vector<Group> groups_;
};

}  // namespace

int64_t fuse_pointwise(Graph& graph) { return Fuser(graph).run(); }

}  // namespace plait::graph
