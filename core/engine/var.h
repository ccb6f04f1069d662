#pragma once

#include <cstdint>
#include <exception>

#include "base/small_vec.h"
#include "base/sync.h"

// Who may use a variable when: many readers or one writer, in the order of the requests.
//
// The word of a variable holds the number of readers, a writer bit and two flags. Small work takes
// its variables with one compare-and-swap each and never waits (try_read, try_write). Everything
// else asks through a Ledger, whose callers hold one mutex, so two requests cannot see each other
// half done. A request that cannot have a variable at once stands in the variable's queue and sets
// kQueued. While kQueued is set nobody takes the variable at once, so its word only falls: a
// release either came before the flag, and the queue sees the lower word, or it sees the flag,
// takes the mutex and moves the queue on.
namespace plait::engine {

template <class Sync>
class Ledger;

template <class Sync>
struct Request;

// One variable of a request, and its place in the queue of that variable.
template <class Sync>
struct Place;

template <class Sync>
class BasicVar {
 public:
  BasicVar() = default;
  BasicVar(const BasicVar&) = delete;
  BasicVar& operator=(const BasicVar&) = delete;

  // Number of writes that were started since creation.
  uint64_t version() const { return version_.load(std::memory_order_relaxed); }
  void bump_version() { version_.fetch_add(1, std::memory_order_relaxed); }

  bool try_read() {
    uint64_t s = state_.load(std::memory_order_relaxed);
    while (!(s & (kWriter | kQueued | kFailed))) {
      if (state_.compare_exchange_weak(s, s + 1, std::memory_order_acquire)) return true;
    }
    return false;
  }
  bool try_write() {
    uint64_t free = 0;
    return state_.compare_exchange_strong(free, kWriter, std::memory_order_acquire);
  }
  // True if somebody waits and Ledger::advance must be called.
  bool end_read() { return state_.fetch_sub(1, std::memory_order_acq_rel) & kQueued; }
  bool end_write() { return state_.fetch_and(~kWriter, std::memory_order_acq_rel) & kQueued; }

  // True if a reader (writer) need not wait at this moment and no failure is stored.
  bool is_quiet(bool for_write) const {
    const uint64_t busy = kWriter | kQueued | kFailed | (for_write ? kReaders : 0);
    return !(state_.load(std::memory_order_acquire) & busy);
  }

  // What the last writer threw; for who holds the variable or the mutex.
  const std::exception_ptr& failure() const { return failure_; }
  void set_failure(const std::exception_ptr& failure) {
    if (!failure && !failure_) return;
    failure_ = failure;
    if (failure) {
      state_.fetch_or(kFailed, std::memory_order_acq_rel);
    } else {
      state_.fetch_and(~kFailed, std::memory_order_acq_rel);
    }
  }

  uint64_t last_writer = 0;  // number of the task in the profile; whoever holds the variable

 private:
  friend class Ledger<Sync>;
  static constexpr uint64_t kReaders = 0xffffffffull;
  static constexpr uint64_t kWriter = 1ull << 32;
  static constexpr uint64_t kQueued = 1ull << 33;  // somebody stands in the queue
  static constexpr uint64_t kFailed = 1ull << 34;  // see `failure_`

  typename Sync::template Atomic<uint64_t> state_{0};
  typename Sync::template Atomic<uint64_t> version_{0};
  Place<Sync>* head_ = nullptr;  // guarded by the mutex, as all below
  Place<Sync>* tail_ = nullptr;
  std::exception_ptr failure_;
};

template <class Sync>
struct Place {
  BasicVar<Sync>* var = nullptr;
  Request<Sync>* request = nullptr;
  bool is_write = false;
  Place* next = nullptr;
};

// Variables that are wanted together; distinct. A wait wants one and holds nothing when it has it.
template <class Sync>
struct Request {
  SmallVec<Place<Sync>, 6> places;  // must not move once asked for
  int32_t missing = 0;
  bool is_wait = false;
  void* owner = nullptr;  // whom the user of the ledger tells
};

// All functions are called under one mutex. `granted(Request&)` is called for each request that
// has got its last variable.
template <class Sync>
class Ledger {
 public:
  using Var = BasicVar<Sync>;

  template <class Granted>
  void ask(Request<Sync>& r, const Granted& granted) {
    r.missing = static_cast<int32_t>(r.places.size()) + 1;  // one more: not before all are asked
    for (Place<Sync>& p : r.places) {
      p.request = &r;
      if (!p.var->head_ && take(p)) {
        --r.missing;
        continue;
      }
      p.var->state_.fetch_or(Var::kQueued, std::memory_order_acq_rel);
      (p.var->tail_ ? p.var->tail_->next : p.var->head_) = &p;
      p.var->tail_ = &p;
      advance(*p.var, granted);  // a release before the flag told nobody
    }
    if (--r.missing == 0) granted(r);
  }

  // Takes all variables if nobody else holds or wants them.
  bool try_all(Request<Sync>& r) {
    size_t n = 0;
    for (Place<Sync>& p : r.places) {
      p.request = &r;
      if (p.var->head_ || !take(p)) break;
      ++n;
    }
    if (n == r.places.size()) return true;
    while (n > 0) {
      const Place<Sync>& p = r.places[--n];
      p.is_write ? p.var->end_write() : p.var->end_read();  // under the mutex nobody queued since
    }
    return false;
  }

  template <class Granted>
  void release(Request<Sync>& r, const Granted& granted) {
    for (Place<Sync>& p : r.places) {
      if (p.is_write ? p.var->end_write() : p.var->end_read()) advance(*p.var, granted);
    }
  }

  // Grants what the head of the queue can have.
  template <class Granted>
  void advance(Var& var, const Granted& granted) {
    if (!var.head_) return;
    while (Place<Sync>* head = var.head_) {
      if (!take(*head)) return;
      var.head_ = head->next;
      if (!var.head_) var.tail_ = nullptr;
      if (--head->request->missing == 0) granted(*head->request);
    }
    var.state_.fetch_and(~Var::kQueued, std::memory_order_acq_rel);
  }

  // Takes a wait out of the queue again.
  template <class Granted>
  void withdraw(Request<Sync>& r, const Granted& granted) {
    for (Place<Sync>& p : r.places) {
      Place<Sync>* before = nullptr;
      for (Place<Sync>** link = &p.var->head_; *link; before = *link, link = &(*link)->next) {
        if (*link != &p) continue;
        *link = p.next;
        if (p.var->tail_ == &p) p.var->tail_ = before;
        if (!p.var->head_) p.var->state_.fetch_and(~Var::kQueued, std::memory_order_acq_rel);
        break;
      }
      advance(*p.var, granted);
    }
  }

 private:
  bool take(Place<Sync>& p) {
    const uint64_t busy = Var::kWriter | (p.is_write ? Var::kReaders : 0);
    uint64_t s = p.var->state_.load(std::memory_order_acquire);
    while (!(s & busy)) {
      if (p.request->is_wait) return true;
      const uint64_t taken = p.is_write ? s | Var::kWriter : s + 1;
      if (p.var->state_.compare_exchange_weak(s, taken, std::memory_order_acq_rel)) return true;
    }
    return false;
  }
};

// Takes all variables for the calling thread, if all are free at this moment and none has failed:
// the way in which small work runs at once. Needs no mutex. `waited_for(var)` is called, here and
// in end_now, for each variable in whose queue somebody stands: it must call Ledger::advance.
template <class List, class WaitedFor>
void end_now(const List& reads, size_t num_reads, const List& writes, size_t num_writes,
             const WaitedFor& waited_for) {
  while (num_reads > 0) {
    if (reads[--num_reads]->end_read()) waited_for(*reads[num_reads]);
  }
  while (num_writes > 0) {
    if (writes[--num_writes]->end_write()) waited_for(*writes[num_writes]);
  }
}

template <class List, class WaitedFor>
bool take_now(const List& reads, const List& writes, const WaitedFor& waited_for) {
  size_t r = 0, w = 0;
  while (r < reads.size() && reads[r]->try_read()) ++r;
  if (r == reads.size()) {
    while (w < writes.size() && writes[w]->try_write()) ++w;
  }
  if (r == reads.size() && w == writes.size()) return true;
  end_now(reads, r, writes, w, waited_for);
  return false;
}

}  // namespace plait::engine
