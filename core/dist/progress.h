#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "dist/schedule.h"
#include "engine/engine.h"
#include "engine/profile.h"
#include "tensor/array.h"

namespace plait::dist {

// How long one operation may wait for another rank; 0: for ever.
int64_t time_limit_ns();

// What messages call an operation. The text is made when somebody wants it.
struct Label {
  const char* kind;     // "allreduce"
  tensor::Spec spec{};  // of its array, if it has one
  bool has_array = false;
  const char* detail = "";  // "sum", or what stands before `peer`
  int peer = -1;
  std::string name{};   // the caller's
  uint32_t number = 0;  // among the operations of the communicator; 0: none

  // "allreduce weight", for the profile
  std::string title() const { return name.empty() ? kind : cat(kind, " ", name); }
  // "allreduce of float32 (3, 4) sum 'weight' (number 7)"
  std::string text() const;
  friend std::ostream& operator<<(std::ostream& out, const Label& label) {
    return out << label.text();
  }
};

// One operation of one rank, on its way.
struct Operation {
  TransportRef transport;
  Label label;
  Schedule check;  // runs first, if there is one
  Schedule body;
  int32_t priority = 0;
  uint64_t order = 0;            // in which it was asked for
  bool may_wait = false;         // for ever, as long as the peer lives
  engine::Task* task = nullptr;  // to be completed; null: somebody waits for `is_done`
  std::optional<engine::profile::Scope> span;
  int64_t moved_ns = 0;  // when it last got on, by Progress::awake_ns_
  bool is_done = false;
  std::exception_ptr failure;
};

// The thread that moves the messages of all communicators of this process, while others compute.
// Each turn it goes through the operations by priority, so that an urgent one gets the next place
// in the rings.
class Progress {
 public:
  static Progress& instance();

  // Transports that are in use: one reference for each communicator.
  void attach(const TransportRef& transport);
  void detach(const TransportRef& transport);

  // Takes an operation over; completes its task in the end.
  void start(std::unique_ptr<Operation> operation);
  // Moves messages in the calling thread until the operation is done; throws what it failed with.
  void run(Operation& operation);
  // Makes all operations of a transport fail, here and on its other ranks.
  void fail_all(Transport& transport, const std::string& reason);
  std::string pending(const Transport& transport);
  // Runs `body` while no message moves.
  template <class Body>
  auto locked(const Body& body) {
    std::lock_guard lock(mutex_);
    return body();
  }

 private:
  using Lock = std::unique_lock<std::mutex>;
  struct Attached {
    TransportRef transport;
    int users;
  };

  Progress();
  void work();
  // With the mutex held. True if something moved.
  bool turn();
  bool take_inbox();
  bool advance(Operation& op);
  void watch(Operation& op);
  void break_off(Operation& op, const std::string& reason);
  void beat(int64_t now);
  void retire(Lock& lock);  // completes what is done, without the mutex meanwhile
  void sleep(Lock& lock);
  TransportRef only_transport() const;  // null: there are none or several
  void wait_for_inbox(int64_t limit_ns);
  void call_back();  // tells the thread that nobody does its work any more
  void idle_on(const TransportRef& transport);

  std::mutex mutex_;  // of all below but the inbox
  std::vector<Attached> transports_;
  std::vector<Operation*> active_;  // by priority, then order
  std::vector<std::unique_ptr<Operation>> owned_, done_;
  int64_t moved_ns_ = 0;  // when the thread last moved something
  int64_t beat_ns_ = 0;
  // How long this process has run while it watched: time in which it was stopped or had no core
  // counts little, because the others may have been in the same state.
  int64_t awake_ns_ = 0;
  int waiting_callers_ = 0;  // that do the thread's work in run()

  std::mutex inbox_mutex_;
  std::condition_variable inbox_filled_;
  std::vector<std::unique_ptr<Operation>> inbox_;
  std::atomic<bool> has_mail_{false};  // whether inbox_ is not empty
  bool is_called_ = false;
  TransportRef asleep_on_;
  static inline std::atomic<bool> is_child_{false};  // by fork(): the parent has the thread
  std::thread thread_;
};

}  // namespace plait::dist
