#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/ref.h"
#include "op/op.h"

// The one intermediate representation under Symbol, hybridized blocks and exported files.
namespace plait::graph {

class Node;

// One output of a node.
struct Entry {
  Ref<Node> node;
  int32_t index = 0;
  friend bool operator==(const Entry&, const Entry&) = default;
};
using Entries = std::vector<Entry>;

// A variable (no operator) or one application of an operator. Nodes are shared between graphs and
// do not change once another node uses them.
class Node : public RefCounted {
 public:
  const op::Op* op = nullptr;
  op::AttrsRef attrs;
  std::string name;
  std::map<std::string, std::string> strings;  // free attributes: "__shape__", "ctx_group", ...
  Entries inputs;
  Specs specs;        // of all outputs; only in typed graphs, see builder.h
  ArrayRef constant;  // of a variable: its value, if that is part of the graph
  // In backward, a result of forward that is computed again waits until nothing else can run; of
  // several the one with the largest number comes first, see recompute.cc. 0: any other node.
  int32_t late = 0;

  ~Node() override;
  bool is_variable() const { return op == nullptr; }
  bool is_mutable(size_t i) const;  // running the node may write input i
  const op::InputDef& input_def(size_t i) const {
    return op->input_def(i);
  }
};

// All nodes that the entries depend on, inputs before users. Deep graphs need no deep stack.
std::vector<Node*> topological_order(const Entries& outputs);

}  // namespace plait::graph
