#include "base/tally.h"

#include <utility>

namespace plait::tally {
namespace {

// Places are never deleted: what a thread counted stays when it ends, and the next thread goes on
// from there. So no lock is needed, which a fork() could leave taken.
std::atomic<Place*> first{nullptr};

Place* free_place() noexcept {
  for (Place* p = first.load(std::memory_order_acquire); p; p = p->next) {
    bool taken = false;
    if (p->taken.compare_exchange_strong(taken, true, std::memory_order_acquire)) return p;
  }
  auto* p = new Place;
  p->next = first.load(std::memory_order_relaxed);
  while (!first.compare_exchange_weak(p->next, p, std::memory_order_release)) {
  }
  return p;
}

struct Ending {
  ~Ending() {
    if (Place* p = std::exchange(mine, nullptr)) p->taken.store(false, std::memory_order_release);
  }
};

}  // namespace

constinit thread_local Place* mine = nullptr;

Place& take_place() noexcept {
  thread_local Ending ending;
  static_cast<void>(&ending);  // its use makes it
  return *(mine = free_place());
}

int64_t total(Count count) noexcept {
  int64_t sum = 0;
  for (Place* p = first.load(std::memory_order_acquire); p; p = p->next) {
    sum += p->counts[count].load(std::memory_order_relaxed);
  }
  return sum;
}

}  // namespace plait::tally
