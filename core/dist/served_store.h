#pragma once

#include <condition_variable>
#include <deque>
#include <thread>
#include <vector>

#include "dist/communicator.h"
#include "dist/local_store.h"

namespace plait::dist {

// Arrays by key, each kept by one rank of a communicator (MXNet's "dist_async"): that rank applies
// every push in the order in which they arrive and answers pulls, without waiting for the others. A
// thread for each other rank takes its requests. An updater that must not be called there is called
// while its rank is in a call of the store; what comes from the same rank waits behind that push.
//
// init() and barrier() are called by all ranks together. A barrier also waits until all pushes
// before it are applied; the destructor waits for those of the other ranks.
class ServedStore final : public LocalStore {
 public:
  ServedStore(std::string type, Ref<Communicator> comm);
  ~ServedStore() override;

  int rank() const override { return comm_->rank(); }
  int num_workers() const override { return comm_->size(); }
  void barrier() override;
  void init(const std::string& key, const ArrayRef& value) override;
  void push(const std::string& key, std::span<const ArrayRef> arrays) override;
  void pull(const std::string& key, std::span<const ArrayRef> arrays) override;

 protected:
  void spread(const std::string& key, const ArrayRef& value) override;

 private:
  using Lock = std::unique_lock<std::recursive_mutex>;
  enum Request : int64_t { kPush, kPull, kAnswer, kArrival, kEnd };
  // What is known of another rank.
  struct Peer {
    std::thread server;
    int64_t arrivals = 0;  // in rounds of meet()
    ArrayRef answer;       // to this rank's pull
  };
  // A push whose updater waits for a call.
  struct Job {
    const std::string& key;
    const ArrayRef& pushed;
    bool is_done = false;
  };

  Lock begin_call();
  int64_t number_of(const std::string& key);
  int owner_of(int64_t number) const { return static_cast<int>(number % comm_->size()); }
  void send(int peer, Request kind, int64_t number = 0, const ArrayRef& data = {});
  void receive(const ArrayRef& data, int peer, const std::string& name);
  void serve(int peer);
  bool answer(int peer);  // one request; false: it was the last
  ArrayRef received(int64_t number, int peer, std::string* key);
  void apply(const std::string& key, const ArrayRef& pushed, Lock& lock);
  void update(const std::string& key, const ArrayRef& pushed);
  void run_jobs();
  void meet(Lock& lock, const char* what);
  // Runs jobs until no rank is missing: `missing()` gives its number, or -1.
  template <class Missing>
  void wait_for(Lock& lock, const char* what, const Missing& missing);
  template <class Test>
  int first_peer(const Test& test) const;

  const Ref<Communicator> comm_;
  std::mutex pulling_;  // one at a time
  std::mutex sending_;  // a request and its data go together
  // Guarded by mutex_:
  std::condition_variable_any changed_;
  std::vector<std::string> names_;  // by number
  std::map<std::string, int64_t> numbers_;
  std::vector<Peer> peers_;
  std::deque<Job*> jobs_;
  std::string failure_;
  int64_t meetings_ = 0;  // rounds of meet() that this rank has come to
  bool is_updating_ = false, is_closing_ = false;
};

}  // namespace plait::dist
