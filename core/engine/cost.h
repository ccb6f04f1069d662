#pragma once

namespace plait::engine {

// Rates of one core that estimates of time assume: memory that is not in a cache, and products.
constexpr double kBytesPerNs = 8, kFlopsPerNs = 100;

// Whether work of this estimated time on one core, in nanoseconds, runs in the calling thread.
// Measures the time of a hand-over when it is first asked for work that could be longer than that.
bool is_short(double cost_ns);

}  // namespace plait::engine
