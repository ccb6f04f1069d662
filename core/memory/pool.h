#pragma once

#include <cstddef>
#include <cstdint>

#include "base/device.h"

namespace plait::memory {

struct PoolStats {
  int64_t bytes_in_use = 0;  // held by live arrays
  int64_t bytes_cached = 0;  // kept for the next array
  int64_t peak_bytes_in_use = 0;
  int64_t allocations = 0;         // requests since start
  int64_t system_allocations = 0;  // requests that the cache could not serve
};

// A block of at least `bytes` bytes, aligned to 64; its content is undefined. Zero bytes give null.
// Throws ErrorKind::kOutOfMemory. Blocks come from a cache, because first touch of fresh pages is
// ten times slower than writing kept ones.
void* allocate(int64_t bytes);

// Gives a block back to the cache; `bytes` as in the request.
void deallocate(void* block, int64_t bytes) noexcept;

// The same past the blocks that the thread keeps for itself (memory/thread_cache.h).
void give_to_pool(void* block, int64_t bytes) noexcept;

PoolStats pool_stats();

// Bytes that are kept for the next arrays at most: PLAIT_CACHE_LIMIT_MB.
int64_t cache_limit();

// Returns all cached blocks to the system; those that other threads keep for themselves follow when
// these next give one back.
void release_cached();

// Test hook: the n-th request from now fails with kOutOfMemory; a negative n switches it off.
void fail_allocation_after(int64_t n);

}  // namespace plait::memory
