#include "engine/engine.h"

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <random>
#include <stdexcept>
#include <thread>
#include <vector>

#include "base/error.h"
#include "testing.h"

using namespace plait;
using engine::Var;
using engine::Vars;

namespace {

class Job : public engine::Task {
 public:
  Job(Vars reads, Vars writes, std::function<void(int)> body) : body_(std::move(body)) {
    engine::make_distinct(reads, writes);
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
  Var a, b;
  Vars reads{&a, &b, &a, &b}, writes{&b, &b};
  engine::make_distinct(reads, writes);
  CHECK((reads == Vars{&a}));
  CHECK((writes == Vars{&b}));
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

TEST(engine_inline_work_and_queued_work_respect_each_other) {
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

TEST(engine_failure_travels_to_what_depends_on_it_and_to_nothing_else) {
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

TEST(engine_wait_all_reports_a_failure_once) {
  Var var;
  const Drain drain;
  push({}, {&var}, [] { throw std::runtime_error("unseen"); });
  CHECK_THROWS(engine::wait_all(), std::runtime_error, "unseen");
  engine::wait_all();
}

TEST(engine_waiting_for_one_variable_does_not_wait_for_others) {
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
  const int cores = engine::stats().workers;
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
  CHECK(most <= std::max(cores, engine::stats().workers));
}

TEST(engine_statistics_return_to_zero) {
  Var var;
  const Drain drain;
  for (int i = 0; i < 100; ++i) push({}, {&var}, [] {});
  engine::wait_all();
  CHECK_EQ(engine::stats().pending, 0);
  CHECK_EQ(engine::stats().bytes_pending, 0);
}

TEST(engine_waits_can_be_interrupted) {
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
    engine::after_fork_child();
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
