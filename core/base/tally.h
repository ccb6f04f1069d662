#pragma once

#include <atomic>
#include <cstdint>

// Counts that every operation changes and hardly anybody reads. Each thread counts in a place of
// its own, without atomic addition, which would cost more than all else that is done to count.
namespace plait::tally {

enum Count { kLiveArrays, kInlinedCalls, kNumCounts };

struct Place {
  std::atomic<int64_t> counts[kNumCounts] = {};
  std::atomic<bool> taken{true};
  Place* next = nullptr;
};

// Null until the thread first counts. Reading it costs one instruction.
[[gnu::tls_model("initial-exec")]] extern constinit thread_local Place* mine;
Place& take_place() noexcept;

inline void add(Count count, int64_t change) noexcept {
  std::atomic<int64_t>& own = (mine ? *mine : take_place()).counts[count];
  own.store(own.load(std::memory_order_relaxed) + change, std::memory_order_relaxed);
}

// Sum over all threads, also those that ended.
int64_t total(Count count) noexcept;

}  // namespace plait::tally
