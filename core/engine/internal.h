#pragma once

namespace plait::engine {

// Cores of the task that this thread runs; 0: it runs none.
extern thread_local int held_cores;

// True if a binding wants waits to end.
bool is_interrupted();

}  // namespace plait::engine
