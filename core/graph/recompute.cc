#include <algorithm>

#include "graph/builder.h"
#include "graph/cost.h"
#include "graph/graph.h"

// Memory of training for time: Chen, Xu, Zhang, Guestrin, "Training deep nets with sublinear memory
// cost" (2016). Forward is cut where a single result leads from one part to the next, such as
// between the blocks of a residual network; these results are kept. Inside a part backward computes
// again
//
//   - always what is cheap: element-wise operators, and batch norm, whose statistics are kept;
//   - everything but random numbers in those parts where that frees most bytes for its time, as
//     long as a step does not take kMostTime longer by the estimates of the planner; with a memory
//     target in as few of them as meet it, see CachedGraph::compile_within.
//
// The schedule runs a part again only when its gradient is due (Node::late). Operators that draw
// random numbers, change arrays or are a user's own are never run twice.
namespace plait::graph {
namespace {

constexpr double kMostTime = 0.2;  // of a step: estimates may be wrong by a half

bool is_batch_norm(const Node& node) { return node.op->name == "batch_norm"; }

bool may_repeat(const Node& node) {
  return is_batch_norm(node) || (is_pure(node) && node.op->name != "custom");
}
bool is_cheap(const Node& node) {
  return is_batch_norm(node) || (node.op->elementwise && is_pure(node));
}

class Chooser {
 public:
  Chooser(const Entries& forward, const Entries& grads)
      : grads_(grads), order_(topological_order(forward)) {
    forward_.insert(order_.begin(), order_.end());
    for (const Entry& e : forward) kept_.insert(e.node.get());
    find_parts();
  }

  Recomputed run(RecomputeLevel& level) {
    Recomputed chosen;
    if (level.wanted == 0) {
      level.most = num_parts_ + 1;
      return chosen;
    }
    for (const Node* node : order_) {
      if (!node->is_variable() && is_cheap(*node) && !kept_.count(node)) {
        chosen[node] = part_of_.at(node);
      }
    }
    double left = 0;
    for (const Node* node : topological_order(grads_)) left += estimated_ns(*node) * kMostTime;
    std::vector<Part> parts = weigh(chosen);
    std::sort(parts.begin(), parts.end(),
              [](const Part& a, const Part& b) { return a.bytes * b.ns > b.bytes * a.ns; });
    const bool by_time = level.wanted == RecomputeLevel::kByTime;
    level.most = 1;
    for (const Part& part : parts) {
      if (part.bytes == 0) continue;
      ++level.most;
      if (by_time ? part.ns > left : level.most > level.wanted) continue;
      left -= part.ns;
      for (const Node* node : part.nodes) chosen[node] = part_of_.at(node);
    }
    return chosen;
  }

 private:
  struct Part {
    std::vector<const Node*> nodes;  // besides the cheap ones
    double ns = 0, bytes = 0;        // to compute them; of what need not be kept
  };

  // A part ends before a product or convolution; its last result is the only one that is still to
  // be read then. It has at least two products of its own, or a result that is small beside all
  // others of the part.
  void find_parts() {
    constexpr int kFewest = 2;
    constexpr int64_t kSmall = 4;
    std::unordered_map<const Node*, size_t> last;  // reader
    for (size_t i = 0; i < order_.size(); ++i) {
      for (const Entry& e : order_[i]->inputs) last[e.node.get()] = i;
    }
    std::vector<int> closing(order_.size());  // results that are read last by each node
    for (const auto& [node, at] : last) closing[at] += !node->is_variable();
    int open = 0, heavy = 0, heavy_at_end = 0;
    int64_t bytes = 0, bytes_at_end = 0;
    size_t end = 0;  // where the part may end
    for (size_t i = 0; i < order_.size(); ++i) {
      const Node* node = order_[i];
      if (node->is_variable()) continue;
      if (node->op->flops && heavy_at_end > 0 &&
          (heavy_at_end >= kFewest || kSmall * bytes_in(*order_[end]) <= bytes_at_end)) {
        kept_.insert(order_[end]);
        ++num_parts_;
        for (size_t k = end + 1; k < i; ++k) part_of_[order_[k]] = num_parts_;
        heavy -= heavy_at_end;
        bytes -= bytes_at_end;
        heavy_at_end = 0;
      }
      part_of_[node] = num_parts_;
      heavy += node->op->flops != nullptr;
      bytes += bytes_in(*node);
      open += static_cast<int>(last.count(node)) - closing[i];
      if (open != 1 || !last.count(node) || node->op->view) continue;
      end = i;
      heavy_at_end = heavy;
      bytes_at_end = bytes;
    }
  }

  static int64_t bytes_in(const Node& node) {
    int64_t bytes = 0;
    for (const Spec& s : node.specs) bytes += bytes_of(s);
    return bytes;
  }

  // What each part would cost and free beyond `chosen`.
  std::vector<Part> weigh(const Recomputed& chosen) const {
    std::vector<Part> parts(static_cast<size_t>(num_parts_) + 1);
    const auto saved = saved_with(chosen);
    for (const Node* node : order_) {
      if (node->is_variable() || node->op->view || !may_repeat(*node)) continue;
      if (kept_.count(node) || chosen.count(node)) continue;
      Part& part = parts[static_cast<size_t>(part_of_.at(node))];
      part.nodes.push_back(node);
      part.ns += estimated_ns(*node);
      if (!saved.count(node)) continue;
      part.bytes += static_cast<double>(bytes_in(*node));
    }
    return parts;
  }

  // Nodes of forward whose results backward keeps.
  std::unordered_set<const Node*> saved_with(const Recomputed& chosen) const {
    std::unordered_set<const Node*> seen, saved;
    std::vector<const Node*> stack;
    for (const Entry& e : grads_) stack.push_back(e.node.get());
    while (!stack.empty()) {
      const Node* node = stack.back();
      stack.pop_back();
      if (node->is_variable() || !seen.insert(node).second) continue;
      if (forward_.count(node) && !node->op->view && !chosen.count(node)) {
        saved.insert(node);
        continue;
      }
      for (const Entry& e : node->inputs) stack.push_back(e.node.get());
    }
    return saved;
  }

  const Entries& grads_;
  std::vector<Node*> order_;
  std::unordered_set<const Node*> forward_, kept_;
  Recomputed part_of_;
  int32_t num_parts_ = 1;
};

}  // namespace

Recomputed choose_recomputed(const Entries& forward, const Entries& grads, RecomputeLevel& level) {
  return Chooser(forward, grads).run(level);
}

}  // namespace plait::graph
