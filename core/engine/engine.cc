#include "engine/engine.h"

#include <algorithm>
#include <cstdlib>

#include "base/env.h"
#include "base/error.h"
#include "engine/cost.h"
#include "engine/internal.h"
#include "engine/profile.h"
#include "engine/scheduler.h"

namespace plait::engine {
namespace {

// Estimates assume that memory is in no cache: work of this length takes half as long.
constexpr int64_t kLeastHandoverNs = 12000;

std::atomic<bool (*)()> interrupt_check{nullptr};
std::atomic<std::string (*)()> origin_source{nullptr};

class Nothing final : public Task {
 public:
  explicit Nothing(Var& var) { writes_.push_back(&var); }
  void run(int) override {}
  const char* name() const override { return "nothing"; }
};

// Time to give a task to a worker that sleeps and to see it done; the lower quartile of a few.
int64_t measure_handover_ns() {
  constexpr int64_t kMost = 20000, kUnmeasured = 20000;
  if (is_serial() || held_cores > 0) return kUnmeasured;
  Var var;
  std::array<int64_t, 8> times;
  for (int64_t& t : times) {
    const int64_t begin = Native::now_ns();
    Scheduler::instance().push(std::make_unique<Nothing>(var));
    wait_to_read(var);
    t = Native::now_ns() - begin;
    std::this_thread::sleep_for(std::chrono::microseconds(100));
  }
  std::sort(times.begin(), times.end());
  return std::clamp(times[2], kLeastHandoverNs, kMost);
}

// PLAIT_INLINE_NS, or -1.
int64_t given_limit() {
  static const int64_t given = env::get_int("PLAIT_INLINE_NS", nullptr, -1);
  return given;
}

bool run_inline(Task& task) {
  if (task.is_async_ || !(task.cost_ns_ > 0) || !is_short(task.cost_ns_)) return false;
  const InlineGuard guard(task.reads_, task.writes_);
  if (!guard.held()) return false;
  count_inlined();
  if (profile::is_on()) {
    const profile::Scope scope(task.name(), task.details(), task.reads_, task.writes_, 0, 1);
    task.run(1);
  } else {
    task.run(1);
  }
  task.let_go();
  return true;
}

}  // namespace

// Registered when the library is loaded: handlers that a program registers later, and in which it
// calls before_fork(), run before these take the mutex.
struct Scheduler::ForkHandlers {
  ForkHandlers() {
    static bool locked = false;  // false: there is no scheduler yet
    pthread_atfork(
        [] {
          locked = exists;
          if (locked) slot()->mutex_.lock();  // the child must not find it taken half-way
        },
        [] {
          if (locked) slot()->mutex_.unlock();
        },
        [] {
          gate::after_fork_child();
          if (locked) slot() = new Scheduler(slot()->cores_);  // without the threads of the parent
        });
  }
  static inline std::atomic<bool> exists{false};
};
const Scheduler::ForkHandlers Scheduler::fork_handlers;

Scheduler*& Scheduler::slot() {
  static Scheduler* scheduler = [] {
    // Workers must not run while static objects are destroyed.
    std::atexit([] { Scheduler::instance().stop(false); });
    auto* first = new Scheduler(env::num_cores());
    ForkHandlers::exists = true;
    return first;
  }();
  return scheduler;
}

Scheduler& Scheduler::instance() { return *slot(); }

int32_t make_distinct(Vars& reads, Vars& writes) {
  const auto has = [](const Vars& list, const Var* v) {
    return std::find(list.begin(), list.end(), v) != list.end();
  };
  Vars only_read, updated, only_written;
  for (Var* v : writes) {
    Vars& list = has(reads, v) ? updated : only_written;
    if (!has(list, v)) list.push_back(v);
  }
  for (Var* v : reads) {
    if (!has(only_read, v) && !has(updated, v)) only_read.push_back(v);
  }
  const auto n = static_cast<int32_t>(updated.size());
  updated.append(only_written.begin(), only_written.end());
  reads = std::move(only_read);
  writes = std::move(updated);
  return n;
}

void InlineGuard::released(Var& var) { Scheduler::instance().released(var); }

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
  } else if (!run_inline(*task)) {
    Scheduler::instance().push(std::move(task));
  }
}

int cores_for(double cost_ns, int cores) {
  constexpr double kLeastNs = 10000;
  if (!(cost_ns > 0) || cost_ns >= kLeastNs * cores) return cores;
  return std::max(1, static_cast<int>(cost_ns / kLeastNs));
}

int64_t inline_limit_ns() {
  static const int64_t limit = given_limit() >= 0 ? given_limit() : measure_handover_ns();
  return limit;
}

bool is_short(double cost_ns) {
  if (given_limit() < 0 && cost_ns < static_cast<double>(kLeastHandoverNs)) return true;
  return cost_ns < static_cast<double>(inline_limit_ns());
}

int64_t caller_limit_ns() {
  static const int64_t limit = [] {
    const int64_t given = env::get_int("PLAIT_CALLER_NS", nullptr, -1);
    return given >= 0 ? given : 50 * inline_limit_ns();
  }();
  return limit;
}

bool is_interrupted() {
  const auto check = interrupt_check.load();
  return check && check();
}

std::string origin() {
  static const bool wanted = env::get_int("PLAIT_TRACE", nullptr, 0) != 0;
  const auto source = wanted ? origin_source.load() : nullptr;
  return source ? source() : std::string();
}

std::exception_ptr with_origin(std::exception_ptr failure, const std::string& origin) {
  if (origin.empty()) return failure;
  try {
    std::rethrow_exception(failure);
  } catch (const Error& e) {
    return std::make_exception_ptr(Error(e.kind(), cat(e.what(), "\n  called from ", origin)));
  } catch (...) {
    return failure;
  }
}

void complete(Task* task, std::exception_ptr failure) {
  Scheduler::instance().complete(task, std::move(failure));
}
void wait_to_read(Var& var) { Scheduler::instance().wait(var, false); }
void wait_to_write(Var& var) { Scheduler::instance().wait(var, true); }
void wait_all() { Scheduler::instance().wait_all(); }
void set_interrupt_check(bool (*interrupted)()) { interrupt_check = interrupted; }
void set_origin(std::string (*source)()) { origin_source = source; }
void before_fork() { Scheduler::instance().hold_back(); }
void after_fork_parent() { Scheduler::instance().go_on(); }
void shutdown() { Scheduler::instance().stop(true); }
int num_threads() { return Scheduler::instance().cores(); }
int set_num_threads(int threads) {
  check(threads >= 1 && threads <= 1024, ErrorKind::kInvalidArgument,
        "set_num_threads: threads is ", threads, ", must be in [1, 1024]");
  return Scheduler::instance().set_cores(threads);
}
EngineStats stats() {
  EngineStats s = Scheduler::instance().stats();
  s.inlined = tally::total(tally::kInlinedCalls);
  return s;
}

}  // namespace plait::engine
