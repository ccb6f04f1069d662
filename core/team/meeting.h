#pragma once

#include <atomic>
#include <cstdint>

#include "base/sync.h"

// Where the threads of a team wait for each other. They look for a while before they sleep: the
// parts of a task end close together, unless another process has taken a core away; then looking
// on would only take time from the thread that is waited for.
namespace plait::team {

// One thread waits until `n` others are done. Whoever is done must not touch it again.
template <class Sync = Native>
class Countdown {
 public:
  void begin(uint32_t n) { left_.store(n, std::memory_order_relaxed); }

  void done() {
    if (left_.fetch_sub(1, std::memory_order_acq_rel) == (kAsleep | 1)) Sync::wake(left_);
  }

  void wait(int64_t spin_ns) {
    const int64_t end = spin_ns > 0 ? Sync::now_ns() + spin_ns : 0;
    uint32_t left = left_.load(std::memory_order_acquire);
    while (left && spin_ns > 0 && Sync::now_ns() < end) {
      Sync::pause();
      left = left_.load(std::memory_order_acquire);
    }
    if (!left) return;
    left = left_.fetch_or(kAsleep, std::memory_order_acq_rel) | kAsleep;
    while (left != kAsleep) {
      Sync::sleep_while(left_, left, -1);
      left = left_.load(std::memory_order_acquire);
    }
  }

 private:
  static constexpr uint32_t kAsleep = 1u << 31;
  typename Sync::template Atomic<uint32_t> left_{0};
};

// `size` threads go on when all have come; again and again.
template <class Sync = Native>
class Barrier {
 public:
  void wait(uint32_t size, int64_t spin_ns) {
    const uint32_t round = round_.load(std::memory_order_acquire);
    if (come_.fetch_add(1, std::memory_order_acq_rel) + 1 == size) {
      come_.store(0, std::memory_order_relaxed);
      round_.fetch_add(1);  // in one order with sleepers_: see below
      if (sleepers_.load() > 0) Sync::wake_all(round_);
      return;
    }
    const int64_t end = spin_ns > 0 ? Sync::now_ns() + spin_ns : 0;
    while (spin_ns > 0 && Sync::now_ns() < end) {
      if (round_.load(std::memory_order_acquire) != round) return;
      Sync::pause();
    }
    sleepers_.fetch_add(1);  // before the look at round_ in sleep_while
    while (round_.load() == round) Sync::sleep_while(round_, round, -1);
    sleepers_.fetch_sub(1);
  }

 private:
  typename Sync::template Atomic<uint32_t> come_{0}, round_{0}, sleepers_{0};
};

}  // namespace plait::team
