#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <memory>
#include <string>

#include "base/small_vec.h"
#include "base/tally.h"
#include "engine/gate.h"
#include "engine/var.h"

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
//
// Three ways to run: work below inline_limit_ns() runs in the calling thread on one core
// (InlineGuard); a task below caller_limit_ns() that finds the engine idle runs in the calling
// thread on the cores that it is worth; the rest is queued, and push returns at once. Threads of
// the pool run what is queued, and so does, if it is short, a thread that waits.
namespace plait::engine {

class Scheduler;

// Must outlive the tasks that name it.
using Var = BasicVar<Native>;
using Vars = SmallVec<Var*, 6>;

// Removes duplicates, and from `reads` what is in `writes`. Puts the variables that were in both
// in front of `writes` and returns their number.
int32_t make_distinct(Vars& reads, Vars& writes);

// Work with its variables. The owner of what `run` touches is the task itself.
class Task {
 public:
  virtual ~Task() = default;
  // `threads`: cores that the task may use. May push; may wait only for what does not depend on
  // this task.
  virtual void run(int threads) = 0;
  // Called when the work has ended, before the variables are given back: the task drops what it
  // alone keeps alive but the variables.
  virtual void let_go() {}
  virtual const char* name() const = 0;
  // Shapes of the arrays, for the profile.
  virtual std::string details() const { return {}; }

  Vars reads_;             // distinct, and none of them in writes_
  Vars writes_;            // distinct
  int32_t updates_ = 0;    // so many of writes_ are read as well: their failure is inherited
  int32_t priority_ = 0;   // larger runs first among ready tasks
  int64_t bytes_ = 0;      // memory held until the task ends: for back-pressure
  double cost_ns_ = 0;     // estimated time on one core; 0: unknown, taken for large
  bool is_async_ = false;  // done when complete() was called, not when `run` returns

 private:
  friend class Scheduler;
  int32_t cores_ = 0;  // while it runs
  Request<Native> request_;
  uint64_t sequence_ = 0;
  int64_t pushed_ns_ = 0;  // only while profiling
  std::string origin_;     // the caller's line, if PLAIT_TRACE is set
  std::exception_ptr outcome_;
  bool inherited_ = false;        // `outcome_` is that of a variable: `run` was skipped
  std::atomic<int32_t> open_{1};  // parts that must end: `run` and, if is_async_, complete()
};

// Holds all variables for the calling thread if take_now() got them. `held()` tells; the destructor
// releases. Versions of written variables rise.
class InlineGuard {
 public:
  InlineGuard(const Vars& reads, const Vars& writes) : reads_(reads), writes_(writes) {
    if (!gate::enter()) return;
    held_ = take_now(reads, writes, released);
    if (!held_) {
      gate::leave();
      return;
    }
    for (Var* v : writes) v->bump_version();
  }
  InlineGuard(const InlineGuard&) = delete;
  ~InlineGuard() {
    if (!held_) return;
    end_now(reads_, reads_.size(), writes_, writes_.size(), released);
    gate::leave();
  }
  bool held() const { return held_; }

 private:
  static void released(Var& var);  // somebody waits: moves the queue on

  const Vars& reads_;
  const Vars& writes_;
  bool held_ = false;
};

// Queues a task, or runs it at once (see above). Blocks while too much work is queued. Versions of
// written variables rise here. In serial mode throws what the task throws.
void push(std::unique_ptr<Task> task);

// Ends an asynchronous task; null: it succeeded. From any thread, once.
void complete(Task* task, std::exception_ptr failure);

// How many of `cores` a task of this estimated time is worth: each must have something to do for
// longer than a team takes to come together. 0, unknown: all.
int cores_for(double cost_ns, int cores);

// Work below this estimated time runs in the calling thread: the measured time to hand a task to a
// worker that sleeps, in nanoseconds; PLAIT_INLINE_NS replaces the measurement.
int64_t inline_limit_ns();
// A task below this time may run in the calling thread with several cores, if the engine is idle;
// PLAIT_CALLER_NS.
int64_t caller_limit_ns();
// The same for what the calling thread pushes: a program that waits for each result gains nothing
// from handing work over, however long it is. Negative: caller_limit_ns(). Returns the value
// before.
int64_t set_caller_limit_ns(int64_t ns);

// True in serial mode (PLAIT_ENGINE=naive): everything runs at once in the calling thread.
bool is_serial();

// Wait until the variable has no unfinished writer (reader); throws what its last writer threw.
void wait_to_read(Var& var);
void wait_to_write(Var& var);
// Waits for everything; throws the first failure that no wait has reported yet.
void wait_all();

// Workers start only when `size` tasks were pushed by this thread, or it waits: so that they see
// how many are ready before they share the cores out. 0 or 1: at once. Returns the value before.
int64_t set_bulk_size(int64_t size);

// Set by a binding: called every 50 ms in long waits; true ends the wait with ErrorKind::kCallback.
void set_interrupt_check(bool (*interrupted)());

// Set by a binding: writes where the calling program stands, such as "train.py:12 in step". Called
// at each push if PLAIT_TRACE=1; failures then end with that line.
void set_origin(std::string (*origin)());
// That line, or "" without PLAIT_TRACE or a binding.
std::string origin();
// The exception with that line at its end.
std::exception_ptr with_origin(std::exception_ptr failure, const std::string& origin);

// Around fork(), in the thread that forks. before_fork() lets no new work begin and waits until
// what runs has ended; after_fork_parent() lets it begin again. It holds no lock, so a caller may
// take its own in between. The child has a fresh engine from the start (pthread_atfork).
void before_fork();
void after_fork_parent();
// Drains and joins; later pushes run in the calling thread.
void shutdown();

// Cores for all tasks together. Setting drains first; returns the value before.
int num_threads();
int set_num_threads(int threads);

struct EngineStats {
  int64_t inlined = 0;    // operations run in the calling thread on one core
  int64_t in_caller = 0;  // tasks run in the calling thread by push()
  int64_t queued = 0;     // tasks handed over since start
  int64_t pending = 0;    // tasks not finished now
  int64_t bytes_pending = 0;
  int64_t busy_ns = 0;    // time in tasks times their cores, all workers together
  int64_t uptime_ns = 0;  // since the workers started
  int32_t workers = 0;    // threads that exist now
  int32_t threads = 0;    // cores for all tasks together
};
EngineStats stats();
// Called by what runs under an InlineGuard.
inline void count_inlined() { tally::add(tally::kInlinedCalls, 1); }

}  // namespace plait::engine
