#include "engine/engine.h"

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <random>
#include <stdexcept>
#include <thread>
#include <vector>

#include "base/error.h"
#include "engine/job.h"
#include "engine/threaded_test.h"
#include "memory/pool.h"
#include "testing.h"

using namespace plait;
using engine::Var;
using engine::Vars;
using plait::testing::Drain, plait::testing::Job, plait::testing::job, plait::testing::nap,
    plait::testing::push;

namespace {

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

TEST(engine_tasks_let_go_before_their_variables_are_free) {
  struct Slow final : plait::testing::Job {
    void let_go() override {
      nap();
      has_let_go = true;
    }
    std::atomic<bool>& has_let_go;
    Slow(Vars writes, double cost, std::atomic<bool>& flag)
        : Job({}, writes, [](int) {}), has_let_go(flag) {
      cost_ns_ = cost;
    }
  };
  for (const double cost : {0.0, 1.0, 100000.0}) {  // queued, inline, in the calling thread
    Var var;
    const Drain drain;
    std::atomic<bool> has_let_go{false};
    engine::push(std::make_unique<Slow>(Vars{&var}, cost, has_let_go));
    engine::wait_to_read(var);
    CHECK(has_let_go);
  }
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

// The first gets both, and the last does not run alone on one.
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
