#pragma once

#include <cstdint>

// A few small blocks that each thread keeps for itself: taking one costs a tenth of what the pool
// does, which all threads share. For the pool they are in use.
namespace plait::memory::thread_cache {

// A block for `bytes` bytes; null if there is none: then ask the pool.
void* take(int64_t bytes) noexcept;
// False if the block is too large or there are enough: then give it to the pool.
bool keep(void* block, int64_t bytes) noexcept;

struct Totals {
  int64_t bytes = 0;  // of the blocks that threads keep now
  int64_t taken = 0;  // how many were taken since start
};
Totals totals();

// Empties the caches of all threads.
void release(void (*give)(void* block, int64_t bytes));

// Nobody takes or keeps between these calls, which surround fork().
void lock_all();
void unlock_all();

}  // namespace plait::memory::thread_cache
