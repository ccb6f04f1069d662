#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "base/env.h"
#include "engine/engine.h"

namespace plait::engine {

// A thread that waits for something; lives on its stack.
struct Waiter : Request<Native> {
  Parker<> parker;
  bool done = false;  // under the scheduler's mutex, as `failure`
  std::exception_ptr failure;
};

// Cores are moldable: a ready task gets an equal share of the free cores, so one ready task gets
// all, many get one each. It takes helpers for all but one of them (team/team.h).
class Scheduler {
 public:
  static Scheduler& instance();

  explicit Scheduler(int cores) : cores_(cores), free_cores_(cores) {}

  void push(std::unique_ptr<Task> task);
  void run_serially(Task& task);
  void complete(Task* task, std::exception_ptr failure);
  void released(Var& var);  // by inline work, while somebody waits

  void wait(Var& var, bool for_write);
  void wait_all();

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

  struct Worker {
    Scheduler* owner = nullptr;
    int number = 0;
    Parker<> parker;
    Task* task = nullptr;  // under the mutex, as all below; null when woken: stop
    int threads = 0;
    bool idle = true;
    std::thread thread;
  };
  using Lock = std::unique_lock<std::mutex>;

  // Threads to be told when the mutex is free again: stands before the lock in each function.
  class Wakes {
   public:
    ~Wakes() {
      for (Parker<>* p : list_) p->set();
    }
    void add(Parker<>& p) { list_.push_back(&p); }

   private:
    SmallVec<Parker<>*, 8> list_;
  };

  // With the mutex held:
  void start_threads();
  Worker& add_worker();
  Worker* first_idle();
  void enter(Task& task);                               // counts a task and asks for its variables
  void dispatch(Wakes& wakes, Worker* self = nullptr);  // gives ready tasks to idle workers
  void grant(Request<Native>& r, Wakes& wakes);         // r has all its variables
  void settle(Task& task, Wakes& wakes);                // gives the variables of a done task back
  void leave(int64_t bytes, int32_t tasks, Wakes& wakes);  // done tasks are deleted
  void wait_for_room(Lock& lock);
  void wait_in(std::vector<Waiter*>& list, Lock& lock);
  static void signal_all(std::vector<Waiter*>& list, Wakes& wakes);
  // Releases the mutex and sleeps until `waiter` is done. After an interruption calls
  // `give_up(wakes)` with the mutex held and throws. The cores of a task that waits are lent.
  template <class GiveUp>
  void sleep(Waiter& waiter, Lock& lock, const GiveUp& give_up);
  bool full() const {
    const bool is_much = pending_ >= max_pending_ || bytes_pending_ >= max_bytes_;
    return forking_ > 0 || (pending_ > 0 && is_much);
  }

  // Without it:
  void work(Worker& me);
  Task* finish_run(Task& task, Worker& me);  // the next task of this worker, or null
  bool run_in_caller(std::unique_ptr<Task>& task);
  static void execute(Task& task, int threads);
  static bool close_part(Task& task) { return task.open_.fetch_sub(1) == 1; }
  static bool less_urgent(const Task* a, const Task* b) {
    return a->priority_ != b->priority_ ? a->priority_ < b->priority_ : a->sequence_ > b->sequence_;
  }

  std::recursive_mutex serial_mutex_;  // in serial mode one task runs at a time
  std::mutex mutex_;
  Ledger<Native> ledger_;
  std::vector<Task*> ready_;  // a heap
  std::vector<std::unique_ptr<Worker>> workers_;
  int cores_, free_cores_;
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
