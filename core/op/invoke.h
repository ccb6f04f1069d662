#pragma once

#include <span>
#include <string>

#include "op/op.h"
#include "tensor/array.h"

namespace plait::op {

struct InvokeOptions {
  bool is_train = false;
  bool allow_view = false;  // the result may share memory with the input
  int32_t priority = 0;     // larger runs first among what is ready
};

// Runs one operator on arrays: infers, allocates, schedules. `out` holds on entry nothing, or the
// arrays to write into (checked against the inferred specs); on return all outputs, hidden ones
// too. The work is done in the calling thread when it is small and its variables are free.
void invoke(const Op& op, const AttrsRef& attrs, std::span<const ArrayRef> in, Arrays& out,
            const InvokeOptions& options = {});

// The same for an operator without state that takes a few microseconds, if nobody uses its inputs
// at this moment: never waits. False: nothing was done. `out` is empty on entry.
bool invoke_now(const Op& op, const AttrsRef& attrs, std::span<const ArrayRef> in, Arrays& out,
                bool is_train);

// Throws unless a call with these attributes may have so many inputs.
void check_count(const Op& op, const AttrsRef& attrs, size_t given);

// Specs of all outputs; errors carry the operator's name.
void infer(const Op& op, const AttrsRef& attrs, const Specs& in, Specs& out);

// Number of outputs, hidden ones included; `visible_outputs` without them.
int num_outputs(const Op& op, const AttrsRef& attrs);
int visible_outputs(const Op& op, const AttrsRef& attrs);

// "(2, 3), (3,)": for messages and the profile.
std::string shapes_of(std::span<const ArrayRef> arrays);

// For an operator without a gradient: must backward stop with an error rather than take its results
// for constants? So it is with kernels of gradients; comparisons and the like are constant.
bool needs_gradient(const Op& op);
[[noreturn]] void fail_without_gradient(const Op& op);

}  // namespace plait::op
