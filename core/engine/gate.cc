#include "engine/gate.h"

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <chrono>
#include <mutex>
#include <thread>
#include <utility>

namespace plait::engine::gate {
namespace {

struct List {
  std::mutex mutex;
  Thread* first = nullptr;
};

// Never destroyed: threads may end after static objects.
List*& list() {
  static auto* threads = new List;
  return threads;
}

// Takes a thread that ends out of the list.
struct Ending {
  ~Ending() {
    Thread* me = std::exchange(this_thread, nullptr);
    if (!me) return;
    std::lock_guard lock(list()->mutex);
    Thread** link = &list()->first;
    while (*link && *link != me) link = &(*link)->next;
    if (*link) *link = me->next;
    delete me;
  }
};

void nap() { std::this_thread::sleep_for(std::chrono::microseconds(100)); }
bool membarrier(int command) { return syscall(SYS_membarrier, command, 0, 0) == 0; }

}  // namespace

constinit thread_local Thread* this_thread = nullptr;
std::atomic<bool> is_closed{false};

Thread* add_thread() {
  thread_local Ending ending;
  static_cast<void>(&ending);  // its use makes it
  this_thread = new Thread;
  std::lock_guard lock(list()->mutex);
  this_thread->next = list()->first;
  list()->first = this_thread;
  return this_thread;
}

void close() {
  while (true) {
    if (enter()) {
      if (!is_closed.exchange(true)) break;
      leave();
    }
    nap();
  }
  this_thread->has_closed = true;
  static const bool registered = membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED);
  if (!registered || !membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED)) {
    // A system without it: by then every core has written out what stood in its store buffer.
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

void open() {
  this_thread->has_closed = false;
  is_closed = false;
  leave();
}

bool is_empty() {
  std::lock_guard lock(list()->mutex);
  for (const Thread* t = list()->first; t; t = t->next) {
    if (t != this_thread && t->depth.load(std::memory_order_acquire) > 0) return false;
  }
  return true;
}

// The list of the parent may be half changed; its threads do not exist here.
void after_fork_child() {
  list() = new List;
  if (this_thread) {
    this_thread->next = nullptr;
    list()->first = this_thread;
  }
  if (has_closed()) open();
  is_closed = false;
}

}  // namespace plait::engine::gate
