#include "team/team.h"

#include <dlfcn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "kernels/gemm.h"
#include "kernels/parallel.h"
#include "testing.h"

using namespace plait;

namespace {

template <class F>
void in_team(int threads, const F& f) {
  team::run(
      threads, [](void* data) { (*static_cast<const F*>(data))(); }, const_cast<F*>(&f));
}

bool has_libgomp() {
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    if (line.find("libgomp") != std::string::npos) return true;
  }
  return false;
}

}  // namespace

TEST(team_gives_each_thread_a_number) {
  for (int threads = 1; threads <= 5; ++threads) {
    std::vector<std::atomic<int>> seen(5);
    std::atomic<int> wrong{0};
    in_team(threads, [&] {
      wrong += team::size() != threads;
      ++seen[static_cast<size_t>(team::number())];
    });
    for (int i = 0; i < 5; ++i) CHECK_EQ(seen[static_cast<size_t>(i)].load(), i < threads);
    CHECK_EQ(wrong.load(), 0);
    CHECK_EQ(team::size(), 1);
    CHECK_EQ(team::number(), 0);
  }
}

TEST(team_within_a_team_is_the_calling_thread) {
  std::atomic<int> runs{0}, wrong{0};
  CHECK(!team::is_inside());
  in_team(3, [&] {
    const int outer = team::number();
    in_team(4, [&] {
      ++runs;
      wrong += team::size() != 1 || team::number() != 0 || !team::is_inside();
    });
    wrong += team::number() != outer || team::size() != 3;
  });
  CHECK_EQ(runs.load(), 3);
  CHECK_EQ(wrong.load(), 0);
}

TEST(team_barrier_separates_phases) {
  constexpr int kThreads = 4, kRounds = 2000;
  std::vector<int> last(kThreads);
  std::atomic<int> wrong{0};
  in_team(kThreads, [&] {
    const auto me = static_cast<size_t>(team::number());
    for (int round = 0; round < kRounds; ++round) {
      last[me] = round;
      team::barrier();
      for (int other : last) wrong += other != round;
      team::barrier();
    }
  });
  CHECK_EQ(wrong.load(), 0);
}

// Short teams of threads that fall asleep in between: a leader does the part of a helper that still
// wakes up, and each part is done once.
TEST(team_parts_are_done_once) {
  std::atomic<int> wrong{0};
  std::vector<std::thread> leaders;
  for (int t = 0; t < 2; ++t) {
    leaders.emplace_back([&, t] {
      for (int i = 0; i < 3000; ++i) {
        std::array<std::atomic<int>, 4> runs{};
        in_team(4, [&] {
          wrong += team::size() != 4;
          ++runs[static_cast<size_t>(team::number())];
        });
        for (const auto& n : runs) wrong += n.load() != 1;
        if (i % 100 == t) std::this_thread::sleep_for(std::chrono::milliseconds(1));
      }
    });
  }
  for (auto& l : leaders) l.join();
  CHECK_EQ(wrong.load(), 0);
  CHECK_EQ(team::number(), 0);
}

// Helpers wander between leaders and are never more than were needed at one time.
TEST(team_may_be_led_by_any_thread) {
  const int before = team::num_helpers();
  std::atomic<int64_t> sum{0};
  std::vector<std::thread> leaders;
  for (int t = 0; t < 3; ++t) {
    leaders.emplace_back([&] {
      for (int i = 0; i < 2000; ++i) {
        kernels::parallel_for(3, 30, 1, [&](int64_t begin, int64_t end) { sum += end - begin; });
      }
    });
  }
  for (auto& l : leaders) l.join();
  CHECK_EQ(sum.load(), 3 * 2000 * 30);
  CHECK(team::num_helpers() <= std::max(before, 6));
}

TEST(team_takes_each_piece_once) {
  for (const int64_t n : {0, 1, 9, 10, 11, 1003}) {
    std::vector<std::atomic<int>> seen(static_cast<size_t>(n));
    kernels::parallel_pieces(3, n, 10, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) ++seen[static_cast<size_t>(i)];
    });
    CHECK(std::all_of(seen.begin(), seen.end(), [](const auto& times) { return times == 1; }));
  }
}

TEST(team_starts_work_in_another_thread_which_may_lead_a_team) {
  struct Result {
    std::thread::id thread;
    int size = 0;
    bool was_inside = true;
    std::atomic<int> members{0};
    std::atomic<bool> done{false};
  };
  for (int i = 0; i < 100; ++i) {
    Result result;
    const bool started = team::start(
        [](void* data) {
          Result& r = *static_cast<Result*>(data);
          r.thread = std::this_thread::get_id();
          r.size = team::size();
          r.was_inside = team::is_inside();
          in_team(2, [&r] { ++r.members; });
          r.done = true;
        },
        &result);
    CHECK(started);
    while (!result.done) std::this_thread::yield();
    CHECK(result.thread != std::this_thread::get_id());
    CHECK_EQ(result.size, 1);
    CHECK(!result.was_inside);
    CHECK_EQ(result.members.load(), 2);
  }
  CHECK(team::num_helpers() >= 2);
}

TEST(team_works_in_both_processes_after_fork) {
  const auto count = [] {
    std::atomic<int> n{0};
    in_team(3, [&] { ++n; });
    return n.load();
  };
  CHECK_EQ(count(), 3);
  const pid_t child = fork();
  if (child == 0) {
    _exit(count() == 3 && team::num_helpers() == 2 ? 0 : 1);
  }
  CHECK_EQ(count(), 3);
  int status = 0;
  waitpid(child, &status, 0);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

TEST(team_runs_onednn) {
  const kernels::Gemm g{.m = 300, .n = 200, .k = 100};
  const std::vector<float> x(300 * 100, 0.5f), y(100 * 200, 2.0f);
  std::vector<float> c(300 * 200);
  kernels::gemm(g, DType::kFloat32, x.data(), y.data(), nullptr, c.data(), 3);
  for (float v : c) CHECK_EQ(v, 100.0f);
  CHECK_EQ(team::limit(), 1);
  if (!has_libgomp()) CHECK(team::num_helpers() >= 2);
}

// What GCC's code for a loop with a static schedule calls.
TEST(team_shares_out_the_iterations_of_openmp_loops) {
  using Start = bool (*)(long, long, long, long, long*, long*);
  using Next = bool (*)(long*, long*);
  const auto start = reinterpret_cast<Start>(dlsym(RTLD_DEFAULT, "GPLT_loop_static_start"));
  const auto next = reinterpret_cast<Next>(dlsym(RTLD_DEFAULT, "GPLT_loop_static_next"));
  if (!start) return;  // oneDNN of the system
  for (const auto& [first, last, step, chunk] : {std::array{0L, 10L, 1L, 0L},
                                                 {3, 50, 4, 0},
                                                 {10, 0, -3, 0},
                                                 {0, 23, 1, 2},
                                                 {0, 1, 1, 0},
                                                 {20, -1, -2, 3},
                                                 {5, 5, 1, 0}}) {
    std::vector<std::atomic<int>> seen(60);
    in_team(3, [&, first = first, last = last, step = step, chunk = chunk] {
      long from = 0, to = 0;
      for (bool more = start(first, last, step, chunk, &from, &to); more; more = next(&from, &to)) {
        for (long i = from; step > 0 ? i < to : i > to; i += step) ++seen[static_cast<size_t>(i)];
      }
    });
    for (long i = 0; i < 60; ++i) {
      const bool in = step > 0 ? i >= first && i < last && (i - first) % step == 0
                               : i <= first && i > last && (first - i) % -step == 0;
      CHECK_EQ(seen[static_cast<size_t>(i)].load(), in);
    }
  }
}
