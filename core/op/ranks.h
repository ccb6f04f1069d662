#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

// Sums over the processes that train one model, for operators whose result depends on all of them.
namespace plait::op {

// Adds up `n` numbers at `data` over all processes, in place. Calls with one `key` meet in their
// order; it waits for the others.
using SumOverRanks = std::function<void(const std::string& key, double* data, int64_t n)>;

void set_sum_over_ranks(SumOverRanks sum);             // empty: there is one process
std::shared_ptr<const SumOverRanks> sum_over_ranks();  // null: there is one process

}  // namespace plait::op
