#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "autograd/autograd.h"
#include "graph/builder.h"
#include "graph/plan.h"
#include "graph/symbol.h"

namespace plait::graph {

// A symbol that is compiled once for each signature (shapes, dtypes, train mode, which inputs want
// gradients) and then called like a function. Under recording a call is one step of the tape.
class CachedGraph : public RefCounted {
 public:
  explicit CachedGraph(Symbol symbol);

  // Arrays in the order of symbol.list_inputs(); returns one array for each output.
  Arrays call(std::span<const ArrayRef> in);

  const Symbol& symbol() const { return symbol_; }
  // Text about the plans made so far: steps, bytes with and without reuse.
  std::string explain();

 private:
  friend class CachedGraphNode;

  struct Signature {
    std::vector<Spec> in;
    std::vector<bool> needs;  // empty: nothing is recorded
    bool is_train = false;
  };
  // Forward and backward of one signature. The backward plan reads the call's inputs, the saved
  // intermediates and the gradients of the outputs, in this order.
  struct Program : RefCounted {
    Signature signature;
    Ref<Plan> forward, backward;
    size_t num_visible = 0;
    std::vector<Spec> out_specs;
    std::vector<int32_t> grad_slot;  // for each input: output of `backward`, -1 without gradient
    std::vector<bool> saved_inputs;  // inputs whose content backward reads
  };

  bool matches(const Signature& s, std::span<const ArrayRef> in, bool is_train, bool record) const;
  Ref<Program> program_for(std::span<const ArrayRef> in, bool is_train, bool record);
  Ref<Program> compile(Signature signature) const;

  Symbol symbol_;
  std::vector<Node*> variables_;
  std::mutex mutex_;
  std::vector<Ref<Program>> programs_;  // the last used one first
};

}  // namespace plait::graph
