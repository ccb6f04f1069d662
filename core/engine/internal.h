#pragma once

#include "engine/gate.h"

namespace plait::engine {

// Cores of the task that this thread runs; 0: it runs none.
extern thread_local int held_cores;

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
