#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "graph/cached_graph.h"
#include "graph/symbol.h"

namespace plait::graph {

// A symbol with its weights, ready to run:
//
//   Predictor p(Symbol::from_json(text), names, arrays);
//   p.set_input("data", x);
//   p.run();
//   ArrayRef y = p.output(0);
//
// A copy shares the weights and the compiled plans, but has inputs and outputs of its own: one for
// each thread.
class Predictor {
 public:
  // Weights by name, with or without the "arg:" and "aux:" of MXNet's files; those that the symbol
  // does not use are dropped.
  Predictor(Symbol symbol, const std::vector<std::string>& names,
            const std::vector<ArrayRef>& arrays);
  // Without the inputs and outputs of `other`.
  Predictor(const Predictor& other) : network_(other.network_), given_(network_->names.size()) {}
  Predictor& operator=(const Predictor&) = delete;

  // Variables that have no weights.
  const std::vector<std::string>& inputs() const { return network_->inputs; }
  const std::vector<std::string>& outputs() const { return network_->outputs; }

  void set_input(std::string_view name, ArrayRef array);
  // Inputs that were not set and whose shape follows from the others, such as labels, are zeros.
  void run();
  ArrayRef output(size_t index) const;

 private:
  struct Network : RefCounted {
    Ref<CachedGraph> graph;
    std::vector<std::string> names, inputs, outputs;  // names: in the order of the graph
    std::vector<ArrayRef> weights;                    // for each name; null: an input
  };
  Arrays complete() const;
  ArrayRef zeros_for(size_t missing, const Arrays& known) const;

  Ref<Network> network_;
  std::vector<ArrayRef> given_;  // for each name
  Arrays results_;
};

}  // namespace plait::graph
