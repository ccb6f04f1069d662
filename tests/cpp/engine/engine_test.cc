#include "engine/engine.h"

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <functional>
#include <random>
#include <stdexcept>
#include <thread>
#include <vector>

#include "base/error.h"
#include "engine/threaded_test.h"
#include "memory/pool.h"
#include "testing.h"

using namespace plait;
using engine::Var;
using engine::Vars;

namespace {

class Job : public engine::Task {
 public:
  Job(Vars reads, Vars writes, std::function<void(int)> body) : body_(std::move(body)) {
    updates_ = engine::make_distinct(reads, writes);
    reads_ = reads;
    writes_ = writes;
  }
  void run(int threads) override { body_(threads); }
  const char* name() const override { return "job"; }

 private:
  std::function<void(int)> body_;
};

std::unique_ptr<Job> job(Vars reads, Vars writes, std::function<void()> body) {
  return std::make_unique<Job>(reads, writes, [body = std::move(body)](int) { body(); });
}

void push(Vars reads, Vars writes, std::function<void()> body) {
  engine::push(job(reads, writes, std::move(body)));
}

void nap() { std::this_thread::sleep_for(std::chrono::milliseconds(5)); }

// A variable must outlive its tasks: declared after the variables, this waits for all of them.
struct Drain {
  ~Drain() {
    try {
      engine::wait_all();
    } catch (const std::exception&) {  // the test has looked at the failures it is about
    }
  }
};

// Variables with one number each, and what the numbers would be if all ran in program order.
struct World {
  explicit World(size_t n) : vars(n), values(n, 1), expected(n, 1) {}
  std::vector<Var> vars;
  std::vector<uint64_t> values, expected;

  void step(std::mt19937& random) {
    const size_t a = random() % vars.size(), b = random() % vars.size(), c = random() % vars.size();
    expected[c] = expected[c] * 3 + expected[a] * 5 + expected[b];
    push({&vars[a], &vars[b]}, {&vars[c]},
         [this, a, b, c] { values[c] = values[c] * 3 + values[a] * 5 + values[b]; });
  }
};

}  // namespace

TEST(engine_make_distinct_prefers_the_write) {
  Var a, b, c;
  Vars reads{&a, &b, &a, &b}, writes{&c, &b, &b};
  CHECK_EQ(engine::make_distinct(reads, writes), 1);
  CHECK((reads == Vars{&a}));
  CHECK((writes == Vars{&b, &c}));
}

TEST(engine_conflicting_tasks_run_in_program_order) {
  World world(7);
  const Drain drain;
  std::mt19937 random(42);
  for (int i = 0; i < 20000; ++i) world.step(random);
  for (Var& v : world.vars) engine::wait_to_read(v);
  CHECK(world.values == world.expected);
}

TEST(engine_pushes_of_several_threads_do_not_deadlock) {
  std::vector<Var> vars(4);
  const Drain drain;
  std::vector<int64_t> counts(4, 0);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      std::mt19937 random(static_cast<unsigned>(t));
      for (int i = 0; i < 3000; ++i) {
        const size_t a = random() % 4, b = random() % 4;
        push({}, {&vars[a], &vars[b]}, [&, a, b] {
          ++counts[a];
          if (b != a) ++counts[b];
        });
      }
    });
  }
  for (auto& t : threads) t.join();
  engine::wait_all();
  uint64_t versions = 0;
  int64_t total = 0;
  for (size_t i = 0; i < 4; ++i) {
    versions += vars[i].version();
    total += counts[i];
  }
  CHECK_EQ(static_cast<uint64_t>(total), versions);
}

THREADED_TEST(engine_inline_work_and_queued_work_respect_each_other) {
  Var var;
  const Drain drain;
  int64_t value = 0;
  int64_t inlined = 0;
  const Vars none{}, writes{&var};
  for (int i = 0; i < 20000; ++i) {
    if (engine::InlineGuard guard(none, writes); guard.held()) {
      ++value;
      ++inlined;
    } else {
      push({}, {&var}, [&] { ++value; });
    }
    if (i % 100 == 0) push({}, {&var}, [&] { ++value; });
  }
  engine::wait_to_read(var);
  CHECK_EQ(value, 20200);
  CHECK(inlined > 0);
}

TEST(engine_inline_work_is_refused_while_a_reader_holds_the_variable) {
  Var var;
  const Drain drain;
  const Vars none{}, one{&var};
  engine::InlineGuard first(one, none), second(one, none), writer(none, one);
  CHECK(first.held());
  CHECK(second.held());
  CHECK(!writer.held());
}

TEST(engine_readers_run_together_and_the_writer_waits_for_them) {
  Var var;
  const Drain drain;
  std::atomic<int> readers{0};
  int seen = -1;
  for (int i = 0; i < 8; ++i) {
    push({&var}, {}, [&] {
      nap();
      ++readers;
    });
  }
  push({}, {&var}, [&] { seen = readers; });
  engine::wait_to_read(var);
  CHECK_EQ(seen, 8);
}

THREADED_TEST(engine_failure_travels_to_what_depends_on_it_and_to_nothing_else) {
  Var bad, next, good;
  const Drain drain;
  bool ran = false;
  push({}, {&bad}, [] { throw std::runtime_error("broken"); });
  push({&bad}, {&next}, [&] { ran = true; });
  push({}, {&good}, [] {});
  engine::wait_to_read(good);
  CHECK_THROWS(engine::wait_to_read(next), std::runtime_error, "broken");
  CHECK_THROWS(engine::wait_to_read(bad), std::runtime_error, "broken");
  CHECK(!ran);
  push({}, {&bad}, [] {});
  engine::wait_to_read(bad);
  engine::wait_all();
}

THREADED_TEST(engine_wait_all_reports_a_failure_once) {
  Var var;
  const Drain drain;
  push({}, {&var}, [] { throw std::runtime_error("unseen"); });
  CHECK_THROWS(engine::wait_all(), std::runtime_error, "unseen");
  engine::wait_all();
}

THREADED_TEST(engine_waiting_for_one_variable_does_not_wait_for_others) {
  Var slow, quick;
  const Drain drain;
  std::atomic<bool> release{false};
  push({}, {&slow}, [&] {
    while (!release) nap();
  });
  engine::wait_to_read(quick);
  CHECK(!release);
  release = true;
  engine::wait_to_write(slow);
}

TEST(engine_ready_tasks_never_get_more_cores_than_there_are) {
  std::vector<Var> vars(64);
  const Drain drain;
  std::atomic<int> used{0}, most{0};
  for (Var& v : vars) {
    engine::push(std::make_unique<Job>(Vars{}, Vars{&v}, [&](int threads) {
      const int now = used += threads;
      for (int m = most; now > m && !most.compare_exchange_weak(m, now);) {
      }
      std::this_thread::sleep_for(std::chrono::microseconds(200));
      used -= threads;
    }));
  }
  engine::wait_all();
  CHECK(most <= engine::num_threads());
}

TEST(engine_statistics_return_to_zero) {
  Var var;
  const Drain drain;
  for (int i = 0; i < 100; ++i) push({}, {&var}, [] {});
  engine::wait_all();
  CHECK_EQ(engine::stats().pending, 0);
  CHECK_EQ(engine::stats().bytes_pending, 0);
}

THREADED_TEST(engine_waits_can_be_interrupted) {
  Var var;
  const Drain drain;
  std::atomic<bool> release{false};
  push({}, {&var}, [&] {
    while (!release) nap();
  });
  engine::set_interrupt_check([] { return true; });
  CHECK_THROWS(engine::wait_to_read(var), Error, "interrupted");
  engine::set_interrupt_check(nullptr);
  release = true;
  engine::wait_to_read(var);
}

TEST(engine_works_in_both_processes_after_fork) {
  Var var;
  const Drain drain;
  int value = 0;
  push({}, {&var}, [&] { value = 1; });
  engine::before_fork();
  const pid_t child = fork();
  if (child == 0) {
    push({}, {&var}, [&] { value += 10; });
    engine::wait_to_read(var);
    _exit(value == 11 ? 0 : 1);
  }
  engine::after_fork_parent();
  push({}, {&var}, [&] { value += 100; });
  engine::wait_to_read(var);
  CHECK_EQ(value, 101);
  int status = 0;
  waitpid(child, &status, 0);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

// Other threads hold variables and allocate at any moment.
THREADED_TEST(engine_fork_does_not_interrupt_inline_work_of_other_threads) {
  Var var;
  const Drain drain;
  const Vars none{}, writes{&var};
  std::atomic<bool> stop{false};
  std::atomic<int> inside{0};
  std::vector<std::thread> others;
  for (int i = 0; i < 2; ++i) {
    others.emplace_back([&] {
      while (!stop) {
        if (engine::InlineGuard guard(none, writes); guard.held()) {
          ++inside;
          memory::deallocate(memory::allocate(100), 100);
          std::this_thread::sleep_for(std::chrono::microseconds(50));
          --inside;
        } else {
          push({}, {&var}, [] {});
        }
      }
    });
  }
  for (int i = 0; i < 20; ++i) {
    engine::before_fork();
    const pid_t child = fork();
    if (child == 0) {
      alarm(20);  // ends a child that hangs
      const bool quiet = inside == 0 && engine::InlineGuard(none, writes).held();
      push({}, {&var}, [] { memory::deallocate(memory::allocate(100), 100); });
      engine::wait_to_read(var);
      _exit(quiet ? 0 : 1);
    }
    engine::after_fork_parent();
    int status = 0;
    waitpid(child, &status, 0);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  }
  stop = true;
  for (auto& t : others) t.join();
}

// Handlers of other libraries may compute between before_fork() and fork().
TEST(engine_computes_for_the_thread_that_is_about_to_fork) {
  Var var;
  const Drain drain;
  int value = 0;
  engine::before_fork();
  push({}, {&var}, [&] { ++value; });
  CHECK_EQ(value, 1);
  engine::after_fork_parent();
  push({}, {&var}, [&] { ++value; });
  engine::wait_to_read(var);
  CHECK_EQ(value, 2);
}

THREADED_TEST(engine_failure_stays_in_what_was_only_changed_in_part) {
  Var var;
  const Drain drain;
  bool ran = false;
  push({}, {&var}, [] { throw std::runtime_error("broken"); });
  push({&var}, {&var}, [&] { ran = true; });  // reads and writes
  CHECK_THROWS(engine::wait_to_read(var), std::runtime_error, "broken");
  CHECK(!ran);
}

THREADED_TEST(engine_runs_urgent_tasks_first) {
  const int before = engine::set_num_threads(1);
  Var gate;
  std::vector<Var> vars(5);
  const Drain drain;
  std::vector<int> order;
  push({}, {&gate}, nap);
  for (int i = 0; i < 5; ++i) {
    auto task = job({&gate}, {&vars[static_cast<size_t>(i)]}, [&order, i] { order.push_back(i); });
    task->priority_ = i == 3 ? 7 : i == 1 ? -1 : 0;
    engine::push(std::move(task));
  }
  engine::wait_all();
  CHECK((order == std::vector<int>{3, 0, 2, 4, 1}));
  engine::set_num_threads(before);
}

THREADED_TEST(engine_shares_cores_among_tasks_of_a_bundle) {
  const int before = engine::set_num_threads(4);
  std::vector<Var> vars(4);
  const Drain drain;
  std::array<int, 4> threads{};
  const int64_t bulk = engine::set_bulk_size(4);
  for (size_t i = 0; i < 4; ++i) {
    engine::push(std::make_unique<Job>(Vars{}, Vars{&vars[i]}, [&, i](int n) { threads[i] = n; }));
  }
  engine::set_bulk_size(bulk);
  engine::wait_all();
  CHECK((threads == std::array<int, 4>{1, 1, 1, 1}));
  engine::push(std::make_unique<Job>(Vars{}, Vars{&vars[0]}, [&](int n) { threads[0] = n; }));
  engine::wait_all();
  CHECK_EQ(threads[0], 4);
  engine::set_num_threads(before);
}

THREADED_TEST(engine_wait_starts_an_unfinished_bundle) {
  Var var;
  const Drain drain;
  const int64_t bulk = engine::set_bulk_size(100);
  int value = 0;
  push({}, {&var}, [&] { value = 1; });
  engine::wait_to_read(var);
  CHECK_EQ(value, 1);
  engine::set_bulk_size(bulk);
}

THREADED_TEST(engine_runs_a_short_task_in_the_calling_thread_when_idle) {
  Var var;
  const Drain drain;
  std::thread::id where;
  int cores = 0;
  const auto timed = [&](double cost_ns) {
    auto task = std::make_unique<Job>(Vars{}, Vars{&var}, [&](int threads) {
      where = std::this_thread::get_id();
      cores = threads;
    });
    task->cost_ns_ = cost_ns;
    engine::push(std::move(task));
  };
  engine::wait_all();
  timed(1);
  CHECK(where == std::this_thread::get_id());
  CHECK_EQ(cores, 1);
  timed(static_cast<double>(engine::inline_limit_ns()) * 2);
  CHECK(where == std::this_thread::get_id());
  CHECK_EQ(cores, engine::num_threads());
  timed(1e12);
  engine::wait_to_read(var);
  CHECK(where != std::this_thread::get_id());
}

THREADED_TEST(engine_blocks_pushes_while_too_much_memory_is_queued) {
  std::vector<Var> vars(8);
  const Drain drain;
  std::atomic<int64_t> most{0};
  for (int i = 0; i < 64; ++i) {
    auto task = job({}, {&vars[static_cast<size_t>(i) % 8]}, [] {});
    task->bytes_ = int64_t{1} << 30;
    engine::push(std::move(task));
    most = std::max(most.load(), engine::stats().bytes_pending);
  }
  CHECK(most <= int64_t{3} << 30);  // the limit of 2 GiB and the task that passes it
}

TEST(engine_tasks_may_push_and_wait) {
  Var outer, inner;
  const Drain drain;
  std::atomic<int> value{0};
  for (int i = 0; i < 20; ++i) {
    push({}, {&outer}, [&] {
      push({}, {&inner}, [&] { ++value; });
      engine::wait_to_read(inner);
      ++value;
    });
  }
  engine::wait_to_read(outer);
  CHECK_EQ(value, 40);
}

TEST(engine_wait_all_inside_a_task_is_refused) {
  Var var;
  const Drain drain;
  const auto run = [&] {
    push({}, {&var}, [] { engine::wait_all(); });
    engine::wait_to_read(var);
  };
  CHECK_THROWS(run(), Error, "called by a task");
}

THREADED_TEST(engine_asynchronous_tasks_end_when_they_say_so) {
  Var var;
  const Drain drain;
  engine::Task* open = nullptr;
  std::atomic<bool> returned{false};
  const auto start = [&] {
    auto task = job({}, {&var}, [&] { returned = true; });
    task->is_async_ = true;
    open = task.get();
    returned = false;
    engine::push(std::move(task));
    while (!returned) nap();
  };
  start();
  CHECK_EQ(engine::stats().pending, 1);
  engine::complete(open, nullptr);
  engine::wait_to_read(var);
  start();
  engine::complete(open, std::make_exception_ptr(std::runtime_error("later")));
  CHECK_THROWS(engine::wait_to_read(var), std::runtime_error, "later");
}

TEST(engine_asynchronous_task_that_throws_is_over) {
  Var var;
  const Drain drain;
  const auto run = [&] {
    auto task = job({}, {&var}, [] { throw std::runtime_error("at once"); });
    task->is_async_ = true;
    engine::push(std::move(task));
    engine::wait_to_read(var);
  };
  CHECK_THROWS(run(), std::runtime_error, "at once");
}

TEST(engine_changes_its_number_of_threads_between_tasks) {
  std::vector<Var> vars(16);
  const Drain drain;
  const int before = engine::num_threads();
  std::atomic<int> done{0};
  for (int cores : {1, 3, 2, before}) {
    for (Var& v : vars) push({}, {&v}, [&] { ++done; });
    engine::set_num_threads(cores);
    CHECK_EQ(engine::stats().threads, cores);
  }
  CHECK_EQ(done, 64);
  CHECK_THROWS(engine::set_num_threads(0), Error, "in [1, 1024]");
}

TEST(engine_runs_tasks_after_shutdown) {
  Var var;
  int value = 0;
  for (int i = 0; i < 100; ++i) push({}, {&var}, [&] { ++value; });
  engine::shutdown();
  CHECK_EQ(value, 100);
  push({}, {&var}, [&] { ++value; });
  CHECK_EQ(value, 101);
  engine::set_num_threads(engine::num_threads());  // starts the workers again
}
