#include "team/team.h"

#include <pthread.h>

#include <atomic>
#include <exception>
#include <memory>
#include <mutex>
#include <new>
#include <thread>
#include <utility>
#include <vector>

#include "team/meeting.h"
#include "team/openmp.h"

namespace plait::team {
namespace {

constexpr int64_t kHelperSpinNs = 300000;  // the next step of a graph is often near
constexpr int64_t kMeetSpinNs = 30000;

struct Team;

// `team` and `work` are what to do; both are taken by exchange, so what was called for is done
// once.
struct Helper {
  Parker<> parker;
  std::atomic<Team*> team{nullptr};
  int number = 0;
  std::atomic<void (*)(void*)> work{nullptr};
  void* data = nullptr;
  Helper* next = nullptr;  // in the list of free ones or of a team
};

struct Team {
  void (*body)(void*) = nullptr;
  void* data = nullptr;
  int size = 1;
  Helper* helpers = nullptr;
  Countdown<> others;
  Barrier<> barrier;
};

struct Place {
  Team* team = nullptr;  // null: the thread is alone
  int number = 0;
  bool inside = false;  // there is a team further out
};

std::atomic<bool> looking{true};
thread_local Place here;
thread_local int thread_limit = 1;

void help(Helper* me);

// Free helpers, the last used ones in front.
class Helpers {
 public:
  // Never destroyed: helpers outlive static objects.
  static Helpers*& instance() {
    static auto* helpers = new Helpers;
    return helpers;
  }

  // Up to `n` in a list; the rest could not be started.
  Helper* take(int n) {
    Helper* list = nullptr;
    std::lock_guard lock(mutex_);
    for (; n > 0; --n) {
      Helper* h = free_;
      if (h) {
        free_ = h->next;
      } else if (!(h = start())) {
        break;
      }
      h->next = list;
      list = h;
    }
    return list;
  }

  void give_back(Helper* list) {
    std::lock_guard lock(mutex_);
    while (list) {
      Helper* next = list->next;
      list->next = free_;
      free_ = list;
      list = next;
    }
  }

  int count() {
    std::lock_guard lock(mutex_);
    return count_;
  }
  void lock() { mutex_.lock(); }
  void unlock() { mutex_.unlock(); }

 private:
  Helper* start() {
    std::unique_ptr<Helper> h(new (std::nothrow) Helper);
    if (!h) return nullptr;
    try {
      std::thread(help, h.get()).detach();
    } catch (const std::exception&) {  // no thread, or no memory to describe it
      return nullptr;
    }
    ++count_;
    return h.release();
  }

  std::mutex mutex_;
  Helper* free_ = nullptr;
  int count_ = 0;
};

void help(Helper* me) {
  Patience patience(kHelperSpinNs);
  while (true) {
    patience.wait([me](int64_t spin_ns) { me->parker.wait(looking ? spin_ns : 0); });
    if (Team* team = me->team.exchange(nullptr)) {
      here = {team, me->number, true};
      team->body(team->data);
      here = {};
      team->others.done();
    } else if (const auto work = me->work.exchange(nullptr)) {
      work(me->data);
      Helpers::instance()->give_back(me);
    }
  }
}

// The child of a fork has no helpers, and must not find the mutex taken half-way.
const int fork_handlers =
    pthread_atfork([] { Helpers::instance()->lock(); }, [] { Helpers::instance()->unlock(); },
                   [] { Helpers::instance() = new Helpers; });

// What a thread needs between begin() and end().
struct Leader {
  Team team;
  Patience patience{kMeetSpinNs};
  std::vector<Place> outer;  // one for each begin() that is open
};

Leader& leader() {
  thread_local Leader l;
  return l;
}

}  // namespace

void begin(int threads, void (*body)(void*), void* data) {
  Leader& me = leader();
  me.outer.push_back(here);
  here = {nullptr, 0, here.inside};
  if (threads <= 1 || here.inside) return;
  Team& team = me.team;
  team.helpers = Helpers::instance()->take(threads - 1);
  int size = 1;
  for (Helper* h = team.helpers; h; h = h->next) h->number = size++;
  if (size == 1) return;
  team.body = body;
  team.data = data;
  team.size = size;
  team.others.begin(static_cast<uint32_t>(size - 1));
  here = {&team, 0, true};
  for (Helper* h = team.helpers; h; h = h->next) {
    h->team.exchange(&team);
    h->parker.set();
  }
}

void end() {
  Leader& me = leader();
  if (here.team) {
    // A helper that still wakes up would be waited for longer than its part takes.
    for (Helper* h = me.team.helpers; h; h = h->next) {
      if (!h->team.exchange(nullptr)) continue;
      here.number = h->number;
      me.team.body(me.team.data);
      me.team.others.done();
    }
    me.patience.wait([&me](int64_t spin_ns) { me.team.others.wait(spin_ns); });
    Helpers::instance()->give_back(me.team.helpers);
  }
  here = me.outer.back();
  me.outer.pop_back();
}

void run(int threads, void (*body)(void*), void* data) {
  begin(threads, body, data);
  body(data);
  end();
}

bool start(void (*work)(void*), void* data) {
  Helper* h = Helpers::instance()->take(1);
  if (!h) return false;
  h->data = data;
  h->work.exchange(work);
  h->parker.set();
  return true;
}

void set_looking(bool on) { looking = on; }

int number() { return here.number; }
int size() { return here.team ? here.team->size : 1; }
bool is_inside() { return here.inside; }

void barrier() {
  if (here.team) here.team->barrier.wait(static_cast<uint32_t>(here.team->size), kMeetSpinNs);
}

int limit() { return thread_limit; }
int set_limit(int threads) {
  tell_openmp(threads);
  return std::exchange(thread_limit, threads);
}

int num_helpers() { return Helpers::instance()->count(); }

}  // namespace plait::team
