// The push and complete protocol of the engine under all interleavings: no deadlock, no lost
// wake-up, many readers or one writer, conflicting tasks in the order of their pushes.
#include <array>
#include <memory>
#include <mutex>
#include <vector>

#include "engine/model.h"
#include "engine/var.h"

using namespace plait;
using namespace plait::testing;

namespace {

using Var = engine::BasicVar<Model>;
using Request = engine::Request<Model>;
using Parker = plait::Parker<Model>;
using Vars = SmallVec<Var*, 6>;

// What a test program adds to a variable: who uses it, and which tasks must come first.
struct Shared {
  Var var;
  int readers = 0, writers = 0, pushed = 0;
  std::vector<int> open_reads, open_writes;  // numbers of pushed tasks that have not ended
};

struct Use {
  Shared* of;
  bool is_write;
};

// Marks the use of the variables; another thread may come in between.
void use(const std::vector<Use>& uses) {
  for (const Use& u : uses) {
    u.is_write ? ++u.of->writers : ++u.of->readers;
    CHECK(u.of->writers + (u.of->readers > 0) <= 1);
  }
  for (const Use& u : uses) Explorer::current().step(&u.of->readers, u.is_write);
  for (const Use& u : uses) u.is_write ? --u.of->writers : --u.of->readers;
}

// The scheduler of core/engine with the workers' loop only: the same ledger, the same hand-over.
class Machine {
 public:
  struct Task : Request {
    std::vector<Use> uses;
    std::vector<int> ticket;  // the task's number at each variable
  };

  // A task whose conflicts are checked against the order of the pushes.
  void push(std::vector<Use> uses) {
    tasks_.push_back(std::make_unique<Task>());
    Task& t = *tasks_.back();
    t.uses = std::move(uses);
    t.owner = &t;
    for (const Use& u : t.uses) t.places.push_back({&u.of->var, nullptr, u.is_write, nullptr});
    Parker* worker = nullptr;
    mutex_.lock();
    for (const Use& u : t.uses) {
      t.ticket.push_back(u.of->pushed++);
      (u.is_write ? u.of->open_writes : u.of->open_reads).push_back(t.ticket.back());
    }
    ledger_.ask(t, [&](Request& r) { ready_.push_back(static_cast<Task*>(r.owner)); });
    worker = assign();
    mutex_.unlock();
    if (worker) worker->set();
  }

  // Work in the calling thread if possible; an empty task in its place keeps the worker's count.
  void inlined(std::vector<Use> uses) {
    Vars reads, writes;
    for (const Use& u : uses) (u.is_write ? writes : reads).push_back(&u.of->var);
    const auto waited_for = [this](Var& var) { released(var); };
    if (!engine::take_now(reads, writes, waited_for)) {
      push(uses);
      return;
    }
    use(uses);
    engine::end_now(reads, reads.size(), writes, writes.size(), waited_for);
    push({});
  }

  // Waits until all conflicting tasks that were pushed before have ended; gives up at any moment
  // if `impatient`.
  void wait(Shared& s, bool for_write, bool impatient = false) {
    Waiter w;
    w.is_wait = true;
    w.places.push_back({&s.var, nullptr, for_write, nullptr});
    mutex_.lock();
    const int before = s.pushed;
    ledger_.ask(w, [&](Request& r) { grant(r); });
    const bool done = w.done;
    mutex_.unlock();
    if (!done && !w.parker.wait(0, impatient ? 1 : -1)) {
      mutex_.lock();
      const bool signalled = w.done;
      if (!signalled) ledger_.withdraw(w, [&](Request& r) { grant(r); });
      Parker* worker = assign();
      mutex_.unlock();
      if (worker) worker->set();
      if (signalled) w.parker.wait(0);
      return;
    }
    for (int t : s.open_writes) CHECK(t >= before);
    for (int t : s.open_reads) CHECK(!for_write || t >= before);
  }

  // Runs `n` tasks.
  void work(int n) {
    while (n > 0) {
      mutex_.lock();
      idle_ = true;
      Parker* self = assign();
      mutex_.unlock();
      if (!self) parker_.wait(0);
      Task& t = *std::exchange(assigned_, nullptr);
      --n;
      for (size_t i = 0; i < t.uses.size(); ++i) check_turn(t, i);
      use(t.uses);
      mutex_.lock();
      for (size_t i = 0; i < t.uses.size(); ++i) {
        Shared& s = *t.uses[i].of;
        std::erase(t.uses[i].is_write ? s.open_writes : s.open_reads, t.ticket[i]);
      }
      ledger_.release(t, [&](Request& r) { grant(r); });
      mutex_.unlock();
    }
  }

  void check_all_done(std::vector<Shared*> all) {
    for (Shared* s : all) {
      CHECK(s->open_reads.empty() && s->open_writes.empty());
      CHECK(s->var.is_quiet(true));
    }
  }

 private:
  struct Waiter : Request {
    Parker parker;
    bool done = false;
  };

  void grant(Request& r) {
    if (!r.is_wait) {
      ready_.push_back(static_cast<Task*>(r.owner));
      return;
    }
    Waiter& w = static_cast<Waiter&>(r);
    w.done = true;
    w.parker.set();
  }
  void released(Var& var) {
    mutex_.lock();
    ledger_.advance(var, [&](Request& r) { grant(r); });
    Parker* worker = assign();
    mutex_.unlock();
    if (worker) worker->set();
  }
  Parker* assign() {
    if (!idle_ || ready_.empty()) return nullptr;
    idle_ = false;
    assigned_ = ready_.front();
    ready_.erase(ready_.begin());
    return &parker_;
  }
  static void check_turn(const Task& t, size_t i) {
    const Use& u = t.uses[i];
    for (int other : u.of->open_writes) CHECK(other >= t.ticket[i]);
    for (int other : u.of->open_reads) CHECK(!u.is_write || other >= t.ticket[i]);
  }

  Model::Mutex mutex_;
  engine::Ledger<Model> ledger_;
  std::vector<Task*> ready_;
  std::vector<std::unique_ptr<Task>> tasks_;
  Parker parker_;
  bool idle_ = false;
  Task* assigned_ = nullptr;
};

struct Base {
  Machine m;
  Shared x, y;
  void check() { m.check_all_done({&x, &y}); }
};

struct TwoPushersCross : Base {
  void threads(Explorer& e) {
    e.thread([this] { m.push({{&x, true}, {&y, true}}); });
    e.thread([this] { m.push({{&y, true}, {&x, true}}); });
    e.thread([this] { m.work(2); });
  }
};

struct PushThenWait : Base {
  void threads(Explorer& e) {
    e.thread([this] {
      m.push({{&x, true}});
      m.push({{&x, false}, {&y, true}});
      m.wait(y, false);
      m.wait(x, true);
    });
    e.thread([this] { m.work(2); });
  }
};

struct InlineAgainstQueue : Base {
  void threads(Explorer& e) {
    e.thread([this] { m.push({{&x, true}}); });
    e.thread([this] { m.inlined({{&x, true}}); });
    e.thread([this] { m.work(2); });
  }
};

struct InlineAgainstWait : Base {
  void threads(Explorer& e) {
    e.thread([this] { m.wait(x, true); });
    e.thread([this] { m.inlined({{&x, false}, {&y, true}}); });
    e.thread([this] { m.work(1); });
  }
};

struct InlineReadersAndWriter : Base {
  void threads(Explorer& e) {
    for (int i = 0; i < 2; ++i) {
      e.thread([this] {
        Vars one{&x.var}, none;
        if (engine::take_now(one, none, [](Var&) {})) {
          use({{&x, false}});
          engine::end_now(one, 1, none, 0, [](Var&) {});
        }
      });
    }
    e.thread([this] {
      Vars one{&x.var}, two{&y.var};
      if (engine::take_now(two, one, [](Var&) {})) {
        use({{&y, false}, {&x, true}});
        engine::end_now(two, 1, one, 1, [](Var&) {});
      }
    });
  }
};

struct ImpatientWait : Base {
  void threads(Explorer& e) {
    e.thread([this] {
      m.push({{&x, true}});
      m.wait(x, true, true);
      m.push({{&x, false}});
      m.wait(x, true);
    });
    e.thread([this] { m.work(2); });
  }
};

struct ParkerLosesNoSignal {
  Parker parker;
  Model::Atomic<int> value{0};
  void threads(Explorer& e) {
    e.thread([this] {
      for (int i = 0; i < 2; ++i) {
        parker.wait(0);
        CHECK_EQ(value.load(), 1);
        value.store(0);
        other.set();
      }
    });
    e.thread([this] {
      for (int i = 0; i < 2; ++i) {
        value.store(1);
        parker.set();
        other.wait(0);
      }
    });
  }
  void check() { CHECK_EQ(value.peek(), 0); }
  Parker other;
};

// Faults that the search must find, so that its silence means something.
struct LostIncrement {
  Model::Atomic<int> n{0};
  void threads(Explorer& e) {
    for (int i = 0; i < 2; ++i) e.thread([this] { n.store(n.load() + 1); });
  }
  void check() { CHECK_EQ(n.peek(), 2); }
};

struct CrossedLocks {
  Model::Mutex a, b;
  static void both(Model::Mutex& first, Model::Mutex& second) {
    first.lock();
    second.lock();
    second.unlock();
    first.unlock();
  }
  void threads(Explorer& e) {
    e.thread([this] { both(a, b); });
    e.thread([this] { both(b, a); });
  }
  void check() {}
};

}  // namespace

// Fibers switch stacks, which the thread sanitizer cannot follow.
#ifndef __SANITIZE_THREAD__
#define PROTOCOL_TEST(name, Program) \
  TEST(protocol_##name) { CHECK(explore<Program>() > 1); }

TEST(protocol_search_finds_known_faults) {
  CHECK_THROWS(explore<LostIncrement>(), Failure, "n.peek() == 2");
  CHECK_THROWS(explore<CrossedLocks>(), Failure, "deadlock");
}
PROTOCOL_TEST(parker_loses_no_signal, ParkerLosesNoSignal)
PROTOCOL_TEST(pushes_over_the_same_variables_do_not_deadlock, TwoPushersCross)
PROTOCOL_TEST(wait_returns_after_what_was_pushed_before, PushThenWait)
PROTOCOL_TEST(inline_work_and_the_queue_exclude_each_other, InlineAgainstQueue)
PROTOCOL_TEST(inline_work_wakes_who_waits_for_it, InlineAgainstWait)
PROTOCOL_TEST(inline_readers_and_writer_exclude_each_other, InlineReadersAndWriter)
PROTOCOL_TEST(wait_that_gives_up_leaves_the_queue_whole, ImpatientWait)
#endif
