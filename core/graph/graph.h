#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "graph/node.h"

namespace plait::graph {

// A typed graph that passes may change: nobody else uses its nodes.
struct Graph {
  Entries outputs;
  std::vector<Node*> inputs;  // variables that get arrays, kept alive by the maker
  bool is_train = false;
  bool has_gradient = false;                 // the outputs hold gradients, or are saved for them
  std::unordered_set<const Node*> wanted{};  // inputs whose gradients will be added
  // The last outputs stay in the block with the intermediates, for another graph.
  size_t num_kept = 0;
  // Variables that lie in the block of another graph, with their offsets in bytes. If it may be
  // overwritten, the intermediates lie there too; else the block is the last array that a run gets.
  std::unordered_map<const Node*, int64_t> block{};
  bool overwrites_block = false;
  // Entries that depend on parameters only, and the variables that stand for them from now on.
  std::vector<std::pair<Entry, Ref<Node>>> hoisted{};
};

struct EntryHash {
  size_t operator()(const Entry& e) const {
    return std::hash<const void*>()(e.node.get()) * 31 + static_cast<size_t>(e.index);
  }
};

inline const Spec& spec_of(const Entry& e) { return e.node->specs[static_cast<size_t>(e.index)]; }

// A variable whose array is part of the graph.
inline bool is_constant(const Node& node) { return static_cast<bool>(node.constant); }

// True for operators that return input 0 unchanged.
bool is_identity(const Node& node, bool is_train);

// No random numbers, nothing written, no other processes: equal inputs give equal outputs.
bool is_pure(const Node& node);

// True if running the node changes the arrays of its mutable inputs: batch norm does so in train
// mode only, and not when it takes its statistics as they are.
bool writes_inputs(const Node& node, bool is_train);

// How often each entry is read, by nodes and as an output.
using Uses = std::unordered_map<Entry, int64_t, EntryHash>;
Uses count_uses(const Graph& graph, const std::vector<Node*>& order);

// Variables that some node writes: their readers must stay where they are.
std::unordered_set<const Node*> written_variables(const std::vector<Node*>& order);

// Entries that stand for others from now on.
class Substitution {
 public:
  void put(const Entry& from, const Entry& to) { map_[from] = to; }
  Entry resolve(Entry e) const;
  bool empty() const { return map_.empty(); }
  size_t size() const { return map_.size(); }
  // Rewrites the inputs of all nodes and the outputs.
  void apply(Graph& graph) const;

 private:
  std::unordered_map<Entry, Entry, EntryHash> map_;
};

// The attribute `name` of a node.
op::AttrValue attribute(const Node& node, std::string_view name);

// Attributes for `op`: those given, and of the rest what the node has under the same name.
op::AttrsRef changed_attributes(const Node& node, const op::Op& op,
                                std::initializer_list<std::pair<const char*, op::AttrValue>> given);

// Text that is equal for equal applications of an operator to equal inputs.
std::string application_key(const Node& node);

}  // namespace plait::graph
