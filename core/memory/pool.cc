#include "memory/pool.h"

#include <pthread.h>
#include <sys/mman.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <limits>
#include <mutex>
#include <vector>

#include "base/env.h"
#include "base/error.h"
#include "memory/size_class.h"
#include "memory/slabs.h"
#include "memory/thread_cache.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#endif

namespace plait::memory {
namespace {

// For the address sanitizer: of a block, which is larger, only the first `bytes` may be touched.
void fence([[maybe_unused]] void* block, [[maybe_unused]] int64_t bytes, [[maybe_unused]] int cls) {
#if defined(__SANITIZE_ADDRESS__)
  __asan_unpoison_memory_region(block, static_cast<size_t>(bytes));
  __asan_poison_memory_region(static_cast<char*>(block) + bytes,
                              static_cast<size_t>(class_bytes(cls) - bytes));
#endif
}

constexpr int64_t kMaxBytes = int64_t{1} << 48;  // the address space of a process
constexpr int64_t kSlack = 256 << 20;
constexpr int kClasses = kNumClasses;

constexpr size_t kLocks = 16;  // few, because fork() takes them all

class Pool {
 public:
  // Never destroyed: arrays may outlive static objects.
  static Pool& instance() {
    static Pool* pool = new Pool;
    return *pool;
  }

  void* allocate(int64_t bytes) {
    allocations_.fetch_add(1, std::memory_order_relaxed);
    if (fail_after_.load(std::memory_order_relaxed) >= 0 && fail_after_.fetch_sub(1) == 0) {
      fail(ErrorKind::kOutOfMemory, "memory: ", bytes, " bytes refused by fail_allocation_after");
    }
    check(bytes <= kMaxBytes, ErrorKind::kOutOfMemory, "memory: the system refused ", bytes,
          " bytes; an array holds at most ", kMaxBytes);
    const int cls = class_of(bytes);
    reserve(cls, bytes);
    void* block = take_cached(cls);
    if (!block) {
      system_allocations_.fetch_add(1, std::memory_order_relaxed);
      block = take_fresh(cls, bytes);
    }
    const int64_t used =
        in_use_.fetch_add(class_bytes(cls), std::memory_order_relaxed) + class_bytes(cls);
    int64_t peak = peak_.load(std::memory_order_relaxed);
    while (used > peak && !peak_.compare_exchange_weak(peak, used, std::memory_order_relaxed)) {
    }
    return block;
  }

  void deallocate(void* block, int64_t bytes) noexcept {
    const int cls = class_of(bytes);
    const int64_t size = class_bytes(cls);
    in_use_.fetch_sub(size, std::memory_order_relaxed);
    if (cached_.load(std::memory_order_relaxed) + size <= cache_limit_) {
      std::lock_guard lock(lock_of(cls));
      try {
        free_[static_cast<size_t>(cls)].push_back(block);
        cached_.fetch_add(size, std::memory_order_relaxed);
        return;
      } catch (const std::bad_alloc&) {  // no room in the list: give the block to the system
      }
    }
    give_to_system(block, cls);
  }

  void release_cached() { release(std::numeric_limits<int64_t>::max()); }

  PoolStats stats() const { return {in_use_, cached_, peak_, allocations_, system_allocations_}; }
  void fail_after(int64_t n) { fail_after_ = n; }
  bool is_failing() const { return fail_after_.load(std::memory_order_relaxed) >= 0; }
  void lock_all() {
    for (std::mutex& m : locks_) m.lock();
    slabs_.mutex().lock();
  }
  void unlock_all() {
    slabs_.mutex().unlock();
    for (std::mutex& m : locks_) m.unlock();
  }

 private:
  // Threads may keep small blocks that others look for. There are so many more of each size: a
  // program that needs no more of them than before takes none from the system.
  void reserve(int cls, int64_t bytes) {
    const int64_t most = thread_cache::most_kept(bytes);
    if (most == 0) return;
    std::vector<void*>& blocks = free_[static_cast<size_t>(cls)];
    int64_t missing = most + 1;
    {
      std::lock_guard lock(lock_of(cls));
      missing -= static_cast<int64_t>(blocks.size());
    }
    if (missing > 0) missing -= thread_cache::kept(bytes);
    if (missing > 0) system_allocations_.fetch_add(1, std::memory_order_relaxed);
    for (; missing > 0; --missing) {
      void* block = take_fresh(cls, bytes);
      std::lock_guard lock(lock_of(cls));
      blocks.push_back(block);
      cached_.fetch_add(class_bytes(cls), std::memory_order_relaxed);
    }
  }

  void* take_cached(int cls) {
    std::lock_guard lock(lock_of(cls));
    std::vector<void*>& blocks = free_[static_cast<size_t>(cls)];
    if (blocks.empty()) return nullptr;
    void* block = blocks.back();
    blocks.pop_back();
    cached_.fetch_sub(class_bytes(cls), std::memory_order_relaxed);
    return block;
  }

  // Returns at least `bytes` bytes of cached blocks to the system, if there are as many.
  void release(int64_t bytes) {
    for (int cls = kClasses - 1; cls >= 0 && bytes > 0; --cls) {
      std::lock_guard lock(lock_of(cls));
      std::vector<void*>& blocks = free_[static_cast<size_t>(cls)];
      while (bytes > 0 && !blocks.empty()) {
        give_to_system(blocks.back(), cls);
        blocks.pop_back();
        cached_.fetch_sub(class_bytes(cls), std::memory_order_relaxed);
        bytes -= class_bytes(cls);
      }
    }
  }

  // The process holds at most about twice what its arrays once needed together: a program that
  // goes from one set of sizes to another does not keep the blocks of both.
  void make_room(int64_t size) { release(in_use_ + cached_ + size - 2 * peak_ - kSlack); }

  void* take_fresh(int cls, int64_t wanted) {
    make_room(class_bytes(cls));
    void* block = take_from_system(cls);
    if (!block) {
      release_cached();
      block = take_from_system(cls);
    }
    check(block, ErrorKind::kOutOfMemory, "memory: the system refused ", wanted, " bytes; ",
          in_use_.load(), " bytes are in use");
    return block;
  }

  void* take_from_system(int cls) {
    if (Slabs::holds(cls)) return slabs_.take(cls);
    const bool huge = class_bytes(cls) >= 2 * Slabs::kHugePage;
    const int64_t alignment = huge ? Slabs::kHugePage : kAlignment;
    const int64_t rounded = (class_bytes(cls) + alignment - 1) / alignment * alignment;
    void* block = std::aligned_alloc(static_cast<size_t>(alignment), static_cast<size_t>(rounded));
    if (block && huge) madvise(block, static_cast<size_t>(rounded), MADV_HUGEPAGE);  // only a hint
    return block;
  }

  void give_to_system(void* block, int cls) noexcept {
    if (Slabs::holds(cls)) return slabs_.give_back(block, cls);
    std::free(block);
  }

  std::mutex& lock_of(int cls) { return locks_[static_cast<size_t>(cls) % kLocks]; }

  std::array<std::vector<void*>, kClasses> free_;  // blocks of each class
  std::array<std::mutex, kLocks> locks_;
  Slabs slabs_;
  std::atomic<int64_t> in_use_{0}, cached_{0}, peak_{0}, allocations_{0}, system_allocations_{0};
  std::atomic<int64_t> fail_after_{-1};
  const int64_t cache_limit_ = cache_limit();
};

void lock_all() {
  thread_cache::lock();
  Pool::instance().lock_all();
}

void unlock_all() {
  Pool::instance().unlock_all();
  thread_cache::unlock();
}

// Another thread may just hold a lock when a process forks.
const int fork_handlers = pthread_atfork(lock_all, unlock_all, unlock_all);

}  // namespace

void* allocate(int64_t bytes) {
  if (bytes <= 0) return nullptr;
  Pool& pool = Pool::instance();
  void* block = pool.is_failing() ? nullptr : thread_cache::take(bytes);
  if (!block) [[unlikely]]
    block = pool.allocate(bytes);
  fence(block, bytes, class_of(bytes));
  return block;
}

void deallocate(void* block, int64_t bytes) noexcept {
  if (!block) return;
  fence(block, 0, class_of(bytes));
  if (!thread_cache::keep(block, bytes)) give_to_pool(block, bytes);
}

void give_to_pool(void* block, int64_t bytes) noexcept {
  Pool::instance().deallocate(block, bytes);
}

int64_t cache_limit() { return env::get_int("PLAIT_CACHE_LIMIT_MB", nullptr, 8192) << 20; }

PoolStats pool_stats() {
  PoolStats stats = Pool::instance().stats();
  const thread_cache::Totals kept = thread_cache::totals();
  stats.bytes_in_use -= kept.bytes;
  stats.bytes_cached += kept.bytes;
  stats.allocations += kept.taken;
  return stats;
}

void release_cached() {
  thread_cache::release();
  Pool::instance().release_cached();
}

void fail_allocation_after(int64_t n) { Pool::instance().fail_after(n); }

}  // namespace plait::memory
