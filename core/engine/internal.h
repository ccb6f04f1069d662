#pragma once

#include "engine/gate.h"

namespace plait::engine {

// Cores of the task that this thread runs; 0: it runs none.
extern thread_local int held_cores;
// True in a thread of the pool that runs tasks.
extern thread_local bool is_worker;

// Inside for a scope; waits while gate.h's gate is closed.
class GatePass {
 public:
  GatePass();
  GatePass(const GatePass&) = delete;
  ~GatePass() { gate::leave(); }
};

// True if a binding wants waits to end.
bool is_interrupted();

}  // namespace plait::engine
