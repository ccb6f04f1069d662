// Prints what an empty task costs; tests/bench/engine.py reads the numbers.
#include <algorithm>
#include <cstdio>
#include <memory>

#include "engine/engine.h"
#include "engine/threaded_test.h"
#include "testing.h"

using namespace plait;
using engine::Var;
using engine::Vars;
using plait::Native;

namespace {

class Empty final : public engine::Task {
 public:
  Empty(Var& var, double cost_ns) {
    writes_.push_back(&var);
    cost_ns_ = cost_ns;
  }
  void run(int) override {}
  const char* name() const override { return "empty"; }
};

// Nanoseconds of one of `n` calls: the smallest of some rounds.
template <class F>
double best_ns(int n, const F& f) {
  double best = 1e18;
  for (int round = 0; round < 10; ++round) {
    const int64_t begin = Native::now_ns();
    for (int i = 0; i < n; ++i) f();
    best = std::min(best, static_cast<double>(Native::now_ns() - begin) / n);
  }
  return best;
}

void print(const char* what, double ns) { std::printf("%-48s %8.0f ns\n", what, ns); }

}  // namespace

THREADED_TEST(engine_cost_of_an_empty_task) {
  Var a, b, c;
  const Vars reads{&a, &b}, writes{&c};
  int64_t held = 0;
  print("inline: two reads and a write taken, given back", best_ns(20000, [&] {
          const engine::InlineGuard guard(reads, writes);
          held += guard.held();
        }));
  CHECK_EQ(held, 200000);
  print("inline: task made, pushed and waited for", best_ns(20000, [&] {
          engine::push(std::make_unique<Empty>(c, 1));
          engine::wait_to_read(c);
        }));
  print("in the calling thread, as a task", best_ns(2000, [&] {
          engine::push(std::make_unique<Empty>(c, 2.0 * engine::inline_limit_ns()));
          engine::wait_to_read(c);
        }));
  print("handed over: pushed and waited for", best_ns(2000, [&] {
          engine::push(std::make_unique<Empty>(c, 0));
          engine::wait_to_read(c);
        }));
  print("handed over: 100 in a row, each", best_ns(20, [&] {
                                             for (int i = 0; i < 100; ++i)
                                               engine::push(std::make_unique<Empty>(c, 0));
                                             engine::wait_to_read(c);
                                           }) / 100);
  print("measured time to wake a worker (inline limit)", engine::inline_limit_ns());
  engine::wait_all();
  CHECK_EQ(engine::stats().pending, 0);
}
