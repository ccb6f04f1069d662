#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "graph/passes.h"
#include "tensor/array.h"

namespace plait::graph {

// A typed graph made ready to run: a fixed list of kernel calls on planned memory.
//
// Intermediates live in one block whose layout is fixed here: a buffer is reused as soon as its
// last reader is done, and element-wise steps write over their input. Operators that only look at
// memory differently cost nothing. One run is one engine task, or with `kEarly` several one after
// the other, so that outputs which are final can be used while the rest is computed.
class Plan : public RefCounted {
 public:
  // When outputs can be read: all at the end of a run, or each soon after its last write.
  enum class Outputs { kTogether, kEarly };

  // `inputs` of the graph are the variables in the order in which `run` gets their arrays.
  Plan(const Graph& graph, PassSet passes, Outputs outputs = Outputs::kTogether);

  // `in` fits the specs of the inputs. Returns an array for each output: that in `out`, if there is
  // one and it is not null, else a fresh one. Arrays of `out` must be contiguous, of the output's
  // spec, and share no memory with `in`.
  // `block`: memory for the intermediates, of arena_bytes(); a null one becomes a fresh one.
  Arrays run(std::span<const ArrayRef> in, std::span<const ArrayRef> out = {},
             ArrayRef* block = nullptr);

  // Where the outputs that the graph keeps lie in the block, in bytes.
  const std::vector<int64_t>& kept() const { return kept_; }
  int64_t kept_bytes() const { return kept_bytes_; }
  // Makes room for a plan that goes on in this one's block.
  void reserve(int64_t bytes) { arena_bytes_ = std::max(arena_bytes_, bytes); }

  // Runs in the calling thread, now, on contiguous memory of the inputs' and outputs' specs and an
  // arena of the caller: bodies of loops run like this.
  void run_on(std::span<char* const> in, std::span<char* const> out, char* arena, op::RandomKey key,
              int threads);
  int64_t random_count() const;  // random numbers that one run draws
  void wait_for_constants() const;

  int64_t arena_bytes() const { return arena_bytes_; }          // planned
  int64_t unplanned_bytes() const { return unplanned_bytes_; }  // without reuse
  size_t num_steps() const { return steps_.size(); }
  size_t num_parts() const { return parts_.size(); }  // engine tasks of a run
  const Spec& out_spec(size_t i) const { return out_specs_[i]; }
  // One line for each step: operator, node, shapes.
  std::string list_steps() const;

 private:
  friend class Planner;
  friend class PlanTask;

  // Where memory lies: an input, an output or an offset in the arena.
  struct Place {
    enum Kind : int32_t { kInput, kOutput, kArena } kind = kArena;
    int32_t index = 0;
    int64_t offset = 0;  // bytes
  };
  struct Operand {
    Place place;
    Dims shape, strides;
    DType dtype = DType::kFloat32;
    bool contiguous = true;
  };
  struct Step {
    const op::Op* op = nullptr;
    op::AttrsRef attrs;
    std::vector<Operand> in, out;
    std::string name;
    int64_t random_count = 0;  // counters to reserve for a random operator
    double cost_ns = 0;        // on one core
  };
  // Steps that are one engine task, and the inputs and outputs that they touch.
  struct Part {
    size_t begin = 0, end = 0;
    size_t first_key = 0;  // of the random operators
    std::vector<int32_t> reads, writes;
    std::vector<int32_t> out_reads, out_writes;
    double cost_ns = 0;
    bool waits_for_ranks = false;
  };
  // What a run works on. Runs share nothing: a step may wait for other work, as users' operators
  // do.
  struct Run : RefCounted {
    Arrays in, out;
    ArrayRef arena;
    Device device;
    bool shared = false;  // the arena, with other runs
    std::vector<op::RandomKey> keys;
  };
  // Where the operands of a step are.
  struct Memory {
    char *const *in, *const *out;
    char* arena;
    Device device;
  };

  void cut(Outputs outputs);
  std::vector<bool> final_writes() const;
  Part part_of(size_t begin, size_t end, size_t first_key) const;
  void add_untouched(Part& last) const;
  Arrays constants_on(Device device);
  void check_places(std::span<const ArrayRef> in, std::span<const ArrayRef> out) const;
  void execute(const Part& part, const Run& run, int threads);
  void run_step(const Step& step, const Memory& memory, int threads, op::RandomKey key);

  std::vector<Step> steps_;
  std::vector<Part> parts_;
  std::vector<Spec> in_specs_, out_specs_;
  Arrays constants_;                           // follow the inputs
  std::mutex mutex_;                           // of the next
  std::map<int32_t, Arrays> constants_there_;  // the same on gpus
  std::vector<bool> mutated_;                  // inputs that steps write
  std::vector<bool> used_;                     // inputs that steps read or write
  bool is_train_;
  std::vector<int64_t> kept_;
  int64_t arena_bytes_ = 0, unplanned_bytes_ = 0, io_bytes_ = 0, kept_bytes_ = 0;
  double cost_ns_ = 0;
  size_t num_random_ = 0;
};

}  // namespace plait::graph
