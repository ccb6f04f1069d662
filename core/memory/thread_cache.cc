#include "memory/thread_cache.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <new>
#include <vector>

#include "base/env.h"
#include "memory/pool.h"
#include "memory/size_class.h"

namespace plait::memory::thread_cache {
namespace {

constexpr int64_t kMostBytes = 4096;
constexpr int kMostBlocks = 8;  // of a size
constexpr int kFirst = class_of(1), kLast = class_of(kMostBytes);
constexpr int kClasses = 32;

// The blocks of one thread, which alone changes them; others read the counts.
struct alignas(64) Cache {
  std::atomic<int64_t> taken{0};
  std::atomic<int32_t> count[kClasses] = {};
  void* blocks[kClasses][kMostBlocks];
  uint64_t releases = 0;  // so many calls of release() it has followed
};

template <class T>
void set(std::atomic<T>& own, T value) noexcept {
  own.store(value, std::memory_order_relaxed);
}
template <class T>
T get(const std::atomic<T>& value) noexcept {
  return value.load(std::memory_order_relaxed);
}

std::atomic<uint64_t> releases{0};

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

void empty(Cache& cache) noexcept {
  for (int i = 0; i < kClasses; ++i) {
    for (int32_t n = get(cache.count[i]); n > 0; --n) {
      set(cache.count[i], n - 1);
      give_to_pool(cache.blocks[i][n - 1], class_bytes(kFirst + i));
    }
  }
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
    caches.taken_by_ended += get(cache->taken);
    empty(*cache);
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
  const int32_t n = get(cache->count[i]);
  if (n == 0) return nullptr;
  set(cache->taken, get(cache->taken) + 1);
  set(cache->count[i], n - 1);
  return cache->blocks[i][n - 1];
}

bool keep(void* block, int64_t bytes) noexcept {
  if (bytes > kMostBytes) return false;
  Cache* cache = mine;
  if (!cache && !(cache = begin())) return false;
  const uint64_t asked = get(releases);
  if (cache->releases != asked) [[unlikely]] {
    cache->releases = asked;
    empty(*cache);
  }
  const int i = class_of(bytes) - kFirst;
  const int32_t n = get(cache->count[i]);
  if (n == kMostBlocks) return false;
  cache->blocks[i][n] = block;
  set(cache->count[i], n + 1);
  return true;
}

int64_t kept(int64_t bytes) {
  Caches& caches = Caches::instance();
  const std::lock_guard lock(caches.mutex);
  int64_t sum = 0;
  for (const Cache* cache : caches.all) sum += get(cache->count[class_of(bytes) - kFirst]);
  return sum;
}

// By the threads of the engine, which free what others made.
int64_t most_kept(int64_t bytes) {
  static const int64_t most = kMostBlocks * env::num_cores();
  return bytes <= kMostBytes && Caches::instance().enabled ? most : 0;
}

Totals totals() {
  Caches& caches = Caches::instance();
  const std::lock_guard lock(caches.mutex);
  Totals sum{0, caches.taken_by_ended};
  for (const Cache* cache : caches.all) {
    sum.taken += get(cache->taken);
    for (int i = 0; i < kClasses; ++i) sum.bytes += get(cache->count[i]) * class_bytes(kFirst + i);
  }
  return sum;
}

void release() noexcept {
  releases.fetch_add(1, std::memory_order_relaxed);
  if (mine) empty(*mine);
}

void lock() { Caches::instance().mutex.lock(); }
void unlock() { Caches::instance().mutex.unlock(); }

}  // namespace plait::memory::thread_cache
