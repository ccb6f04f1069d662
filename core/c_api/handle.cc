#include "c_api/handle.h"

#include <pthread.h>

#include <bit>
#include <deque>
#include <map>
#include <mutex>

namespace plait::c_api {
namespace {

// What stands before each object.
struct alignas(16) Head {
  std::atomic<const char*> kind;
  uint32_t size_class;
};

Head* head_of(const void* place) {
  return reinterpret_cast<Head*>(const_cast<char*>(static_cast<const char*>(place))) - 1;
}

// A place is used again only after so many others of its size were freed: until then the handle
// of what was there stays recognisable.
constexpr size_t kKept = 256;

struct Places {
  std::mutex mutex;
  std::map<uint32_t, std::deque<void*>> free;  // by size class, oldest first

  // Never destroyed: handles may be freed while the process ends.
  static Places& instance() {
    static Places* const places = [] {
      pthread_atfork([] { instance().mutex.lock(); }, [] { instance().mutex.unlock(); },
                     [] { instance().mutex.unlock(); });
      return new Places;
    }();
    return *places;
  }
};

}  // namespace

void* take_place(size_t bytes) {
  const auto size_class = static_cast<uint32_t>(std::bit_width((bytes + sizeof(Head) - 1) | 63));
  Places& places = Places::instance();
  {
    const std::lock_guard lock(places.mutex);
    std::deque<void*>& free = places.free[size_class];
    if (free.size() > kKept) {
      void* place = free.front();
      free.pop_front();
      return place;
    }
  }
  void* memory = ::operator new (size_t{1} << size_class);
  return new (memory) Head{nullptr, size_class} + 1;
}

void give_place(void* place) noexcept {
  Head* head = head_of(place);
  head->kind.store(nullptr, std::memory_order_release);
  Places& places = Places::instance();
  const std::lock_guard lock(places.mutex);
  try {
    places.free[head->size_class].push_back(place);
  } catch (...) {  // no memory to remember it: the place is not used again
  }
}

void mark_place(void* place, const char* kind) noexcept {
  head_of(place)->kind.store(kind, std::memory_order_release);
}

const char* kind_at(const void* place) noexcept {
  return head_of(place)->kind.load(std::memory_order_acquire);
}

std::atomic<int64_t>& live_handles() {
  static std::atomic<int64_t> count{0};
  return count;
}

}  // namespace plait::c_api
