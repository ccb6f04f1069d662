#pragma once

#include <span>
#include <string>

#include "engine/engine.h"
#include "op/op.h"
#include "tensor/array.h"

namespace plait::op {

// One run of a kernel: the arrays are there and fit the operator. They belong to the caller.
struct Call {
  const Op* op;
  const AttrsRef& attrs;
  std::span<const ArrayRef> in;
  const Arrays& out;
  double cost_ns = 0;       // estimated time on one core
  bool is_short = false;    // worth less than to hand it to another thread: see runs_here()
  bool out_is_new = false;  // nobody else knows `out`, and no input is written
  bool is_train = false;
  RandomKey random = {};

  void run(int threads) const;
  // Appends the engine's variables. Returns how many of `writes` are read as well: state, and
  // arrays of which a part stays.
  int32_t variables(engine::Vars& reads, engine::Vars& writes) const;
  bool waits() const;  // for other processes
  std::string details() const;
  // Runs it in this thread, unless somebody uses its variables at this moment: false.
  bool run_now() const;
};

// Whether a call of this estimated time should run in the thread that makes it.
bool runs_here(const Op& op, const AttrsRef& attrs, double cost_ns, bool is_train);

// Runs the call now if it is short, or as a task of the engine when its variables are free.
void schedule(const Call& call, int32_t priority = 0);

// Estimated nanoseconds on one core for inputs and results of these specs. `out` holds the results
// that are there already.
double cost_ns(const Op& op, const void* attrs, std::span<const ArrayRef> in, const Specs& in_specs,
               const Specs& specs, const Arrays& out);

}  // namespace plait::op
