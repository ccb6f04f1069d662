#pragma once

#include <map>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "graph/plan.h"

namespace plait::graph {

// First-fit allocation of byte ranges in one block that grows as needed.
class Arena {
 public:
  int64_t take(int64_t bytes);
  void give_back(int64_t offset, int64_t bytes);
  int64_t size() const { return size_; }

 private:
  std::map<int64_t, int64_t> free_;  // offset -> bytes, neighbours merged
  int64_t size_ = 0;
};

// Turns a typed graph into the steps of a Plan.
class Planner {
 public:
  struct Rules {
    bool schedule = true, in_place = true, reuse = true;
  };
  Planner(Plan& plan, const Entries& outputs, const std::vector<Node*>& inputs, Rules rules);
  void build();

 private:
  // Memory of one entry: `root` owns it, views share the root of what they look at.
  struct Buffer {
    Plan::Place place;
    int64_t bytes = 0;
    int64_t uses_left = 0;  // reads by steps still to be planned, and views alive
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
  void add_step(Plan::Step step);
  double cost_ns(const Plan::Step& step) const;

  Plan& plan_;
  const Entries& outputs_;
  const std::vector<Node*>& inputs_;
  const Rules rules_;
  std::vector<Node*> order_;
  std::unordered_map<Key, Located, KeyHash> located_;
  std::unordered_map<Key, int64_t, KeyHash> uses_;
  std::unordered_map<Key, int32_t, KeyHash> output_slot_;  // first output that shows the entry
  std::unordered_set<size_t> copied_;                      // outputs
  std::vector<Buffer> buffers_;
  Arena arena_;
};

}  // namespace plait::graph
