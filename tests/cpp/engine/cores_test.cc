// Which cores and threads tasks get.
#include <array>
#include <atomic>
#include <thread>
#include <vector>

#include "base/error.h"
#include "engine/engine.h"
#include "engine/job.h"
#include "engine/loan.h"
#include "engine/threaded_test.h"
#include "testing.h"

using namespace plait;
using engine::Var;
using engine::Vars;
using plait::testing::Drain, plait::testing::Job, plait::testing::job, plait::testing::nap,
    plait::testing::push;

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
  std::atomic<int> begun{0};
  const int64_t bulk = engine::set_bulk_size(4);
  for (size_t i = 0; i < 4; ++i) {
    engine::push(std::make_unique<Job>(Vars{}, Vars{&vars[i]}, [&, i](int n) {
      threads[i] = n;
      for (++begun; begun < 4;) nap();
    }));
  }
  engine::set_bulk_size(bulk);
  engine::wait_all();
  CHECK((threads == std::array<int, 4>{1, 1, 1, 1}));
  engine::push(std::make_unique<Job>(Vars{}, Vars{&vars[0]}, [&](int n) { threads[0] = n; }));
  engine::wait_all();
  CHECK_EQ(threads[0], 4);
  engine::set_num_threads(before);
}

THREADED_TEST(engine_task_lends_its_core_while_it_waits) {
  const int before = engine::set_num_threads(1);
  std::atomic<bool> has_run{false}, has_seen{false};
  {
    Var a, b;
    const Drain drain;
    push({}, {&a}, [&] {
      const engine::CoreLoan loan;
      for (int i = 0; i < 2000 && !has_run; ++i) nap();
      has_seen = has_run.load();
    });
    push({}, {&b}, [&] { has_run = true; });
  }
  CHECK(has_seen);
  engine::set_num_threads(before);
}

TEST(engine_gives_no_more_cores_than_a_task_is_worth) {
  CHECK_EQ(engine::cores_for(0, 8), 8);  // unknown
  CHECK_EQ(engine::cores_for(1, 8), 1);
  CHECK_EQ(engine::cores_for(35000, 8), 3);
  CHECK_EQ(engine::cores_for(35000, 2), 2);
  CHECK_EQ(engine::cores_for(1e18, 8), 8);
}

THREADED_TEST(engine_shares_cores_among_tasks_that_are_no_multiple_of_them) {
  const int before = engine::set_num_threads(2);
  std::vector<Var> vars(3);
  const Drain drain;
  std::array<int, 3> threads{};
  std::atomic<int> narrow{0};
  engine::inline_limit_ns();          // measured once, with tasks that need a core
  std::atomic<bool> all_wait{false};  // for the first task, so that they are ready at once
  engine::push(job({}, {&vars[0], &vars[1], &vars[2]}, [&] {
    while (!all_wait) nap();
  }));
  for (size_t i = 0; i < 3; ++i) {
    auto task = std::make_unique<Job>(Vars{}, Vars{&vars[i]}, [&, i](int n) {
      threads[i] = n;
      if (n == 1) {
        for (++narrow; narrow < 2;) nap();
      }
    });
    task->cost_ns_ = 1e6;
    engine::push(std::move(task));
  }
  all_wait = true;
  engine::wait_all();
  CHECK((threads == std::array<int, 3>{2, 1, 1}));
  engine::set_num_threads(before);
}

THREADED_TEST(engine_runs_short_tasks_in_a_thread_that_waits) {
  const int before = engine::set_num_threads(1);
  std::vector<Var> vars(4);
  const Drain drain;
  std::vector<std::thread::id> where;
  const int64_t bulk = engine::set_bulk_size(100);
  for (Var& v : vars) {
    auto task = job({}, {&v}, [&] { where.push_back(std::this_thread::get_id()); });
    task->cost_ns_ = 1e5;
    engine::push(std::move(task));
  }
  engine::wait_to_read(vars[3]);
  engine::set_bulk_size(bulk);
  CHECK((where == std::vector<std::thread::id>(4, std::this_thread::get_id())));
  engine::set_num_threads(before);
}

THREADED_TEST(engine_keeps_a_core_for_the_thread_that_pushes_a_bundle) {
  const int before = engine::set_num_threads(2);
  std::vector<Var> vars(2);
  const Drain drain;
  std::atomic<int> begun{0};
  std::array<std::thread::id, 2> where;
  const int64_t bulk = engine::set_bulk_size(2);
  for (size_t i = 0; i < 2; ++i) {
    auto task = job({}, {&vars[i]}, [&, i] {
      where[i] = std::this_thread::get_id();
      for (++begun; begun < 2;) nap();
    });
    task->cost_ns_ = 1e5;
    engine::push(std::move(task));
  }
  while (begun == 0) nap();
  nap();
  CHECK_EQ(begun.load(), 1);
  engine::wait_to_read(vars[1]);
  engine::set_bulk_size(bulk);
  CHECK(where[0] != std::this_thread::get_id());
  CHECK(where[1] == std::this_thread::get_id());
  engine::set_num_threads(before);
}

// The task might wait for what this thread holds.
THREADED_TEST(engine_runs_no_task_within_inline_work) {
  const int before = engine::set_num_threads(1);
  Var held, var;
  const Drain drain;
  std::thread::id where;
  const int64_t bulk = engine::set_bulk_size(100);
  auto task = job({}, {&var}, [&] { where = std::this_thread::get_id(); });
  task->cost_ns_ = 1e5;
  engine::push(std::move(task));
  {
    const Vars none{}, writes{&held};
    const engine::InlineGuard guard(none, writes);
    CHECK(guard.held());
    engine::wait_to_read(var);
  }
  engine::set_bulk_size(bulk);
  CHECK(where != std::this_thread::get_id());
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
  const double longer = static_cast<double>(engine::inline_limit_ns()) * 2;
  timed(longer);
  CHECK(where == std::this_thread::get_id());
  CHECK_EQ(cores, engine::cores_for(longer, engine::num_threads()));
  timed(1e12);
  engine::wait_to_read(var);
  CHECK(where != std::this_thread::get_id());
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
