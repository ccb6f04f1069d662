#pragma once

#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "graph/node.h"
#include "op/value.h"

namespace plait::graph {

// Builds a typed graph: every node knows the shapes and dtypes of its outputs. As a Tracer it
// receives gradients.
class Builder final : public op::Tracer {
 public:
  Value variable(const std::string& name, const Spec& spec);
  op::Values apply(const op::Op& op, const op::AttrsRef& attrs, std::span<const Value> in) override;
  bool differentiable() const override { return differentiable_; }

  // Whether gradients made from now on will be differentiated again; returns what it was.
  bool set_differentiable(bool yes) { return std::exchange(differentiable_, yes); }

  // Nodes made from now on carry this name; errors then say which node of the symbol failed.
  void set_origin(const std::string& name) { origin_ = name; }

 private:
  std::string origin_;
  bool differentiable_ = false;
};

inline Entry entry_of(const Value& v) {
  return {Ref<Node>(static_cast<Node*>(v.node.get())), v.index};
}
inline Value value_of(const Entry& e) {
  return {nullptr, e.node, e.index, e.node->specs[static_cast<size_t>(e.index)]};
}

// Variables whose gradients will be asked for.
struct Wanted {
  std::unordered_set<const Node*> variables;
  bool is_train = false;
};

// Copies an untyped graph into `builder`; `inputs` maps its variables to values.
op::Values instantiate(const Entries& outputs, Builder& builder,
                       const std::unordered_map<const Node*, Value>& inputs,
                       const Wanted& wanted = {});

// Gradients of `outputs` with respect to `wanted`, given those of the outputs. An empty Value:
// nothing flows there.
op::Values gradient(const op::Values& outputs, const op::Values& head_grads,
                    const op::Values& wanted, Builder& builder);

// A graph of forward and gradient cut in two: what backward needs of forward becomes variables.
struct Residuals {
  Entries backward;               // the gradients, now over `variables`, inputs and head gradients
  Entries saved;                  // entries of the forward graph, in the order of `variables`
  std::vector<Node*> variables;   // stand for `saved` in `backward`
  std::vector<bool> reads_input;  // backward reads this input itself
  std::vector<Ref<Node>> keep;    // owns `variables`
};
// Nodes of forward that backward computes again instead of keeping what it needs of them, with the
// part of forward in which they lie, from 1.
using Recomputed = std::unordered_map<const Node*, int32_t>;
// How much of it: kByTime as much as costs little time, 0 nothing, 1 what is cheap, from 2 on one
// part more for each step, the one that frees most bytes for its time first.
struct RecomputeLevel {
  static constexpr int64_t kByTime = -1;
  int64_t wanted = kByTime;
  int64_t most = 0;  // set by choose_recomputed: with it all parts are computed again
};
Recomputed choose_recomputed(const Entries& forward, const Entries& grads, RecomputeLevel& level);

Residuals split(const Entries& forward, const Entries& grads, const std::vector<Node*>& inputs,
                const Recomputed& recomputed);

}  // namespace plait::graph
