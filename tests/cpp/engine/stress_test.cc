// Random task graphs against a serial oracle: several pushing threads, failures, asynchronous
// tasks, inline work, bundles, priorities, naps, and variables that are dropped while tasks still
// use them.
//
//   PLAIT_TEST_SEED=7 PLAIT_STRESS_SECONDS=600 plait_tests engine_random_graphs_equal_the_oracle
#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <memory>
#include <mutex>
#include <random>
#include <stdexcept>
#include <thread>
#include <vector>

#include "base/env.h"
#include "engine/engine.h"
#include "engine/threaded_test.h"
#include "testing.h"

using namespace plait;
using engine::Var;
using engine::Vars;

namespace {

struct Cell {
  Var var;
  uint64_t value = 1;
};
using CellRef = std::shared_ptr<Cell>;

// Ends asynchronous tasks in a thread of its own.
class Completer {
 public:
  Completer() : thread_([this] { loop(); }) {}
  ~Completer() {
    {
      std::lock_guard lock(mutex_);
      stop_ = true;
    }
    signal_.notify_one();
    thread_.join();
  }
  void add(engine::Task* task, bool fails) {
    {
      std::lock_guard lock(mutex_);
      open_.push_back({task, fails});
    }
    signal_.notify_one();
  }

 private:
  struct Open {
    engine::Task* task;
    bool fails;
  };
  void loop() {
    std::unique_lock lock(mutex_);
    while (true) {
      signal_.wait(lock, [&] { return stop_ || !open_.empty(); });
      if (open_.empty()) return;
      std::vector<Open> batch;
      batch.swap(open_);
      lock.unlock();
      for (const Open& o : batch) {
        engine::complete(o.task, o.fails ? std::make_exception_ptr(std::runtime_error("late"))
                                         : std::exception_ptr());
      }
      lock.lock();
    }
  }

  std::mutex mutex_;
  std::condition_variable signal_;
  std::vector<Open> open_;
  bool stop_ = false;
  std::thread thread_;
};

// target = target * 3 + sum of the sources, or only the sum if `overwrites`.
class Mix final : public engine::Task {
 public:
  Mix(std::vector<CellRef> from, CellRef to, bool overwrites, bool fails, int nap_us)
      : from_(std::move(from)),
        to_(std::move(to)),
        overwrites_(overwrites),
        fails_(fails),
        nap_us_(nap_us) {
    for (const CellRef& c : from_) reads_.push_back(&c->var);
    if (!overwrites_) reads_.push_back(&to_->var);
    writes_.push_back(&to_->var);
    updates_ = engine::make_distinct(reads_, writes_);
  }
  void run(int) override {
    if (nap_us_ > 0) std::this_thread::sleep_for(std::chrono::microseconds(nap_us_));
    if (fails_ && !is_async_) throw std::runtime_error("on purpose");
    uint64_t sum = 0;
    for (const CellRef& c : from_) sum += c->value;
    to_->value = overwrites_ ? sum : to_->value * 3 + sum;
    if (is_async_) completer_->add(this, fails_);
  }
  const char* name() const override { return "mix"; }
  void make_async(Completer& completer) {
    is_async_ = true;
    completer_ = &completer;
  }

 private:
  std::vector<CellRef> from_;
  CellRef to_;
  bool overwrites_, fails_;
  int nap_us_;
  Completer* completer_ = nullptr;
};

class Add final : public engine::Task {
 public:
  explicit Add(std::vector<CellRef> to) : to_(std::move(to)) {
    for (const CellRef& c : to_) writes_.push_back(&c->var);
    engine::make_distinct(reads_, writes_);
  }
  void run(int) override {
    for (Var* v : writes_) {
      for (const CellRef& c : to_) {
        if (&c->var != v) continue;
        ++c->value;
        break;
      }
    }
  }
  const char* name() const override { return "add"; }

 private:
  std::vector<CellRef> to_;
};

// One pushing thread: its own cells follow the oracle step by step.
class Pusher {
 public:
  Pusher(uint64_t seed, std::vector<CellRef>& shared, Completer& completer)
      : random_(seed), shared_(shared), added_(shared.size(), 0), completer_(completer) {
    for (int i = 0; i < 40; ++i) cells_.push_back({std::make_shared<Cell>(), 1, false});
  }

  void steps(int n) {
    for (int i = 0; i < n; ++i) {
      ++tasks_;
      switch (pick(16)) {
        case 0: compare(pick(cells_.size())); break;
        case 1: cells_[pick(cells_.size())] = {std::make_shared<Cell>(), 1, false}; break;
        case 2:
        case 3: add(); break;
        case 4: engine::set_bulk_size(pick(3) ? 0 : static_cast<int64_t>(pick(8))); break;
        case 5: inline_step(); break;
        default: mix(); break;
      }
    }
    engine::set_bulk_size(0);
    for (size_t i = 0; i < cells_.size(); ++i) compare(i);
  }
  const std::vector<uint64_t>& added() const { return added_; }
  int64_t tasks() const { return tasks_; }

 private:
  struct Tracked {
    CellRef cell;
    uint64_t value;
    bool failed;
  };

  size_t pick(size_t n) { return random_() % n; }

  void mix() {
    std::vector<size_t> from;
    for (size_t i = pick(4); i > 0; --i) from.push_back(pick(cells_.size()));
    Tracked& to = cells_[pick(cells_.size())];
    const bool overwrites = pick(3) == 0, fails = pick(50) == 0;
    std::vector<CellRef> sources;
    uint64_t sum = 0;
    bool failed = fails || (!overwrites && to.failed);
    for (size_t i : from) {
      sources.push_back(cells_[i].cell);
      sum += cells_[i].value;
      failed = failed || cells_[i].failed;
    }
    auto task = std::make_unique<Mix>(sources, to.cell, overwrites, fails,
                                      pick(200) ? 0 : static_cast<int>(pick(300)));
    if (pick(20) == 0) task->make_async(completer_);
    task->priority_ = static_cast<int32_t>(pick(5)) - 2;
    if (pick(4) == 0) task->cost_ns_ = fails ? 0 : static_cast<double>(1 << pick(24));
    to.value = overwrites ? sum : to.value * 3 + sum;
    to.failed = failed;
    engine::push(std::move(task));
  }

  void add() {
    std::vector<CellRef> to;
    for (size_t i = 1 + pick(3); i > 0; --i) {
      const size_t s = pick(shared_.size());
      if (std::find(to.begin(), to.end(), shared_[s]) == to.end()) ++added_[s];
      to.push_back(shared_[s]);
    }
    engine::push(std::make_unique<Add>(to));
  }

  void inline_step() {
    Tracked& a = cells_[pick(cells_.size())];
    Tracked& b = cells_[pick(cells_.size())];
    if (&a == &b) return;
    const Vars reads{&a.cell->var}, writes{&b.cell->var};
    const engine::InlineGuard guard(reads, writes);
    if (!guard.held()) return;
    b.cell->value += a.cell->value;
    b.value += a.value;
  }

  void compare(size_t i) {
    Tracked& t = cells_[i];
    bool failed = false;
    try {
      engine::wait_to_read(t.cell->var);
    } catch (const std::runtime_error&) {
      failed = true;
    }
    CHECK_EQ(failed, t.failed);
    if (failed) return;
    // A reader of its own: the value may be read only while the variable is held.
    const Vars reads{&t.cell->var}, none{};
    const engine::InlineGuard guard(reads, none);
    CHECK(guard.held());
    CHECK_EQ(t.cell->value, t.value);
  }

  std::mt19937_64 random_;
  std::vector<Tracked> cells_;
  std::vector<CellRef>& shared_;
  std::vector<uint64_t> added_;
  Completer& completer_;
  int64_t tasks_ = 0;
};

int64_t round_of(uint64_t seed, int threads, int steps) {
  Completer completer;
  std::vector<CellRef> shared;
  for (int i = 0; i < 6; ++i) shared.push_back(std::make_shared<Cell>());
  std::vector<std::unique_ptr<Pusher>> pushers;
  for (int i = 0; i < threads; ++i) {
    pushers.push_back(std::make_unique<Pusher>(seed + static_cast<uint64_t>(i), shared, completer));
  }
  std::vector<std::exception_ptr> failures(pushers.size());
  std::vector<std::thread> running;
  for (size_t i = 0; i < pushers.size(); ++i) {
    running.emplace_back([&, i] {
      try {
        pushers[i]->steps(steps);
      } catch (...) {
        failures[i] = std::current_exception();
      }
    });
  }
  for (std::thread& t : running) t.join();
  try {
    engine::wait_all();
  } catch (const std::runtime_error&) {  // those on purpose
  }
  for (const std::exception_ptr& f : failures) {
    if (f) std::rethrow_exception(f);
  }
  int64_t tasks = 0;
  for (size_t s = 0; s < shared.size(); ++s) {
    uint64_t expected = 1;
    for (const auto& p : pushers) expected += p->added()[s];
    CHECK_EQ(shared[s]->value, expected);
  }
  for (const auto& p : pushers) tasks += p->tasks();
  CHECK_EQ(engine::stats().pending, 0);
  return tasks;
}

}  // namespace

THREADED_TEST(engine_random_graphs_equal_the_oracle) {
  using Clock = std::chrono::steady_clock;
  const auto seed = static_cast<uint64_t>(env::get_int("PLAIT_TEST_SEED", nullptr, 1));
  const auto seconds = std::chrono::seconds(env::get_int("PLAIT_STRESS_SECONDS", nullptr, 0));
  const int before = engine::set_num_threads(4);
  const auto end = Clock::now() + seconds;
  int64_t tasks = 0;
  uint64_t round = 0;
  do {
    tasks += round_of(seed + 1000 * round, 1 + static_cast<int>(round % 4), 5000);
    ++round;
  } while (Clock::now() < end || round < 2);
  std::printf("%lld steps in %llu rounds\n", static_cast<long long>(tasks),
              static_cast<unsigned long long>(round));
  engine::set_num_threads(before);
}
