#include <omp.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <queue>
#include <thread>
#include <vector>

#include "base/env.h"
#include "base/error.h"
#include "engine/engine.h"

// The protocol.
//
// A Var's word holds the number of readers, a writer bit and two flags. Small work takes its
// variables with one compare-and-swap each and never waits (InlineGuard). Everything else queues: a
// push appends the task to the queues of all its variables under one mutex, so two pushes cannot
// see each other half done, and sets kQueued in each word. While kQueued is set nobody can take the
// variable inline, so its word only falls: a release either happens before the flag was set, and
// the queue sees the lower word, or sees the flag, takes the mutex and moves the queue on.
// A queue moves on while its head can be granted: a reader when there is no writer, a writer when
// there is nobody. A task is ready when all its variables are granted. Waits are entries that are
// signalled at the head and hold nothing.
namespace plait::engine {

struct Waiter {
  std::mutex mutex;
  std::condition_variable signal;
  bool done = false;
  std::exception_ptr failure;
};

struct Var::Waiting {
  Task* task = nullptr;  // null: a wait
  std::shared_ptr<Waiter> waiter;
  bool is_write = false;
  Waiting* next = nullptr;
};

namespace {

thread_local int allowed_threads = 1;
thread_local bool is_worker = false;
std::atomic<int64_t> inlined_count{0};
std::atomic<bool (*)()> interrupt_check{nullptr};

struct ByPriority {
  template <class T>
  bool operator()(const T& a, const T& b) const {
    return a.priority != b.priority ? a.priority < b.priority : a.sequence > b.sequence;
  }
};

}  // namespace

class Scheduler {
 public:
  static Scheduler& instance() { return *slot(); }
  // After fork the child starts afresh: the threads of the old scheduler do not exist there.
  static void replace() { slot() = new Scheduler; }

  void push(std::unique_ptr<Task> owned) {
    Task* task = owned.get();
    std::unique_lock lock(mutex_);
    if (stopped_) {
      lock.unlock();
      run_serially(*task);
      return;
    }
    start_threads();
    if (!is_worker) wait_for_room(lock);
    owned.release();
    ++pending_;
    ++queued_;
    bytes_pending_ += task->bytes_;
    task->sequence_ = ++sequence_;
    for (Var* v : task->writes_) v->bump_version();
    task->missing_ = static_cast<int32_t>(task->reads_.size() + task->writes_.size());
    for (Var* v : task->reads_) enqueue(*v, new Var::Waiting{task, nullptr, false, nullptr});
    for (Var* v : task->writes_) enqueue(*v, new Var::Waiting{task, nullptr, true, nullptr});
    if (task->missing_ == 0) {
      make_ready(task);
    } else {
      for (Var* v : task->reads_) advance(*v);
      for (Var* v : task->writes_) advance(*v);
    }
    wake_workers();
  }

  // A variable was released by inline work while somebody waited.
  void released(Var& var) {
    std::lock_guard lock(mutex_);
    advance(var);
    wake_workers();
  }

  void wait(Var& var, bool for_write) {
    const uint64_t s = var.state_.load(std::memory_order_acquire);
    const uint64_t busy =
        Var::kWriter | Var::kQueued | Var::kFailed | (for_write ? Var::kReaders : 0);
    if (!(s & busy)) return;
    auto waiter = std::make_shared<Waiter>();
    {
      std::lock_guard lock(mutex_);
      enqueue(var, new Var::Waiting{nullptr, waiter, for_write, nullptr});
      advance(var);
      wake_workers();
    }
    std::unique_lock lock(waiter->mutex);
    while (!waiter->done) {
      waiter->signal.wait_for(lock, std::chrono::milliseconds(50));
      if (!waiter->done) check_interrupt();
    }
    if (waiter->failure) std::rethrow_exception(waiter->failure);
  }

  void wait_all() {
    std::unique_lock lock(mutex_);
    while (pending_ > 0) {
      idle_.wait_for(lock, std::chrono::milliseconds(50));
      if (pending_ > 0) {
        lock.unlock();
        check_interrupt();
        lock.lock();
      }
    }
    if (std::exception_ptr failure = std::exchange(first_failure_, nullptr)) {
      lock.unlock();
      std::rethrow_exception(failure);
    }
  }

  void run_serially(Task& task) {
    for (Var* v : task.reads_) wait(*v, false);
    for (Var* v : task.writes_) v->bump_version();
    const int before = std::exchange(allowed_threads, env::num_cores());
    omp_set_num_threads(allowed_threads);
    try {
      task.run(allowed_threads);
    } catch (...) {
      allowed_threads = before;
      throw;
    }
    allowed_threads = before;
  }

  void stop() {
    try {
      wait_all();
    } catch (...) {  // a failure that nobody asked for ends with the process
    }
    {
      std::lock_guard lock(mutex_);
      stopped_ = true;
    }
    work_.notify_all();
    for (std::thread& t : threads_) t.join();
    threads_.clear();
  }

  void drain_and_lock() {
    std::unique_lock lock(mutex_);
    idle_.wait(lock, [&] { return pending_ == 0; });
    lock.release();  // held until unlock(): the child must not find it taken half-way
  }
  void unlock() { mutex_.unlock(); }

  EngineStats stats() {
    std::lock_guard lock(mutex_);
    return {inlined_count.load(), queued_, pending_, bytes_pending_,
            static_cast<int32_t>(threads_.size())};
  }

 private:
  struct Ready {
    Task* task;
    int32_t priority;
    uint64_t sequence;
  };

  static Scheduler*& slot() {
    static Scheduler* scheduler = new Scheduler;
    return scheduler;
  }

  static void check_interrupt() {
    const auto interrupted = interrupt_check.load();
    if (interrupted && interrupted()) fail(ErrorKind::kCallback, "wait: interrupted");
  }

  void start_threads() {
    if (!threads_.empty()) return;
    for (int i = 0; i < cores_; ++i) threads_.emplace_back([this] { work(); });
  }

  void wait_for_room(std::unique_lock<std::mutex>& lock) {
    const auto full = [&] {
      return pending_ > 0 && (pending_ >= max_pending_ || bytes_pending_ >= max_bytes_);
    };
    while (full()) {
      room_.wait_for(lock, std::chrono::milliseconds(50));
      if (!full()) break;
      lock.unlock();
      check_interrupt();
      lock.lock();
    }
  }

  void enqueue(Var& var, Var::Waiting* entry) {
    var.state_.fetch_or(Var::kQueued, std::memory_order_acq_rel);
    (var.tail_ ? var.tail_->next : var.head_) = entry;
    var.tail_ = entry;
  }

  void advance(Var& var) {
    while (Var::Waiting* head = var.head_) {
      const uint64_t s = var.state_.load(std::memory_order_acquire);
      const bool busy = s & (Var::kWriter | (head->is_write ? Var::kReaders : 0));
      if (busy) return;
      if (head->task) {
        if (head->is_write) {
          var.state_.fetch_or(Var::kWriter, std::memory_order_acq_rel);
        } else {
          var.state_.fetch_add(1, std::memory_order_acq_rel);
        }
        if (--head->task->missing_ == 0) make_ready(head->task);
      } else {
        std::lock_guard lock(head->waiter->mutex);
        head->waiter->failure = var.failure_;
        if (var.failure_ && var.failure_ == first_failure_) first_failure_ = nullptr;
        head->waiter->done = true;
        head->waiter->signal.notify_all();
      }
      var.head_ = head->next;
      delete head;
    }
    var.tail_ = nullptr;
    var.state_.fetch_and(~Var::kQueued, std::memory_order_acq_rel);
  }

  void make_ready(Task* task) { ready_.push({task, task->priority_, task->sequence_}); }

  void wake_workers() {
    if (!ready_.empty() && sleeping_ > 0) work_.notify_one();
  }

  // One ready task gets all free cores, several get one each.
  void work() {
    is_worker = true;
    std::unique_lock lock(mutex_);
    while (true) {
      if (ready_.empty() || free_cores_ == 0) {
        if (stopped_) return;
        ++sleeping_;
        work_.wait(lock);
        --sleeping_;
        continue;
      }
      Task* task = ready_.top().task;
      ready_.pop();
      const int threads = ready_.empty() ? free_cores_ : 1;
      free_cores_ -= threads;
      wake_workers();
      run(task, threads, lock);
      free_cores_ += threads;
    }
  }

  // Called and left with the mutex held.
  void run(Task* task, int threads, std::unique_lock<std::mutex>& lock) {
    std::exception_ptr failure;
    for (Var* v : task->reads_) {
      if (v->failure_ && !failure) failure = v->failure_;
    }
    if (!failure) {
      lock.unlock();
      allowed_threads = threads;
      omp_set_num_threads(threads);
      try {
        task->run(threads);
      } catch (...) {
        failure = std::current_exception();
      }
      lock.lock();
      if (failure && !first_failure_) first_failure_ = failure;
    }
    for (Var* v : task->reads_) {
      if (v->end_read()) advance(*v);
    }
    for (Var* v : task->writes_) {
      v->failure_ = failure;
      if (failure) {
        v->state_.fetch_or(Var::kFailed, std::memory_order_acq_rel);
      } else {
        v->state_.fetch_and(~Var::kFailed, std::memory_order_acq_rel);
      }
      if (v->end_write()) advance(*v);
    }
    const int64_t bytes = task->bytes_;
    wake_workers();
    lock.unlock();
    delete task;  // may release arrays: never under the mutex
    lock.lock();
    bytes_pending_ -= bytes;
    if (--pending_ == 0) idle_.notify_all();
    room_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable work_, idle_, room_;
  std::priority_queue<Ready, std::vector<Ready>, ByPriority> ready_;
  std::vector<std::thread> threads_;
  const int cores_ = env::num_cores();
  int free_cores_ = cores_;
  int sleeping_ = 0;
  bool stopped_ = false;
  int64_t pending_ = 0, queued_ = 0, bytes_pending_ = 0;
  uint64_t sequence_ = 0;
  std::exception_ptr first_failure_;  // not reported by any wait yet
  const int64_t max_pending_ = env::get_int("PLAIT_MAX_PENDING", nullptr, 20000);
  const int64_t max_bytes_ = env::get_int("PLAIT_MAX_PENDING_MB", nullptr, 2048) << 20;
};

Var::~Var() = default;

void make_distinct(Vars& reads, Vars& writes) {
  const auto unique = [](Vars& list, const Vars* without) {
    Vars kept;
    for (Var* v : list) {
      bool seen = std::find(kept.begin(), kept.end(), v) != kept.end();
      seen = seen || (without && std::find(without->begin(), without->end(), v) != without->end());
      if (!seen) kept.push_back(v);
    }
    list = kept;
  };
  unique(writes, nullptr);
  unique(reads, &writes);
}

InlineGuard::InlineGuard(const Vars& reads, const Vars& writes)
    : reads_(reads), writes_(writes), held_(true) {
  size_t r = 0, w = 0;
  while (r < reads.size() && reads[r]->try_read()) ++r;
  if (r == reads.size()) {
    while (w < writes.size() && writes[w]->try_write()) ++w;
  }
  if (r == reads.size() && w == writes.size()) {
    for (Var* v : writes) v->bump_version();
    return;
  }
  held_ = false;
  while (r > 0) {
    if (reads[--r]->end_read()) Scheduler::instance().released(*reads[r]);
  }
  while (w > 0) {
    if (writes[--w]->end_write()) Scheduler::instance().released(*writes[w]);
  }
}

InlineGuard::~InlineGuard() {
  if (!held_) return;
  for (Var* v : reads_) {
    if (v->end_read()) Scheduler::instance().released(*v);
  }
  for (Var* v : writes_) {
    if (v->end_write()) Scheduler::instance().released(*v);
  }
}

bool is_serial() {
  static const bool serial = [] {
    const std::string kind = env::get_string("PLAIT_ENGINE", "MXNET_ENGINE_TYPE", "threaded");
    if (kind == "naive" || kind == "NaiveEngine") return true;
    check(kind == "threaded" || kind.rfind("Threaded", 0) == 0, ErrorKind::kInvalidArgument,
          "PLAIT_ENGINE is '", kind, "', must be 'threaded' or 'naive'");
    return false;
  }();
  return serial;
}

void push(std::unique_ptr<Task> task) {
  if (is_serial()) {
    Scheduler::instance().run_serially(*task);
  } else {
    Scheduler::instance().push(std::move(task));
  }
}

int64_t inline_limit_ns() {
  static const int64_t limit = env::get_int("PLAIT_INLINE_NS", nullptr, 20000);
  return limit;
}

void wait_to_read(Var& var) { Scheduler::instance().wait(var, false); }
void wait_to_write(Var& var) { Scheduler::instance().wait(var, true); }
void wait_all() { Scheduler::instance().wait_all(); }
void set_interrupt_check(bool (*interrupted)()) { interrupt_check = interrupted; }
void before_fork() { Scheduler::instance().drain_and_lock(); }
void after_fork_parent() { Scheduler::instance().unlock(); }
void after_fork_child() { Scheduler::replace(); }
void shutdown() { Scheduler::instance().stop(); }
int current_threads() { return allowed_threads; }
EngineStats stats() { return Scheduler::instance().stats(); }
void count_inlined() { inlined_count.fetch_add(1, std::memory_order_relaxed); }

}  // namespace plait::engine
