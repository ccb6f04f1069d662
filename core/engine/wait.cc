#include <algorithm>

#include "base/error.h"
#include "engine/internal.h"
#include "engine/profile.h"
#include "engine/scheduler.h"

// Waits, and the life of the scheduler.
namespace plait::engine {
namespace {

constexpr int64_t kWaitSpinNs = 5000;
constexpr int64_t kInterruptNs = 50000000;

}  // namespace

GatePass::GatePass() {
  while (!gate::enter()) std::this_thread::sleep_for(std::chrono::microseconds(100));
}

template <class GiveUp>
void Scheduler::sleep(Waiter& waiter, Lock& lock, const GiveUp& give_up) {
  const int lent = held_cores;
  {
    Wakes wakes;
    free_cores_ += lent;
    dispatch(wakes);
    lock.unlock();
  }
  int64_t spin = kWaitSpinNs;
  bool interrupted = false;
  while (!interrupted && !waiter.parker.wait(spin, kInterruptNs)) {
    spin = 0;
    if (!is_interrupted()) continue;
    Wakes wakes;
    lock.lock();
    interrupted = !waiter.done;  // if done, the signal is on its way
    if (interrupted) {
      give_up(wakes);
      dispatch(wakes);
    }
    lock.unlock();
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
      sleep(waiter, lock, [&](Wakes& more) {
        ledger_.withdraw(waiter, [&](Request<Native>& r) { grant(r, more); });
      });
    }
  }
  if (waiter.failure) std::rethrow_exception(waiter.failure);
}

void Scheduler::signal_all(std::vector<Waiter*>& list, Wakes& wakes) {
  for (Waiter* w : list) {
    w->done = true;
    wakes.add(w->parker);
  }
  list.clear();
}

void Scheduler::wait_in(std::vector<Waiter*>& list, Lock& lock) {
  Waiter waiter;
  list.push_back(&waiter);
  sleep(waiter, lock, [&](Wakes&) { list.erase(std::find(list.begin(), list.end(), &waiter)); });
  lock.lock();
}

void Scheduler::wait_for_room(Lock& lock) {
  while (full()) wait_in(room_waiters_, lock);
}

void Scheduler::wait_all() {
  check(held_cores == 0, ErrorKind::kInvalidArgument,
        "wait_all: was called by a task, which is waited for itself");
  Lock lock(mutex_);
  while (pending_ > 0) wait_in(idle_waiters_, lock);
  const std::exception_ptr failure = std::exchange(first_failure_, nullptr);
  lock.unlock();
  if (failure) std::rethrow_exception(failure);
}

void Scheduler::run_serially(Task& task) {
  const GatePass pass;
  std::lock_guard serial(serial_mutex_);
  for (Var* v : task.reads_) wait(*v, false);
  for (Var* v : task.writes_) wait(*v, true);
  for (Var* v : task.writes_) v->bump_version();
  if (task.is_async_) task.open_ = 2;
  execute(task, cores_);
  close_part(task);
  while (task.open_ > 0) Native::pause();
  if (task.outcome_) std::rethrow_exception(task.outcome_);
}

void Scheduler::start_threads() {
  if (!workers_.empty()) return;
  started_ns_ = Native::now_ns();
  for (int i = 0; i < cores_; ++i) add_worker();
}

Scheduler::Worker& Scheduler::add_worker() {
  workers_.push_back(std::make_unique<Worker>());
  Worker& w = *workers_.back();
  w.number = static_cast<int>(workers_.size()) - 1;
  w.thread = std::thread([this, &w] { work(w); });
  return w;
}

void Scheduler::stop(bool drain) {
  try {
    if (drain) wait_all();
  } catch (...) {  // a failure that nobody asked for ends with the process
  }
  std::vector<std::unique_ptr<Worker>> workers;
  {
    Wakes wakes;
    std::lock_guard lock(mutex_);
    stopped_ = true;
    workers.swap(workers_);
    for (const auto& w : workers) wakes.add(w->parker);
  }
  for (const auto& w : workers) {
    if (w->thread.get_id() == std::this_thread::get_id()) {
      w->thread.detach();
    } else {
      w->thread.join();
    }
  }
}

int Scheduler::set_cores(int cores) {
  check(held_cores == 0, ErrorKind::kInvalidArgument, "set_num_threads: was called by a task");
  wait_all();
  stop(true);
  std::lock_guard lock(mutex_);
  const int before = std::exchange(cores_, cores);
  free_cores_ = cores;
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
  s.uptime_ns = workers_.empty() ? 0 : Native::now_ns() - started_ns_;
  s.workers = static_cast<int32_t>(workers_.size());
  s.threads = cores_;
  return s;
}

}  // namespace plait::engine
