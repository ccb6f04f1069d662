#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "graph/graph.h"

namespace plait::graph {

// A change of a graph that keeps its results. Each has a switch, see `set_pass`.
struct Pass {
  const char* name;
  const char* doc;
  // kForward: on forward before gradients are added; kWhole: on forward and gradients together;
  // kPart: on each of the two after they were cut; kMemory: a rule of the memory plan.
  enum Stage { kForward, kWhole, kPart, kMemory } stage;
  int64_t (*run)(Graph&);  // returns the number of changes; null for rules of the memory plan
  bool by_default;
};

// All passes in the order in which they run.
std::span<const Pass> passes();

// Which passes run: one bit for each, in the order of `passes()`.
class PassSet {
 public:
  static PassSet current();  // the process's switches
  bool has(std::string_view name) const;
  bool has(size_t index) const { return bits_ >> index & 1; }
  PassSet with(std::string_view name, bool on) const;  // throws ErrorKind::kKey
  // Without those that make nodes which have no CUDA kernel.
  PassSet for_gpu() const;
  friend bool operator==(PassSet, PassSet) = default;

 private:
  friend bool set_pass(std::string_view name, bool on);
  uint64_t bits_ = 0;
};

// Switches a pass on or off for graphs compiled from now on; returns what it was. The switches
// start as `Pass::by_default` without those named in PLAIT_GRAPH_PASSES_OFF (with commas).
bool set_pass(std::string_view name, bool on);

// What `recompute` aims at for graphs compiled from now on: the bytes that training may plan for
// intermediates; below 1 a share of what it would plan otherwise; 0: what costs little time.
// `set_memory_target` returns what it was. Starts as PLAIT_GRAPH_MEMORY_TARGET, which switches the
// pass on, as MXNET_BACKWARD_DO_MIRROR=1 does.
double memory_target();
double set_memory_target(double target);  // throws ErrorKind::kInvalidArgument

// What a pass did.
struct PassReport {
  const Pass* pass;
  bool on;
  int64_t changes;
  std::string where;  // "forward" or "backward" for passes on parts
};
void run_passes(Graph& graph, Pass::Stage stage, PassSet on, const char* where,
                std::vector<PassReport>& reports);

// The passes.
int64_t fuse_attention(Graph& graph);
int64_t fold_constants(Graph& graph);
int64_t simplify(Graph& graph);
int64_t share(Graph& graph);
int64_t fold_batch_norm(Graph& graph);
int64_t channels_last(Graph& graph);
int64_t pack_weights(Graph& graph);
int64_t fuse_epilogue(Graph& graph);
int64_t fuse_pointwise(Graph& graph);

}  // namespace plait::graph
