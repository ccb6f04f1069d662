// Runs a small program of a few threads under every interleaving of its steps.
//
//   struct Race {
//     Model::Atomic<int> n{0};
//     void threads(Explorer& e) {
//       for (int i = 0; i < 2; ++i) e.thread([this] { n.store(n.load() + 1); });
//     }
//     void check() { CHECK_EQ(n.load(), 2); }   // fails: the search finds the lost increment
//   };
//   explore<Race>();
//
// A step is one operation on an atomic, a mutex or a futex; steps are sequentially consistent, so
// this finds faults of the algorithm, not of the memory orders (the thread sanitizer looks at
// those). Interleavings that differ only in the order of independent steps are tried once: sleep
// sets, from P. Godefroid, "Partial-Order Methods for the Verification of Concurrent Systems"
// (1996), ch. 5.
#pragma once

#include <ucontext.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "testing.h"

namespace plait::testing {

class Explorer {
 public:
  static Explorer& current() { return *active(); }

  void thread(std::function<void()> body);
  // Called by a thread before it touches `object`: others may come first.
  void step(const void* object, bool is_write) {
    if (running_ >= 0) switch_out({object, is_write, nullptr, false});
  }
  // The same, but the thread goes on only when `free()` holds.
  void step_when(const void* object, const std::function<bool()>& free) {
    switch_out({object, true, &free, false});
  }
  // Falls asleep until wake(word); `early` if it may also wake by itself.
  void sleep(const void* word, bool early);
  void wake(const void* word);

  // One run of `threads`; follows the search. False when all interleavings were tried.
  bool run();
  int64_t runs() const { return runs_; }
  int64_t steps() const { return steps_; }

 private:
  struct Operation {
    const void* object = nullptr;
    bool is_write = false;
    const std::function<bool()>* free = nullptr;
    bool asleep = false;
  };
  struct Fiber {
    std::function<void()> body;
    ucontext_t context;
    std::unique_ptr<char[]> stack;
    Operation next;
    bool started = false, finished = false;
  };
  struct Choice {
    std::vector<int> enabled;
    std::vector<Operation> next;
    uint32_t sleeping = 0;  // threads whose step was tried before in an equivalent place
    uint32_t tried = 0;
    int chosen = -1;
  };

  static Explorer*& active() {
    static Explorer* explorer = nullptr;
    return explorer;
  }
  static bool independent(const Operation& a, const Operation& b) {
    return a.object != b.object || (!a.is_write && !b.is_write);
  }
  static void enter();
  void switch_out(Operation next);
  void resume(int t);
  bool choose(size_t depth, uint32_t sleeping);
  bool enabled(const Fiber& f) const {
    return !f.finished && !f.next.asleep && (!f.next.free || (*f.next.free)());
  }

  std::vector<std::unique_ptr<Fiber>> fibers_;
  std::vector<Choice> path_;
  ucontext_t main_;
  int running_ = -1;
  int64_t runs_ = 0, steps_ = 0;
  std::exception_ptr failure_;

  template <class Program>
  friend int64_t explore();
};

// Stands in for plait::Native.
struct Model {
  template <class T>
  class Atomic {
   public:
    Atomic(T value) : value_(value) {}
    T load(std::memory_order = {}) const {
      Explorer::current().step(this, false);
      return value_;
    }
    void store(T value, std::memory_order = {}) {
      change([&](T) { return value; });
    }
    T exchange(T value, std::memory_order = {}) {
      return change([&](T) { return value; });
    }
    T fetch_add(T n, std::memory_order = {}) {
      return change([&](T v) { return v + n; });
    }
    T fetch_sub(T n, std::memory_order = {}) {
      return change([&](T v) { return v - n; });
    }
    T fetch_or(T n, std::memory_order = {}) {
      return change([&](T v) { return v | n; });
    }
    T fetch_and(T n, std::memory_order = {}) {
      return change([&](T v) { return v & n; });
    }
    bool compare_exchange_strong(T& expected, T value, std::memory_order = {}) {
      const T before = change([&](T v) { return v == expected ? value : v; });
      const bool same = before == expected;
      expected = before;
      return same;
    }
    bool compare_exchange_weak(T& expected, T value, std::memory_order order = {}) {
      return compare_exchange_strong(expected, value, order);
    }
    T peek() const { return value_; }  // no step

   private:
    template <class F>
    T change(const F& f) {
      Explorer::current().step(this, true);
      const T before = value_;
      value_ = f(before);
      return before;
    }
    T value_;
  };

  class Mutex {
   public:
    void lock() {
      const std::function<bool()> is_free = [this] { return !locked_; };
      Explorer::current().step_when(this, is_free);
      locked_ = true;
    }
    void unlock() {
      Explorer::current().step(this, true);
      locked_ = false;
    }

   private:
    bool locked_ = false;
  };

  static void sleep_while(Atomic<uint32_t>& word, uint32_t expected, int64_t timeout_ns) {
    if (word.load() == expected) Explorer::current().sleep(&word, timeout_ns >= 0);
  }
  static void wake(Atomic<uint32_t>& word) { Explorer::current().wake(&word); }
  static void wake_all(Atomic<uint32_t>& word) { wake(word); }
  static int64_t now_ns() { return 0; }
  static void pause() {}
};

// Tries all interleavings of Program::threads(Explorer&), each followed by Program::check().
// Returns their number; a deadlock or a failed check throws with the schedule that leads to it.
template <class Program>
int64_t explore() {
  Explorer explorer;
  Explorer::active() = &explorer;
  bool more = true;
  while (more) {
    auto program = std::make_unique<Program>();
    explorer.fibers_.clear();
    program->threads(explorer);
    more = explorer.run();
    program->check();
  }
  Explorer::active() = nullptr;
  return explorer.runs();
}

}  // namespace plait::testing
