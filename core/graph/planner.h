#pragma once

#include <limits>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "graph/plan.h"

namespace plait::graph {

// Turns a typed graph into the steps of a Plan.
class Planner {
 public:
  struct Rules {
    bool schedule = true, in_place = true, reuse = true;
  };
  Planner(Plan& plan, const Graph& graph, Rules rules);
  void build();

 private:
  // Memory of one entry: `root` owns it, views share the root of what they look at.
  struct Buffer {
    Plan::Place place;
    int64_t bytes = 0;      // of the entry, aligned
    int64_t uses_left = 0;  // reads by steps still to be planned, and views alive
    // Moments between which it is in use; without an end it stays.
    int64_t begin = 0, end = std::numeric_limits<int64_t>::max();
    int64_t given = -1;  // its offset, if it lies in the block of another plan
  };
  struct Located {
    int32_t buffer = -1;
    Plan::Operand operand;
  };
  using Key = std::pair<const Node*, int32_t>;
  struct KeyHash {
    size_t operator()(const Key& k) const {
      return std::hash<const void*>()(k.first) * 31 + static_cast<size_t>(k.second);
    }
  };

  void count_uses();
  void place_inputs();
  void place_block();
  void place_constants();
  void plan_node(Node& node);
  void plan_view(Node& node);
  Located& input_of(Node& node, size_t i);
  Located contiguous(const Located& from, const std::string& name);
  Located new_buffer(const Spec& spec, Plan::Place place, int64_t uses);
  Located output_buffer(Node& node, int32_t index);
  bool over_input(Node& node, size_t input, const Key& out, Located& at);
  void read(int32_t buffer);  // one planned read of a buffer is done
  void copy_outputs(const Node* node);
  void keep_outputs();
  void place_buffers();
  size_t num_shown() const { return outputs_.size() - graph_.num_kept; }
  void add_step(Plan::Step step);

  Plan& plan_;
  const Graph& graph_;
  const Entries& outputs_;
  const std::vector<Node*>& inputs_;
  const Rules rules_;
  std::vector<Node*> order_;
  std::unordered_map<Key, Located, KeyHash> located_;
  std::unordered_map<Key, int64_t, KeyHash> uses_;
  std::unordered_map<Key, int32_t, KeyHash> output_slot_;  // first output that shows the entry
  std::unordered_set<size_t> copied_;                      // outputs
  std::vector<Buffer> buffers_;
  std::vector<int32_t> kept_;  // buffers of the outputs that stay
  int64_t moment_ = 0;
};

}  // namespace plait::graph
