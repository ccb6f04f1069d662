#pragma once

#include <vector>

#include "op/body.h"

// Loops over a body that hands states on: what foreach and while_loop have in common.
namespace plait::ops {

using op::KernelArgs;

// How the inputs of the body follow from those of the operator. Outputs of the body are those of
// a step, then the states.
struct Wiring {
  struct Source {
    enum Kind { kItem, kState, kFixed } kind = kFixed;
    size_t index = 0;  // input of the operator; of a state, its number
  };
  std::vector<Source> in;    // for each input of the body
  std::vector<size_t> init;  // for each state, the input of the operator that it starts as
  size_t num_out_data = 0;

  size_t num_states() const { return init.size(); }
};

// `location` of `list`, checked to be below `end`.
size_t location(const char* list, int64_t value, size_t end);

// What a call was recorded for; empty `needs`: nothing.
struct Recorded {
  std::vector<bool> needs;  // for each input of the operator
  bool is_train = false;
};

// A row of the first axis; of a vector an array of one element, as in MXNet.
Dims row_shape(const Dims& shape);
// Specs of the body's inputs from those of the operator.
Specs body_specs(const Wiring& wiring, const Specs& in);
// Outputs of the operator with `steps` steps: those of the steps stacked, the states, and what is
// left for backward. Throws if a state changes its shape or dtype.
Specs loop_specs(const Wiring& wiring, op::Body& body, const Specs& in, int64_t steps,
                 const Recorded& recorded);
// Whether the body writes, or has as an auxiliary state, what input i of the operator is.
bool writes_fixed(const Wiring& wiring, const op::Body& body, size_t i, bool is_train);
bool is_fixed_aux(const Wiring& wiring, const op::Body& body, size_t i);
// Shapes of inputs that follow from the others by way of the body.
void complete_loop(const Wiring& wiring, const op::Body& body, std::vector<Dims>& in,
                   std::vector<bool>& known);
Ref<op::Routine> routine_for(const Wiring& wiring, op::Body& body, const Specs& in, bool is_train,
                             const Recorded& recorded);
Specs specs_of(std::span<const View> views);

// Gradients by an operator that reads the gradients of the `visible` outputs, inputs and outputs.
// Inputs that the call may write are not read.
Values gradients_by(const char* op, const op::AttrsRef& attrs, const GradArgs& g, size_t visible,
                    const Recorded& recorded);
// The specs of the `num_in` inputs among those of such an operator.
Specs differentiated(const Specs& in, size_t visible, size_t num_in, const op::BodyRef& body);

// What one step leaves for backward: its states and the routine's own residuals.
struct StepMemory {
  std::vector<int64_t> state, own;  // offsets
  int64_t bytes = 0;
  StepMemory(const Wiring& wiring, const op::Routine& routine);
};

// One run of a loop forward.
class LoopForward {
 public:
  // Outputs of `k`: those of `loop_specs`.
  LoopForward(const Wiring& wiring, op::Routine& routine, const KernelArgs& k);
  void step(int64_t t, op::RandomKey key);
  const std::vector<char*>& states() const { return states_; }  // as they are now
  // Behind the last step: the states become outputs, rows of steps that were not made zeros.
  void finish(int64_t made, int64_t steps);

 private:
  const Wiring& wiring_;
  op::Routine& routine_;
  const KernelArgs& k_;
  const StepMemory layout_;
  bool saves_;
  ArrayRef scratch_, spare_;  // spare: two sets of states, if they are not saved
  std::vector<char*> states_, next_;
};

// And backward. Inputs of `k`: gradients of the outputs, inputs, outputs with what was saved;
// outputs: a gradient of each input.
class LoopBackward {
 public:
  LoopBackward(const Wiring& wiring, op::Routine& routine, const KernelArgs& k, size_t num_in);
  void run(int64_t steps);

 private:
  void step(int64_t t);
  char* target(size_t b, int64_t t);         // where the gradient of an input of the body goes
  void put(size_t input, const char* from);  // adds to, or makes, the gradient of an input

  const Wiring& wiring_;
  op::Routine& routine_;
  const KernelArgs& k_;
  const StepMemory layout_;
  std::span<const View> dout_, in_, out_;
  char* saved_;
  ArrayRef scratch_, spare_, fixed_;
  std::vector<char*> dstates_, next_, dfixed_;
  std::vector<bool> filled_;
};

}  // namespace plait::ops
