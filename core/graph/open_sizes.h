#pragma once

#include <algorithm>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "graph/node.h"

// Sizes that a program leaves open. MXNet's programs write `zeros(shape=(0, 64))` for the state at
// the start of a sequence, where 0 stands for the batch, whatever it will be; graphs have -1 there.
// The size follows from the operators that read the array.
namespace plait::graph {

inline constexpr int64_t kOpen = -1;

// Whether the node makes an array by a shape with this size in it.
bool has_size(const Node& node, int64_t size);
inline bool has_open_sizes(const Node& node) { return has_size(node, kOpen); }
// Makes sizes of 0 open ones.
void open_zeros(Node& node);

// What follows from the specs of the variables, as far as those are known: kOpen is a size that is
// not. Nodes come in topological order.
struct SolvedSizes {
  std::unordered_map<const Node*, op::AttrsRef> attributes;  // of nodes that had open sizes
  // Of all outputs; empty if no size was open to begin with.
  std::unordered_map<const Node*, std::vector<std::optional<Dims>>> shapes;
};
using KnownSpecs = std::unordered_map<const Node*, std::optional<Spec>>;
SolvedSizes solve_sizes(std::span<Node* const> nodes, const KnownSpecs& variables);

inline const op::AttrsRef& attributes_of(const Node& node, const SolvedSizes& solved) {
  const auto found = solved.attributes.find(&node);
  return found == solved.attributes.end() ? node.attrs : found->second;
}
inline bool has_open(const Dims& shape) {
  return std::find(shape.begin(), shape.end(), kOpen) != shape.end();
}

}  // namespace plait::graph
