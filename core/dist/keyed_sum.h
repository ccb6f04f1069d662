#pragma once

#include <string>

#include "dist/communicator.h"

namespace plait::dist {

// Sums `n` numbers at `data` over all ranks in the order of the ranks, so that all have the same
// bits, and waits for the others. The n-th calls with one key meet; those with different keys may
// come in any order. `comm` must be used for nothing else.
void keyed_sum(Communicator& comm, const std::string& key, double* data, int64_t n);

}  // namespace plait::dist
