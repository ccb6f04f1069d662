#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <mutex>

namespace plait {

// What the protocols between threads need from the machine. tests/cpp/engine/model.h puts a
// controlled scheduler in its place, which tries all interleavings.
struct Native {
  template <class T>
  using Atomic = std::atomic<T>;
  using Mutex = std::mutex;

  // Sleeps while `word` holds `expected`, at most `timeout_ns` (negative: no limit). May wake
  // early.
  static void sleep_while(std::atomic<uint32_t>& word, uint32_t expected, int64_t timeout_ns);
  static void wake(std::atomic<uint32_t>& word);  // one sleeper
  static void wake_all(std::atomic<uint32_t>& word);
  // Nanoseconds of a clock that never goes back.
  static int64_t now_ns();
  static void pause();  // between two looks at a word
};

// A place where one thread waits until another calls set(). Looks for a while before it sleeps,
// because waking a sleeping thread costs ten times as much as telling one that looks.
template <class Sync = Native>
class Parker {
 public:
  // Takes the signal, waiting for it: `spin_ns` looking, then asleep. False: no signal yet, the
  // time ran out or the sleep ended early; never without a limit.
  bool wait(int64_t spin_ns, int64_t timeout_ns = -1) {
    if (state_.load(std::memory_order_acquire) != kSet && spin_ns > 0) {
      const int64_t end = Sync::now_ns() + spin_ns;
      while (state_.load(std::memory_order_acquire) != kSet && Sync::now_ns() < end) Sync::pause();
    }
    uint32_t expected = kEmpty;
    while (state_.compare_exchange_strong(expected, kAsleep, std::memory_order_acq_rel)) {
      Sync::sleep_while(state_, kAsleep, timeout_ns);
      expected = kAsleep;
      if (!state_.compare_exchange_strong(expected, kEmpty, std::memory_order_acq_rel)) break;
      if (timeout_ns >= 0) return false;
      expected = kEmpty;  // woken early, by the end of an earlier set()
    }
    state_.store(kEmpty, std::memory_order_relaxed);
    return true;
  }

  void set() {
    if (state_.exchange(kSet, std::memory_order_acq_rel) == kAsleep) Sync::wake(state_);
  }

 private:
  static constexpr uint32_t kEmpty = 0, kAsleep = 1, kSet = 2;
  typename Sync::template Atomic<uint32_t> state_{kEmpty};
};

// How long a thread looks for a signal before it sleeps. Where looking was in vain, because the
// program has nothing to do or others have the cores, it looks half as long the next time, and the
// full time only now and then.
class Patience {
 public:
  explicit Patience(int64_t most_ns) : most_ns_(most_ns), now_ns_(most_ns) {}

  // `wait_ns(spin_ns)` looks so long and then sleeps.
  template <class Wait>
  void wait(const Wait& wait_ns) {
    constexpr int64_t kLeastNs = 1000;
    constexpr uint32_t kTrial = 64;
    const int64_t spin = ++turn_ % kTrial ? now_ns_ : most_ns_, begin = Native::now_ns();
    wait_ns(spin);
    const bool seen = Native::now_ns() - begin <= spin;
    now_ns_ = seen ? most_ns_ : std::max(now_ns_ / 2, kLeastNs);
  }

 private:
  int64_t most_ns_, now_ns_;
  uint32_t turn_ = 0;
};

}  // namespace plait
