#include "memory/thread_cache.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <new>
#include <thread>
#include <vector>

#include "memory/pool.h"
#include "memory/size_class.h"

namespace plait::memory::thread_cache {
namespace {

constexpr int64_t kMostBytes = 4096;
constexpr int kMostBlocks = 16;  // of a size
constexpr int kFirst = class_of(1), kLast = class_of(kMostBytes);
constexpr int kClasses = 32;

// The blocks of one thread. Others lock it only to count or to empty it.
struct alignas(64) Cache {
  std::atomic<bool> busy{false};
  Totals totals;
  uint8_t count[kClasses] = {};
  void* blocks[kClasses][kMostBlocks];

  void lock() noexcept {
    while (busy.exchange(true, std::memory_order_acquire)) std::this_thread::yield();
  }
  void unlock() noexcept { busy.store(false, std::memory_order_release); }
};

struct Caches {
  std::mutex mutex;
  std::vector<Cache*> all;
  int64_t taken_by_ended = 0;  // threads that ended
  const bool enabled = cache_limit() > 0;

  static Caches& instance() {
    static Caches* caches = new Caches;  // arrays may outlive static objects
    return *caches;
  }
};

void empty(Cache& cache, void (*give)(void*, int64_t)) {
  for (int i = 0; i < kClasses; ++i) {
    while (cache.count[i]) give(cache.blocks[i][--cache.count[i]], class_bytes(kFirst + i));
  }
  cache.totals.bytes = 0;
}

// Reading it costs one instruction; it may be null.
[[gnu::tls_model("initial-exec")]] thread_local Cache* mine = nullptr;

// Makes the cache of a thread when it first asks, and ends it with the thread.
class Owner {
 public:
  Owner() noexcept {
    Caches& caches = Caches::instance();
    auto* cache = caches.enabled ? new (std::nothrow) Cache : nullptr;
    if (!cache) return;
    const std::lock_guard lock(caches.mutex);
    try {
      caches.all.push_back(cache);
      mine = cache;
    } catch (const std::bad_alloc&) {
      delete cache;
    }
  }
  ~Owner() {
    if (!mine) return;
    Cache* cache = mine;
    mine = nullptr;
    Caches& caches = Caches::instance();
    const std::lock_guard lock(caches.mutex);
    caches.all.erase(std::find(caches.all.begin(), caches.all.end(), cache));
    caches.taken_by_ended += cache->totals.taken;
    empty(*cache, give_to_pool);
    delete cache;
  }
  Owner(const Owner&) = delete;
  Owner& operator=(const Owner&) = delete;
};

Cache* begin() noexcept {
  thread_local Owner owner;
  return mine;  // null if caches are off, or the thread is about to end
}

}  // namespace

void* take(int64_t bytes) noexcept {
  Cache* cache = mine;
  if (!cache || bytes > kMostBytes) return nullptr;
  const int i = class_of(bytes) - kFirst;
  const std::lock_guard lock(*cache);
  if (!cache->count[i]) return nullptr;
  ++cache->totals.taken;
  cache->totals.bytes -= class_bytes(kFirst + i);
  return cache->blocks[i][--cache->count[i]];
}

bool keep(void* block, int64_t bytes) noexcept {
  if (bytes > kMostBytes) return false;
  Cache* cache = mine;
  if (!cache && !(cache = begin())) return false;
  const int i = class_of(bytes) - kFirst;
  const std::lock_guard lock(*cache);
  if (cache->count[i] == kMostBlocks) return false;
  cache->blocks[i][cache->count[i]++] = block;
  cache->totals.bytes += class_bytes(kFirst + i);
  return true;
}

Totals totals() {
  Caches& caches = Caches::instance();
  const std::lock_guard lock(caches.mutex);
  Totals sum{0, caches.taken_by_ended};
  for (Cache* cache : caches.all) {
    const std::lock_guard own(*cache);
    sum.bytes += cache->totals.bytes;
    sum.taken += cache->totals.taken;
  }
  return sum;
}

void release(void (*give)(void*, int64_t)) {
  Caches& caches = Caches::instance();
  const std::lock_guard lock(caches.mutex);
  for (Cache* cache : caches.all) {
    const std::lock_guard own(*cache);
    empty(*cache, give);
  }
}

void lock_all() {
  Caches& caches = Caches::instance();
  caches.mutex.lock();
  for (Cache* cache : caches.all) cache->lock();
}

void unlock_all() {
  Caches& caches = Caches::instance();
  for (Cache* cache : caches.all) cache->unlock();
  caches.mutex.unlock();
}

}  // namespace plait::memory::thread_cache
