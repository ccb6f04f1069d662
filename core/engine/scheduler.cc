#include "engine/scheduler.h"

#include <algorithm>
#include <cstdlib>

#include "base/error.h"
#include "engine/internal.h"
#include "engine/profile.h"
#include "team/team.h"

namespace plait::engine {
namespace {

thread_local int64_t bulk_size = 0;             // see set_bulk_size
thread_local int64_t bulk_count = 0;            // pushed by this thread since workers were told
thread_local int64_t own_caller_limit_ns = -1;  // see set_caller_limit_ns

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
thread_local bool is_worker = false;

int64_t set_bulk_size(int64_t size) { return std::exchange(bulk_size, std::max<int64_t>(size, 0)); }

int64_t set_caller_limit_ns(int64_t ns) {
  return std::exchange(own_caller_limit_ns, std::max<int64_t>(ns, -1));
}

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
  if (!started_ns_) started_ns_ = Native::now_ns();
  if (!in_task) wait_for_room(lock);
  keep_room();
  owned.release();
  ++queued_;
  enter(task);
  ledger_.ask(task.request_, [&](Request<Native>& r) { grant(r, wakes); });
  if (bulk && ++bulk_count < bulk_size) return;
  bulk_count = 0;
  if (bulk) keep_core();
  dispatch(wakes);
}

// Tasks become ready where others end, and a failing allocation there would lose them.
void Scheduler::keep_room() {
  const auto all = static_cast<size_t>(pending_) + 1;
  if (ready_.capacity() < all) ready_.reserve(2 * all);
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
  const int64_t limit = own_caller_limit_ns >= 0 ? own_caller_limit_ns : caller_limit_ns();
  if (task.cost_ns_ > static_cast<double>(limit)) return false;
  int cores = 0;
  {
    std::lock_guard lock(mutex_);
    if (stopped_ || forking_ > 0 || pending_ > 0 || free_cores_ < cores_) return false;
    if (!ledger_.try_all(task.request_)) return false;
    ++in_caller_;
    enter(task);
    cores = cores_for(task.cost_ns_, cores_);
    free_cores_ -= cores;
  }
  execute(task, cores);
  task.let_go();
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
    wakes.tell(waiter.parker);
    return;
  }
  ready_.push_back(static_cast<Task*>(r.owner));
  std::push_heap(ready_.begin(), ready_.end(), less_urgent);
}

void Scheduler::Wakes::flush() {
  for (Parker<>* p : parkers_) p->set();
  parkers_.clear();
  for (; threads_ > 0; --threads_) {
    if (!team::start(work, nullptr)) work(nullptr);  // here, where the system refuses a thread
  }
}

Task* Scheduler::next_ready() {
  if (ready_.empty() || free_cores_ <= 0 || stopped_) return nullptr;
  const int ready = static_cast<int>(ready_.size());
  const int free = std::max(1, free_cores_ - kept_cores());
  std::pop_heap(ready_.begin(), ready_.end(), less_urgent);
  Task* task = ready_.back();
  ready_.pop_back();
  int share = std::max(1, free / ready);
  // Of three equal tasks on two cores the first gets both, not the last half of them.
  const bool all_free = free == cores_, has_rest = ready > cores_ && ready % cores_ > 0;
  if (all_free && has_rest && task->cost_ns_ > 0) share = cores_;
  task->cores_ = cores_for(task->cost_ns_, share);
  free_cores_ -= task->cores_;
  return task;
}

void Scheduler::keep_core() {
  constexpr int64_t kMomentNs = 50000;  // what calling a thread that sleeps would take
  if (cores_ > 1) kept_until_ns_ = Native::now_ns() + kMomentNs;
}

int Scheduler::kept_cores() const {
  return kept_until_ns_ > 0 && Native::now_ns() < kept_until_ns_ ? 1 : 0;
}

void Scheduler::dispatch(Wakes& wakes) {
  if (stopped_) return;
  const int wanted = std::min(static_cast<int>(ready_.size()), free_cores_ - kept_cores());
  for (; coming_ < wanted; ++coming_) {
    ++working_;
    wakes.start_thread();
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

template <class Next>
Task* Scheduler::run_taken(Task& task, const Next& next) {
  const int cores = task.cores_;
  const int64_t begin = Native::now_ns(), bytes = task.bytes_;
  execute(task, cores);
  const bool done = close_part(task);
  if (done) task.let_go();
  Task* following = nullptr;
  {
    Wakes wakes;
    std::lock_guard lock(mutex_);
    busy_ns_ += (Native::now_ns() - begin) * cores;
    free_cores_ += cores;
    if (done) settle(task, wakes);
    following = next();
    dispatch(wakes);
  }
  if (!done) return following;
  delete &task;  // may release arrays: never under the mutex
  Wakes wakes;
  std::lock_guard lock(mutex_);
  leave(bytes, 1, wakes);
  return following ? following : next();
}

void Scheduler::work(void*) {
  Scheduler& s = instance();
  const bool before = std::exchange(is_worker, true);
  Lock lock(s.mutex_);
  --s.coming_;
  Task* task = s.next_ready();
  lock.unlock();
  while (task) task = s.run_taken(*task, [&s] { return s.next_ready(); });
  lock.lock();
  if (--s.working_ == 0) s.all_rest_.notify_all();
  is_worker = before;
}

// Short: a wait that could end meanwhile, or Ctrl-C, loses little.
Task* Scheduler::next_short() {
  constexpr double kMostNs = 500000;
  if (ready_.empty() || forking_ > 0) return nullptr;
  const Task& first = *ready_.front();
  const bool fits = !first.is_async_ && first.cost_ns_ > 0 && first.cost_ns_ <= kMostNs;
  return fits ? next_ready() : nullptr;
}

bool Scheduler::help(Lock& lock, Wakes& wakes, const bool& done) {
  // Work of this thread would keep its variables until a task that may wait for them has ended.
  if (held_cores > 0 || is_inside_gate()) return false;
  kept_until_ns_ = 0;
  Task* task = next_short();
  if (!task) return false;
  dispatch(wakes);
  lock.unlock();
  wakes.flush();
  while (task) {
    task = run_taken(*task, [&]() -> Task* {
      if (!done) return next_short();
      keep_core();  // a program that has what it waited for will often wait for the next
      return nullptr;
    });
  }
  lock.lock();
  return true;
}

void Scheduler::complete(Task* task, std::exception_ptr failure) {
  if (failure) task->outcome_ = with_origin(failure, task->origin_);
  if (!close_part(*task) || is_serial()) return;
  task->let_go();
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
