#pragma once

#include <atomic>
#include <cstdint>

// Work in the calling thread that a fork() of another thread must not interrupt: in the child its
// variables and locks would be held by a thread that does not exist there.
//
// Entering costs two plain writes and no fence. Whoever closes the gate makes every thread pass a
// fence instead: membarrier(2), the "asymmetric Dekker" of its manual page.
namespace plait::engine::gate {

struct Thread {
  std::atomic<int32_t> depth{0};  // entered so often; written by the thread itself
  bool has_closed = false;
  Thread* next = nullptr;
};

// Null: has never entered. Reading it costs one instruction.
[[gnu::tls_model("initial-exec")]] extern constinit thread_local Thread* this_thread;
extern std::atomic<bool> is_closed;

Thread* add_thread();

inline void leave() {
  Thread& me = *this_thread;
  me.depth.store(me.depth.load(std::memory_order_relaxed) - 1, std::memory_order_release);
}

// False: the gate is closed. Inside, a thread may enter again.
inline bool enter() {
  Thread& me = this_thread ? *this_thread : *add_thread();
  const int32_t depth = me.depth.load(std::memory_order_relaxed);
  me.depth.store(depth + 1, std::memory_order_relaxed);
  std::atomic_signal_fence(std::memory_order_seq_cst);
  if (depth > 0 || !is_closed.load(std::memory_order_acquire)) return true;
  leave();
  return false;
}

// By one thread at a time, which may enter all the same.
void close();
void open();
inline bool has_closed() { return this_thread && this_thread->has_closed; }
// After close(): whether all other threads have left.
bool is_empty();
// In the child of a fork: opens it.
void after_fork_child();

}  // namespace plait::engine::gate
