#include "engine/scheduler.h"

#include <algorithm>
#include <cstdlib>

#include "base/error.h"
#include "engine/internal.h"
#include "engine/profile.h"

namespace plait::engine {
namespace {

constexpr int64_t kSpinNs = 50000;  // worker 0 looks so long for the next task before it sleeps

thread_local int64_t bulk_size = 0;   // see set_bulk_size
thread_local int64_t bulk_count = 0;  // pushed by this thread since workers were told

// What reads a failed variable fails the same way, without being run.
std::exception_ptr inherited_failure(const Task& task) {
  for (const Var* v : task.reads_) {
    if (v->failure()) return v->failure();
  }
  for (int32_t i = 0; i < task.updates_; ++i) {
    const Var* v = task.writes_[static_cast<size_t>(i)];
    if (v->failure()) return v->failure();
  }
  return nullptr;
}

}  // namespace

thread_local int held_cores = 0;

int64_t set_bulk_size(int64_t size) { return std::exchange(bulk_size, std::max<int64_t>(size, 0)); }

void Scheduler::push(std::unique_ptr<Task> owned) {
  Task& task = *owned;
  if (profile::is_on()) task.pushed_ns_ = Native::now_ns();
  task.origin_ = origin();
  for (Var* v : task.reads_) task.request_.places.push_back({v, nullptr, false, nullptr});
  for (Var* v : task.writes_) task.request_.places.push_back({v, nullptr, true, nullptr});
  if (task.is_async_) task.open_ = 2;
  const bool in_task = held_cores > 0, bulk = bulk_size > 1;
  if (!in_task && !bulk && run_in_caller(owned)) return;
  Wakes wakes;
  Lock lock(mutex_);
  if (stopped_ || gate::has_closed()) {
    lock.unlock();
    run_serially(task);
    return;
  }
  start_threads();
  if (!in_task) wait_for_room(lock);
  owned.release();
  ++queued_;
  enter(task);
  ledger_.ask(task.request_, [&](Request<Native>& r) { grant(r, wakes); });
  if (bulk && ++bulk_count < bulk_size) return;
  bulk_count = 0;
  dispatch(wakes);
}

void Scheduler::enter(Task& task) {
  ++pending_;
  bytes_pending_ += task.bytes_;
  task.request_.owner = &task;
  task.sequence_ = ++sequence_;
  for (Var* v : task.writes_) v->bump_version();
}

// A waiting program gains nothing from handing over a task that is as long as a few hand-overs.
bool Scheduler::run_in_caller(std::unique_ptr<Task>& owned) {
  Task& task = *owned;
  if (task.is_async_ || !(task.cost_ns_ > 0)) return false;
  if (task.cost_ns_ > static_cast<double>(caller_limit_ns())) return false;
  int cores = 0;
  {
    std::lock_guard lock(mutex_);
    if (stopped_ || forking_ > 0 || pending_ > 0 || free_cores_ < cores_) return false;
    if (!ledger_.try_all(task.request_)) return false;
    ++in_caller_;
    enter(task);
    cores = std::exchange(free_cores_, 0);
  }
  execute(task, cores);
  const int64_t bytes = task.bytes_;
  {
    Wakes wakes;
    std::lock_guard lock(mutex_);
    free_cores_ += cores;
    settle(task, wakes);
    dispatch(wakes);
  }
  owned.reset();  // may release arrays: never under the mutex
  Wakes wakes;
  std::lock_guard lock(mutex_);
  leave(bytes, 1, wakes);
  return true;
}

void Scheduler::grant(Request<Native>& r, Wakes& wakes) {
  if (r.is_wait) {
    Waiter& waiter = static_cast<Waiter&>(r);
    waiter.failure = r.places[0].var->failure();
    if (waiter.failure && waiter.failure == first_failure_) first_failure_ = nullptr;
    waiter.done = true;
    wakes.add(waiter.parker);
    return;
  }
  ready_.push_back(static_cast<Task*>(r.owner));
  std::push_heap(ready_.begin(), ready_.end(), less_urgent);
}

Scheduler::Worker* Scheduler::first_idle() {
  for (const auto& w : workers_) {
    if (w->idle) return w.get();
  }
  return nullptr;
}

void Scheduler::dispatch(Wakes& wakes, Worker* self) {
  while (!ready_.empty() && free_cores_ > 0 && !stopped_) {
    const int share = std::max(1, free_cores_ / static_cast<int>(ready_.size()));
    Worker* w = self && self->idle ? self : first_idle();
    if (!w) w = &add_worker();
    std::pop_heap(ready_.begin(), ready_.end(), less_urgent);
    w->task = ready_.back();
    ready_.pop_back();
    w->threads = share;
    w->idle = false;
    free_cores_ -= share;
    if (w != self) wakes.add(w->parker);
  }
}

void Scheduler::settle(Task& task, Wakes& wakes) {
  for (Var* v : task.writes_) v->set_failure(task.outcome_);
  ledger_.release(task.request_, [&](Request<Native>& r) { grant(r, wakes); });
  if (task.outcome_ && !task.inherited_ && !first_failure_) first_failure_ = task.outcome_;
}

void Scheduler::leave(int64_t bytes, int32_t tasks, Wakes& wakes) {
  bytes_pending_ -= bytes;
  pending_ -= tasks;
  if (pending_ == 0) signal_all(idle_waiters_, wakes);
  if (!full()) signal_all(room_waiters_, wakes);
}

void Scheduler::execute(Task& task, int threads) {
  task.outcome_ = inherited_failure(task);
  task.inherited_ = static_cast<bool>(task.outcome_);
  if (task.inherited_) {
    if (task.is_async_) close_part(task);  // nobody will complete it
    return;
  }
  const int before = std::exchange(held_cores, threads);
  try {
    if (profile::is_on()) {
      profile::Scope scope(task.name(), task.details(), task.reads_, task.writes_, task.pushed_ns_,
                           threads);
      task.run(threads);
    } else {
      task.run(threads);
    }
  } catch (...) {
    task.outcome_ = with_origin(std::current_exception(), task.origin_);
    if (task.is_async_) close_part(task);  // as documented: what throws is not completed
  }
  held_cores = before;
}

void Scheduler::work(Worker& me) {
  while (true) {
    me.parker.wait(me.number == 0 && cores_ > 1 ? kSpinNs : 0);
    Task* task = me.task;  // null: the signal says stop
    if (!task) return;
    while (task) task = finish_run(*task, me);
    std::lock_guard lock(mutex_);
    if (stopped_ && !me.task) return;
  }
}

Task* Scheduler::finish_run(Task& task, Worker& me) {
  const int64_t begin = Native::now_ns();
  execute(task, me.threads);
  const int64_t bytes = task.bytes_;
  const bool done = close_part(task);
  Task* next = nullptr;
  {
    Wakes wakes;
    std::lock_guard lock(mutex_);
    busy_ns_ += (Native::now_ns() - begin) * me.threads;
    free_cores_ += me.threads;
    if (done) settle(task, wakes);
    me.idle = true;
    me.task = nullptr;
    dispatch(wakes, &me);
    next = me.task;
  }
  if (done) {
    delete &task;  // may release arrays: never under the mutex
    Wakes wakes;
    std::lock_guard lock(mutex_);
    leave(bytes, 1, wakes);
  }
  return next;
}

void Scheduler::complete(Task* task, std::exception_ptr failure) {
  if (failure) task->outcome_ = with_origin(failure, task->origin_);
  if (!close_part(*task) || is_serial()) return;
  const int64_t bytes = task->bytes_;
  {
    Wakes wakes;
    std::lock_guard lock(mutex_);
    settle(*task, wakes);
    dispatch(wakes);
  }
  delete task;
  Wakes wakes;
  std::lock_guard lock(mutex_);
  leave(bytes, 1, wakes);
}

void Scheduler::released(Var& var) {
  Wakes wakes;
  std::lock_guard lock(mutex_);
  ledger_.advance(var, [&](Request<Native>& r) { grant(r, wakes); });
  dispatch(wakes);
}

}  // namespace plait::engine
