#pragma once

#include <cstdint>

// A few small blocks that each thread keeps for itself: taking one costs a tenth of what the pool
// does, which all threads share. For the pool they are in use.
namespace plait::memory::thread_cache {

// A block for `bytes` bytes; null if there is none: then ask the pool.
void* take(int64_t bytes) noexcept;
// False if the block is too large or there are enough: then give it to the pool.
bool keep(void* block, int64_t bytes) noexcept;

// How many blocks for `bytes` bytes all threads keep now, and how many they may keep together.
int64_t kept(int64_t bytes);
int64_t most_kept(int64_t bytes);

struct Totals {
  int64_t bytes = 0;  // of the blocks that threads keep now
  int64_t taken = 0;  // how many were taken since start
};
Totals totals();

// Empties the cache of the calling thread at once, those of others when they next keep a block.
void release() noexcept;

// No thread begins or ends to have a cache between these calls, which surround fork().
void lock();
void unlock();

}  // namespace plait::memory::thread_cache
