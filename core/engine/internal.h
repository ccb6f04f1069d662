#pragma once

#include "engine/gate.h"

namespace plait::engine {

// Cores of the task that this thread runs; 0: it runs none.
extern thread_local int held_cores;
// True in a thread of the pool that runs tasks.
extern thread_local bool is_worker;

// True in a thread that is inside the gate: its variables wait for what it does.
inline bool is_inside_gate() {
  return gate::this_thread && gate::this_thread->depth.load(std::memory_order_relaxed) > 0;
}

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
