#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <memory>
#include <span>

#include "base/ref.h"
#include "base/small_vec.h"

// The dependency scheduler.
//
// Whatever tasks can share (the storage of an array, a random stream) has a Var. A task names the
// variables it reads and those it writes; for each variable there are many readers or one writer,
// and conflicting tasks run in the order in which they were pushed.
//
//   engine::Var x;
//   auto fill = std::make_unique<MyTask>(...);   // a Task with reads_ = {}, writes_ = {&x}
//   engine::push(std::move(fill));
//   engine::wait_to_read(x);                     // throws what the task threw
namespace plait::engine {

class Task;
class Scheduler;

// A shared resource. One word holds readers, writer and flags, so that a task whose variables are
// free starts without any lock; see scheduler.cc for the protocol.
class Var {
 public:
  Var() = default;
  Var(const Var&) = delete;
  Var& operator=(const Var&) = delete;
  ~Var();

  // Number of writes that were started since creation.
  uint64_t version() const { return version_.load(std::memory_order_relaxed); }
  void bump_version() { version_.fetch_add(1, std::memory_order_relaxed); }

 private:
  friend class Scheduler;
  friend class InlineGuard;
  static constexpr uint64_t kReaders = 0xffffffffull;
  static constexpr uint64_t kWriter = 1ull << 32;
  static constexpr uint64_t kQueued = 1ull << 33;  // somebody waits in `queue`
  static constexpr uint64_t kFailed = 1ull << 34;  // the last writer failed: see `failure`

  bool try_read() {
    uint64_t s = state_.load(std::memory_order_relaxed);
    while (!(s & (kWriter | kQueued | kFailed))) {
      if (state_.compare_exchange_weak(s, s + 1, std::memory_order_acquire)) return true;
    }
    return false;
  }
  bool try_write() {
    uint64_t free = 0;
    return state_.compare_exchange_strong(free, kWriter, std::memory_order_acquire);
  }
  // True if somebody waits and the scheduler must be told.
  bool end_read() { return state_.fetch_sub(1, std::memory_order_acq_rel) & kQueued; }
  bool end_write() { return state_.fetch_and(~kWriter, std::memory_order_acq_rel) & kQueued; }

  struct Waiting;  // one place in the queue
  std::atomic<uint64_t> state_{0};
  std::atomic<uint64_t> version_{0};
  Waiting* head_ = nullptr;  // guarded by the scheduler's mutex, as all below
  Waiting* tail_ = nullptr;
  std::exception_ptr failure_;
};

using Vars = SmallVec<Var*, 6>;

// Work with its variables. The owner of what `run` touches is the task itself.
class Task {
 public:
  virtual ~Task() = default;
  // `threads`: cores that the task may use; the engine has set OpenMP's count accordingly.
  virtual void run(int threads) = 0;
  virtual const char* name() const = 0;

  Vars reads_;            // distinct, and none of them in writes_
  Vars writes_;           // distinct
  int32_t priority_ = 0;  // larger runs first among ready tasks
  int64_t bytes_ = 0;     // memory held until the task ends: for back-pressure

 private:
  friend class Scheduler;
  int32_t missing_ = 0;  // variables not granted yet
  uint64_t sequence_ = 0;
};

// Removes duplicates, and from `reads` what is in `writes`.
void make_distinct(Vars& reads, Vars& writes);

// Holds all variables for the calling thread, if all are free at this moment and none has failed:
// the way in which small work runs at once. `held()` tells; the destructor releases.
class InlineGuard {
 public:
  InlineGuard(const Vars& reads, const Vars& writes);
  InlineGuard(const InlineGuard&) = delete;
  ~InlineGuard();
  bool held() const { return held_; }

 private:
  const Vars& reads_;
  const Vars& writes_;
  bool held_;
};

// Queues a task. Blocks while too much work is queued. Versions of written variables rise here.
void push(std::unique_ptr<Task> task);

// Work below this estimated time runs in the calling thread; nanoseconds.
int64_t inline_limit_ns();

// True in serial mode (PLAIT_ENGINE=naive): everything runs at once in the calling thread.
bool is_serial();

// Wait until the variable has no unfinished writer (reader); throws what its last writer threw.
void wait_to_read(Var& var);
void wait_to_write(Var& var);
// Waits for everything; throws the first failure that no wait has reported yet.
void wait_all();

// Set by a binding: called every 50 ms in long waits; true ends the wait with ErrorKind::kCallback.
void set_interrupt_check(bool (*interrupted)());

// Around fork(): drain before, restart the threads in parent and child.
void before_fork();
void after_fork_parent();
void after_fork_child();
// Drains and joins; later pushes run in the calling thread.
void shutdown();

// Cores that a task in the calling thread may use (1 in user threads).
int current_threads();

struct EngineStats {
  int64_t inlined = 0;  // operations run in the calling thread (counted by the dispatcher)
  int64_t queued = 0;   // tasks handed over since start
  int64_t pending = 0;  // tasks not finished now
  int64_t bytes_pending = 0;
  int32_t workers = 0;
};
EngineStats stats();
void count_inlined();

}  // namespace plait::engine
