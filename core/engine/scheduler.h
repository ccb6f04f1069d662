#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <vector>

#include "base/env.h"
#include "engine/engine.h"

namespace plait::engine {

// Looks for a while before it sleeps: what is done under it takes less than to fall asleep.
class BriefMutex {
 public:
  void lock() {
    for (int i = 0; i < kLooks; ++i) {
      if (mutex_.try_lock()) return;
      Native::pause();
    }
    mutex_.lock();
  }
  void unlock() { mutex_.unlock(); }

 private:
  static constexpr int kLooks = 100;
  std::mutex mutex_;
};

// A thread that waits for something; lives on its stack.
struct Waiter : Request<Native> {
  Parker<> parker;
  bool done = false;  // under the scheduler's mutex, as `failure`
  std::exception_ptr failure;
};

// Cores are moldable: a ready task gets an equal share of the free cores, so one ready task gets
// all, many get one each; and no more than its length is worth (cores_for). It runs in a thread of
// the pool in team/team.h, from which it takes helpers for all but one of its cores as well: the
// thread that helped a moment ago, and still looks for work, is the one that gets the next task.
class Scheduler {
 public:
  static Scheduler& instance();

  explicit Scheduler(int cores);

  void push(std::unique_ptr<Task> task);
  void run_serially(Task& task);
  void complete(Task* task, std::exception_ptr failure);
  void released(Var& var);  // by inline work, while somebody waits

  void wait(Var& var, bool for_write);
  void wait_all();
  void lend(int cores);       // by a task that waits for something else; see loan.h
  void take_back(int cores);  // without waiting for them

  void stop(bool drain);
  void hold_back();  // before fork(): waits until nothing runs, and until go_on() nothing begins
  void go_on();
  int set_cores(int cores);
  int cores();
  EngineStats stats();

 private:
  static Scheduler*& slot();
  struct ForkHandlers;
  static const ForkHandlers fork_handlers;

  using Lock = std::unique_lock<BriefMutex>;

  // What to do when the mutex is free again: stands before the lock in each function.
  class Wakes {
   public:
    ~Wakes() { flush(); }
    void tell(Parker<>& p) { parkers_.push_back(&p); }
    void start_thread() { ++threads_; }
    void flush();

   private:
    SmallVec<Parker<>*, 8> parkers_;
    int threads_ = 0;
  };

  // With the mutex held:
  void keep_room();             // in ready_ for all tasks and one more
  void enter(Task& task);       // counts a task and asks for its variables
  Task* next_ready();           // with cores for it; null: none
  void dispatch(Wakes& wakes);  // calls threads for what is ready
  // Keeps one core for a moment for the calling thread: one that pushes a bundle, or has what it
  // waited for, will soon run tasks itself, and a worker more would take turns with it. If it does
  // not, a worker gets the core when the next task ends.
  void keep_core();
  int kept_cores() const;
  void grant(Request<Native>& r, Wakes& wakes);  // r has all its variables
  void settle(Task& task, Wakes& wakes);         // gives the variables of a done task back
  void leave(int64_t bytes, int32_t tasks, Wakes& wakes);  // done tasks are deleted
  void wait_for_room(Lock& lock);
  void wait_in(std::vector<Waiter*>& list, Lock& lock);
  // Runs ready tasks in this thread, which has to wait anyway, until `done` or there is none.
  // False: there was none at all.
  bool help(Lock& lock, Wakes& wakes, const bool& done);
  Task* next_short();  // the same as next_ready(), if that is a task for help()
  static void signal_all(std::vector<Waiter*>& list, Wakes& wakes);
  // Releases the mutex and sleeps until `waiter` is done. After an interruption calls
  // `give_up(wakes)` with the mutex held and throws. The cores of a task that waits are lent.
  template <class GiveUp>
  void sleep(Waiter& waiter, Lock& lock, Wakes& wakes, const GiveUp& give_up);
  bool full() const {
    const bool is_much = pending_ >= max_pending_ || bytes_pending_ >= max_bytes_;
    return forking_ > 0 || (pending_ > 0 && is_much);
  }

  // Without it:
  static void work(void*);  // runs what is ready, in a thread of the pool
  // Runs a task that was taken; returns the next: what next() says with the mutex held.
  template <class Next>
  Task* run_taken(Task& task, const Next& next);
  bool run_in_caller(std::unique_ptr<Task>& task);
  static void execute(Task& task, int threads);
  static bool close_part(Task& task) { return task.open_.fetch_sub(1) == 1; }
  static bool less_urgent(const Task* a, const Task* b) {
    return a->priority_ != b->priority_ ? a->priority_ < b->priority_ : a->sequence_ > b->sequence_;
  }

  std::recursive_mutex serial_mutex_;  // in serial mode one task runs at a time
  BriefMutex mutex_;
  Ledger<Native> ledger_;
  std::vector<Task*> ready_;  // a heap
  int cores_, free_cores_;
  int working_ = 0;  // threads in work(), or on their way there
  int coming_ = 0;   // of these, those that have not looked for a task yet
  int64_t kept_until_ns_ = 0;
  std::condition_variable_any all_rest_;
  bool stopped_ = false;
  int forking_ = 0;  // threads between hold_back() and go_on()
  int64_t pending_ = 0, queued_ = 0, in_caller_ = 0, bytes_pending_ = 0;
  int64_t busy_ns_ = 0, started_ns_ = 0;
  uint64_t sequence_ = 0;
  std::exception_ptr first_failure_;  // not reported by any wait yet
  std::vector<Waiter*> idle_waiters_, room_waiters_;
  const int64_t max_pending_ = env::get_int("PLAIT_MAX_PENDING", nullptr, 20000);
  const int64_t max_bytes_ = env::get_int("PLAIT_MAX_PENDING_MB", nullptr, 2048) << 20;
};

}  // namespace plait::engine
