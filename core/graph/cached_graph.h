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
  // Text about the programs made so far: what each pass did, steps, bytes with and without reuse.
  std::string explain();

  // The compiler's own result, for bodies of loops. Gradients are never of rows only.
  struct Signature {
    std::vector<Spec> in;
    std::vector<bool> needs;  // empty: nothing is recorded
    bool is_train = false;
    bool is_body = false;
    bool on_gpu = false;
  };
  // Forward and backward of one signature. The backward plan reads the call's inputs, the saved
  // intermediates and the gradients of the outputs, in this order.
  struct Program : RefCounted {
    Signature signature;
    Ref<Plan> forward, backward;
    Ref<Plan> last_backward;  // the same in the block of `forward`, over what it saved there
    // Computes what is hoisted, from the inputs; kept while they stay the same.
    Ref<Plan> prologue;
    std::vector<size_t> prologue_reads;  // inputs
    std::mutex mutex;
    Arrays seen, hoisted;
    SmallVec<uint64_t, 8> seen_versions;
    size_t num_visible = 0;
    std::vector<Spec> out_specs;
    std::vector<int32_t> residuals;  // visible outputs of `forward` that backward reads
    std::vector<PassReport> reports;
    RecomputeLevel level;
    int64_t bytes_without = 0;  // planned for training if nothing is computed again; 0: not known
    double target = 0;          // bytes that it should plan, or 0
    std::vector<int32_t> grad_slot;  // for each input: output of `backward`, -1 without gradient
    std::vector<int32_t> row_slot;   // output with the row numbers of a gradient of rows, or -1
    std::vector<int32_t> row_head;   // visible output whose gradient is the rows as it is, or -1
    std::vector<bool> saved_inputs;  // inputs whose content backward reads
  };

  Ref<Program> compile(Signature signature) const;

 private:
  friend class CachedGraphNode;

  Ref<Program> build(const Signature& signature, RecomputeLevel level) const;
  Ref<Program> compile_within(const Signature& signature) const;
  static std::string recomputed(const Program& program);
  static Arrays hoisted(Program& program, std::span<const ArrayRef> in);
  bool matches(const Signature& s, std::span<const ArrayRef> in, bool is_train, bool record) const;
  Ref<Program> program_for(std::span<const ArrayRef> in, bool is_train, bool record);
  void add_prologue(Program& program, Graph& graph) const;
  void add_backward(Program& program, const Entries& grads, const std::vector<Node*>& inputs,
                    const op::Values& heads, Graph& forward, bool one_block) const;
  void finish_forward(Program& program, Graph& graph) const;

  Symbol symbol_;
  std::vector<Node*> variables_;
  // Without those that make nodes for the CPU only, where it runs on a gpu.
  PassSet passes_for(const Signature& signature) const {
    return signature.on_gpu ? passes_.for_gpu() : passes_;
  }
  const PassSet passes_ = PassSet::current();
  const double memory_target_ = memory_target();
  std::mutex mutex_;
  std::vector<Ref<Program>> programs_;  // the last used one first
};

}  // namespace plait::graph
