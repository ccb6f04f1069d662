#include "dist/served_store.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/error.h"

namespace plait::dist {
namespace {

constexpr int kChannel = 100;

ArrayRef request_of(int64_t kind, int64_t number) {
  const ArrayRef request = Array::empty({2}, DType::kInt64);
  request->wait_to_write();
  auto* numbers = static_cast<int64_t*>(request->data());
  numbers[0] = kind;
  numbers[1] = number;
  return request;
}

}  // namespace

ServedStore::ServedStore(std::string type, Ref<Communicator> comm)
    : LocalStore(std::move(type)),
      comm_(comm->split(0, comm->rank())),  // for its requests alone
      peers_(static_cast<size_t>(comm_->size())) {
  for (int peer = 0; peer < comm_->size(); ++peer) {
    if (peer == rank()) continue;
    peers_[static_cast<size_t>(peer)].server = std::thread([this, peer] { serve(peer); });
  }
}

ServedStore::~ServedStore() {
  try {
    {
      Lock lock(mutex_);
      meet(lock, "the end of dist_async");  // from here on nobody asks for anything
    }
    for (int peer = 0; peer < comm_->size(); ++peer) {
      if (peer != rank()) send(peer, kEnd);
    }
  } catch (const std::exception& e) {
    comm_->abort(e.what());  // ends what the servers wait for
  }
  {
    const Lock lock(mutex_);
    is_closing_ = true;
    changed_.notify_all();
  }
  for (Peer& p : peers_) {
    if (p.server.joinable()) p.server.join();
  }
}

template <class Test>
int ServedStore::first_peer(const Test& test) const {
  for (int peer = 0; peer < comm_->size(); ++peer) {
    if (peer != rank() && test(peers_[static_cast<size_t>(peer)])) return peer;
  }
  return -1;
}

ServedStore::Lock ServedStore::begin_call() {
  Lock lock(mutex_);
  check(!is_updating_, ErrorKind::kInvalidArgument,
        "kvstore: the updater of 'dist_async' uses the store, must not");
  return lock;
}

int64_t ServedStore::number_of(const std::string& key) {
  value_of(key);  // fails for unknown ones
  return numbers_.at(key);
}

void ServedStore::send(int peer, Request kind, int64_t number, const ArrayRef& data) {
  const std::lock_guard lock(sending_);
  Options options;
  options.name = "request";
  options.waits = kind == kEnd;  // then the communicator may go
  comm_->send(request_of(kind, number), peer, kChannel, options);
  if (data) comm_->send(data, peer, kChannel, options);
}

void ServedStore::receive(const ArrayRef& data, int peer, const std::string& name) {
  Options options;
  options.name = name;
  options.waits = options.no_limit = true;  // the peer may compute for long
  comm_->receive(data, peer, kChannel, options);
}

// ---- threads that serve

void ServedStore::serve(int peer) {
  std::string reason;
  try {
    while (answer(peer)) continue;
  } catch (const std::exception& e) {
    reason = e.what();
    comm_->abort(cat("dist_async: serving rank ", peer, ": ", reason));
  }
  const Lock lock(mutex_);
  if (failure_.empty()) failure_ = reason;
  changed_.notify_all();
}

ArrayRef ServedStore::received(int64_t number, int peer, std::string* key) {
  ArrayRef data;
  {
    const Lock lock(mutex_);
    *key = names_.at(static_cast<size_t>(number));
    const ArrayRef& value = value_of(*key);
    data = Array::empty(value->shape(), value->dtype());
  }
  receive(data, peer, *key);
  return data;
}

bool ServedStore::answer(int peer) {
  const ArrayRef request = request_of(0, 0);
  receive(request, peer, "request");
  const auto* numbers = static_cast<const int64_t*>(request->data());
  const int64_t number = numbers[1];
  Peer& p = peers_[static_cast<size_t>(peer)];
  std::string key;
  switch (static_cast<Request>(numbers[0])) {
    case kPush: {
      const ArrayRef pushed = received(number, peer, &key);
      Lock lock(mutex_);
      apply(key, pushed, lock);
      return true;
    }
    case kPull: {
      ArrayRef current;
      {
        const Lock lock(mutex_);
        current = copy_of(value_of(names_.at(static_cast<size_t>(number))));
      }
      send(peer, kAnswer, number, current);
      return true;
    }
    case kAnswer: {
      const ArrayRef data = received(number, peer, &key);
      const Lock lock(mutex_);
      p.answer = data;
      changed_.notify_all();
      return true;
    }
    case kArrival: {
      const Lock lock(mutex_);
      ++p.arrivals;
      changed_.notify_all();
      return true;
    }
    case kEnd: return false;
  }
  fail(ErrorKind::kInternal, "an unknown request");
}

void ServedStore::apply(const std::string& key, const ArrayRef& pushed, Lock& lock) {
  if (!updates_in_calls()) return update(key, pushed);
  Job job{key, pushed};
  jobs_.push_back(&job);
  changed_.notify_all();
  changed_.wait(lock, [&] { return job.is_done || is_closing_; });
  std::erase(jobs_, &job);
}

void ServedStore::update(const std::string& key, const ArrayRef& pushed) {
  is_updating_ = true;
  try {
    take(key, pushed);
  } catch (...) {
    is_updating_ = false;
    throw;
  }
  is_updating_ = false;
}

// ---- calls

void ServedStore::run_jobs() {
  while (!jobs_.empty()) {
    Job& job = *jobs_.front();
    jobs_.pop_front();
    job.is_done = true;  // when the lock is given back
    changed_.notify_all();
    update(job.key, job.pushed);
  }
}

template <class Missing>
void ServedStore::wait_for(Lock& lock, const char* what, const Missing& missing) {
  const auto begin = std::chrono::steady_clock::now();
  const std::chrono::nanoseconds limit(time_limit_ns());
  while (true) {
    run_jobs();
    const int peer = missing();
    if (peer < 0) return;
    check(failure_.empty(), ErrorKind::kComm, what, ": ", failure_);
    const auto waited = std::chrono::steady_clock::now() - begin;
    if (limit.count() > 0 && waited > limit) {
      const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(waited).count();
      failure_ = cat(what, ": rank ", rank(), " waited ", seconds, " s for rank ", peer,
                     ", which has not come so far");
      comm_->abort(failure_);
      fail(ErrorKind::kComm, failure_);
    }
    changed_.wait_for(lock, std::chrono::milliseconds(100));
  }
}

void ServedStore::meet(Lock& lock, const char* what) {
  // After the first round this rank has applied what all others have pushed, after the second one
  // all others have, too.
  for (int round = 0; round < 2; ++round) {
    ++meetings_;
    for (int peer = 0; peer < comm_->size(); ++peer) {
      if (peer != rank()) send(peer, kArrival);
    }
    wait_for(lock, what,
             [&] { return first_peer([&](const Peer& p) { return p.arrivals < meetings_; }); });
  }
}

void ServedStore::barrier() {
  Lock lock = begin_call();
  meet(lock, "barrier");
}

void ServedStore::spread(const std::string& key, const ArrayRef& value) {
  Options options;
  options.name = key;
  comm_->broadcast(value, 0, options);
}

void ServedStore::init(const std::string& key, const ArrayRef& value) {
  {
    const Lock lock = begin_call();
    LocalStore::init(key, value);
    numbers_[key] = static_cast<int64_t>(names_.size());
    names_.push_back(key);
  }
  barrier();  // before anybody asks for it
}

void ServedStore::push(const std::string& key, std::span<const ArrayRef> arrays) {
  const Lock lock = begin_call();
  const int64_t number = number_of(key);
  const ArrayRef sum = checked_total(key, arrays);
  if (const int owner = owner_of(number); owner != rank()) {
    send(owner, kPush, number, sum);
  } else {
    update(key, sum);
  }
  run_jobs();
}

void ServedStore::pull(const std::string& key, std::span<const ArrayRef> arrays) {
  const std::lock_guard one(pulling_);
  Lock lock = begin_call();
  const int64_t number = number_of(key);
  check_shapes(key, arrays);
  ArrayRef current = value_of(key);
  if (const int owner = owner_of(number); owner != rank()) {
    Peer& p = peers_[static_cast<size_t>(owner)];
    send(owner, kPull, number);
    wait_for(lock, "pull", [&] { return p.answer ? -1 : owner; });
    current = std::exchange(p.answer, {});
  } else {
    run_jobs();
  }
  copy_to_all(current, arrays);
}

}  // namespace plait::dist
