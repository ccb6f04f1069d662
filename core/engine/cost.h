#pragma once

namespace plait::engine {

// Whether work of this estimated time on one core, in nanoseconds, runs in the calling thread.
// Measures the time of a hand-over when it is first asked for work that could be longer than that.
bool is_short(double cost_ns);

}  // namespace plait::engine
