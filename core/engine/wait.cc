#include <algorithm>

#include "base/error.h"
#include "engine/internal.h"
#include "engine/loan.h"
#include "engine/profile.h"
#include "engine/scheduler.h"
#include "team/team.h"

// Waits, and the life of the scheduler.
namespace plait::engine {
namespace {

constexpr int64_t kWaitSpinNs = 5000;
constexpr int64_t kIdleSpinNs = 300000;  // where no task needs the core
constexpr int64_t kInterruptNs = 50000000;

Patience& patience_of_thread(bool has_core) {
  thread_local Patience brief(kWaitSpinNs), with_core(kIdleSpinNs);
  return has_core ? with_core : brief;
}

}  // namespace

GatePass::GatePass() {
  while (!gate::enter()) std::this_thread::sleep_for(std::chrono::microseconds(100));
}

Scheduler::Scheduler(int cores) : cores_(cores), free_cores_(cores) {
  team::set_looking(cores > 1);
}

template <class GiveUp>
void Scheduler::sleep(Waiter& waiter, Lock& lock, Wakes& wakes, const GiveUp& give_up) {
  const int lent = waiter.done ? 0 : held_cores;  // if done, the signal is on its way
  if (!waiter.done) {
    free_cores_ += lent;
    kept_until_ns_ = 0;
    dispatch(wakes);
  }
  const bool has_core = free_cores_ > coming_;
  lock.unlock();
  wakes.flush();
  bool done = false, interrupted = false;
  patience_of_thread(has_core).wait(
      [&](int64_t spin_ns) { done = waiter.parker.wait(spin_ns, kInterruptNs); });
  while (!done && !interrupted) {
    if (is_interrupted()) {
      lock.lock();
      interrupted = !waiter.done;
      if (interrupted) {
        give_up(wakes);
        dispatch(wakes);
      }
      lock.unlock();
      wakes.flush();
    }
    done = !interrupted && waiter.parker.wait(0, kInterruptNs);
  }
  if (lent) {
    std::lock_guard again(mutex_);
    free_cores_ -= lent;
  }
  if (interrupted) fail(ErrorKind::kCallback, "wait: interrupted");
}

void Scheduler::wait(Var& var, bool for_write) {
  if (var.is_quiet(for_write)) return;
  Waiter waiter;
  waiter.is_wait = true;
  waiter.places.push_back({&var, nullptr, for_write, nullptr});
  {
    Wakes wakes;
    Lock lock(mutex_);
    ledger_.ask(waiter, [&](Request<Native>& r) { grant(r, wakes); });
    if (!waiter.done) {
      check(!stopped_ || pending_ == 0, ErrorKind::kInternal, "wait: the engine was stopped");
      while (!waiter.done && help(lock, wakes, waiter.done)) {
      }
      sleep(waiter, lock, wakes, [&](Wakes& more) {
        ledger_.withdraw(waiter, [&](Request<Native>& r) { grant(r, more); });
      });
    }
  }
  if (waiter.failure) std::rethrow_exception(waiter.failure);
}

void Scheduler::signal_all(std::vector<Waiter*>& list, Wakes& wakes) {
  for (Waiter* w : list) {
    w->done = true;
    wakes.tell(w->parker);
  }
  list.clear();
}

void Scheduler::wait_in(std::vector<Waiter*>& list, Lock& lock) {
  Wakes wakes;
  Waiter waiter;
  list.push_back(&waiter);
  sleep(waiter, lock, wakes,
        [&](Wakes&) { list.erase(std::find(list.begin(), list.end(), &waiter)); });
  lock.lock();
}

void Scheduler::wait_for_room(Lock& lock) {
  Wakes wakes;
  while (full()) {
    if (!help(lock, wakes, true)) wait_in(room_waiters_, lock);
  }
}

void Scheduler::wait_all() {
  check(held_cores == 0, ErrorKind::kInvalidArgument,
        "wait_all: was called by a task, which is waited for itself");
  Wakes wakes;
  Lock lock(mutex_);
  while (pending_ > 0) {
    if (!help(lock, wakes, false)) wait_in(idle_waiters_, lock);
  }
  const std::exception_ptr failure = std::exchange(first_failure_, nullptr);
  lock.unlock();
  if (failure) std::rethrow_exception(failure);
}

void Scheduler::lend(int cores) {
  Wakes wakes;
  std::lock_guard lock(mutex_);
  free_cores_ += cores;
  dispatch(wakes);
}

void Scheduler::take_back(int cores) {
  std::lock_guard lock(mutex_);
  free_cores_ -= cores;
}

CoreLoan::CoreLoan() : cores_(held_cores) {
  if (cores_ > 0) Scheduler::instance().lend(cores_);
}

CoreLoan::~CoreLoan() {
  if (cores_ > 0) Scheduler::instance().take_back(cores_);
}

void Scheduler::run_serially(Task& task) {
  const GatePass pass;
  std::lock_guard serial(serial_mutex_);
  for (Var* v : task.reads_) wait(*v, false);
  for (Var* v : task.writes_) wait(*v, true);
  for (Var* v : task.writes_) v->bump_version();
  if (task.is_async_) task.open_ = 2;
  execute(task, cores_for(task.cost_ns_, cores_));
  close_part(task);
  while (task.open_ > 0) Native::pause();
  task.let_go();
  if (task.outcome_) std::rethrow_exception(task.outcome_);
}

void Scheduler::stop(bool drain) {
  try {
    if (drain) wait_all();
  } catch (...) {  // a failure that nobody asked for ends with the process
  }
  Lock lock(mutex_);
  stopped_ = true;
  const int own = is_worker ? 1 : 0;  // a task may end the process
  all_rest_.wait(lock, [&] { return working_ <= own; });
}

int Scheduler::set_cores(int cores) {
  check(held_cores == 0, ErrorKind::kInvalidArgument, "set_num_threads: was called by a task");
  wait_all();
  stop(true);
  std::lock_guard lock(mutex_);
  const int before = std::exchange(cores_, cores);
  free_cores_ = cores;
  team::set_looking(cores > 1);
  stopped_ = false;
  return before;
}

int Scheduler::cores() {
  std::lock_guard lock(mutex_);
  return cores_;
}

void Scheduler::hold_back() {
  gate::close();
  Lock lock(mutex_);
  ++forking_;
  while (held_cores == 0 && pending_ > 0) {
    try {
      wait_in(idle_waiters_, lock);
    } catch (const Error&) {  // interrupted: a fork cannot be given up
      lock.lock();
    }
  }
  lock.unlock();
  while (!gate::is_empty()) std::this_thread::sleep_for(std::chrono::microseconds(20));
}

void Scheduler::go_on() {
  Wakes wakes;
  {
    std::lock_guard lock(mutex_);
    --forking_;
    if (!full()) signal_all(room_waiters_, wakes);
  }
  gate::open();
}

EngineStats Scheduler::stats() {
  std::lock_guard lock(mutex_);
  EngineStats s;
  s.in_caller = in_caller_;
  s.queued = queued_;
  s.pending = pending_;
  s.bytes_pending = bytes_pending_;
  s.busy_ns = busy_ns_;
  s.uptime_ns = started_ns_ ? Native::now_ns() - started_ns_ : 0;
  s.workers = team::num_helpers();
  s.threads = cores_;
  return s;
}

}  // namespace plait::engine
