// The waits inside a team under all interleavings.
#include "team/meeting.h"

#include <array>

#include "engine/model.h"

using namespace plait::testing;

namespace {

struct CountdownOfTwo {
  plait::team::Countdown<Model> countdown;
  std::array<bool, 2> done{};

  void threads(Explorer& e) {
    countdown.begin(2);
    e.thread([this] {
      countdown.wait(0);
      CHECK(done[0] && done[1]);
    });
    for (size_t i = 0; i < 2; ++i) {
      e.thread([this, i] {
        done[i] = true;
        countdown.done();
      });
    }
  }
  void check() {}
};

// The same object again, as teams do: the end of one round may meet the next.
struct CountdownTwice {
  plait::team::Countdown<Model> countdown;
  plait::Parker<Model> start;
  int done = 0;

  void threads(Explorer& e) {
    e.thread([this] {
      for (int round = 1; round <= 2; ++round) {
        countdown.begin(1);
        start.set();
        countdown.wait(0);
        CHECK_EQ(done, round);
      }
    });
    e.thread([this] {
      for (int round = 0; round < 2; ++round) {
        start.wait(0);
        ++done;
        countdown.done();
      }
    });
  }
  void check() { CHECK_EQ(done, 2); }
};

// Nobody leaves a round before all have come to it.
template <int kThreads, int kRounds>
struct Barriers {
  plait::team::Barrier<Model> barrier;
  std::array<int, kThreads> come{};

  void threads(Explorer& e) {
    for (size_t t = 0; t < kThreads; ++t) {
      e.thread([this, t] {
        for (int round = 1; round <= kRounds; ++round) {
          come[t] = round;
          barrier.wait(kThreads, 0);
          for (int c : come) CHECK(c >= round);
        }
      });
    }
  }
  void check() {}
};

}  // namespace

// Fibers switch stacks, which the thread sanitizer cannot follow.
#ifndef __SANITIZE_THREAD__
TEST(team_countdown_under_all_interleavings) {
  CHECK(explore<CountdownOfTwo>() > 1);
  CHECK(explore<CountdownTwice>() > 1);
}
TEST(team_barrier_under_all_interleavings) { CHECK((explore<Barriers<2, 2>>() > 1)); }
#endif
