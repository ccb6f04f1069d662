#pragma once

#include <coroutine>
#include <exception>
#include <memory>
#include <utility>
#include <vector>

#include "dist/transport.h"

namespace plait::dist {

// Messages that a schedule waits for together.
using Transfers = std::vector<TransferPtr>;

// A communication schedule: a coroutine that starts messages and awaits them.
//
//   Schedule pass_on(Peers peers, char* data, int64_t bytes) {
//     Transfers both;
//     both.push_back(peers.receive(peers.left(), data, bytes));
//     co_await std::move(both);
//   }
//
// Whoever owns it calls advance() until it is done; many can be on their way at the same time.
class Schedule {
 public:
  struct promise_type {
    Schedule get_return_object() { return Schedule(Handle::from_promise(*this)); }
    std::suspend_always initial_suspend() noexcept { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() { failure = std::current_exception(); }
    auto await_transform(Transfers&& transfers) {
      waiting = std::move(transfers);
      return std::suspend_always{};
    }

    // co_await of a schedule goes on when that one is done.
    auto await_transform(Schedule&& schedule) {
      inner = std::make_unique<Schedule>(std::move(schedule));
      return std::suspend_always{};
    }

    Transfers waiting;
    std::unique_ptr<Schedule> inner;
    std::exception_ptr failure;
  };

  Schedule() = default;
  Schedule(Schedule&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Schedule& operator=(Schedule&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~Schedule() {
    if (handle_) handle_.destroy();
  }

  // Goes on as far as it can without waiting. Throws what the schedule throws.
  Advance advance();
  // Messages that have not come or gone; null if it waits for none.
  const Transfers* missing() const;
  explicit operator bool() const { return static_cast<bool>(handle_); }

 private:
  using Handle = std::coroutine_handle<promise_type>;
  explicit Schedule(Handle handle) : handle_(handle) {}
  Handle handle_;
};

// Ranks in the transport, by rank in a communicator.
using Members = std::shared_ptr<const std::vector<int>>;

// The ranks of one communicator as one operation sees them.
class Peers {
 public:
  // `(*members)[i]` is the rank in the transport of rank i.
  Peers(TransportRef transport, Members members, int rank, Tag tag)
      : transport_(std::move(transport)), members_(std::move(members)), rank_(rank), tag_(tag) {}
  int rank() const { return rank_; }
  int size() const { return static_cast<int>(members_->size()); }
  int right() const { return (rank_ + 1) % size(); }
  int left() const { return (rank_ + size() - 1) % size(); }
  int64_t piece_bytes() const { return transport_->piece_bytes(); }

  TransferPtr send(int to, const void* data, int64_t bytes) const {
    return transport_->send((*members_)[static_cast<size_t>(to)], tag_, data, bytes);
  }
  TransferPtr receive(int from, const Landing& landing) const {
    return transport_->receive((*members_)[static_cast<size_t>(from)], tag_, landing);
  }

 private:
  TransportRef transport_;
  Members members_;
  int rank_;
  Tag tag_;
};

// A dense run of elements.
struct Span {
  char* data;
  int64_t count;
  int64_t item;  // bytes of an element

  Span part(int64_t begin, int64_t end) const { return {data + begin * item, end - begin, item}; }
  int64_t bytes() const { return count * item; }
  Landing landing(Combine combine = nullptr) const { return {data, bytes(), combine, item}; }
};

// Below this many bytes allreduce doubles distances instead of going round.
inline constexpr int64_t kRingBytes = 16384;

// Each schedule ends on a rank when that rank's part is done.
Schedule allreduce(Peers peers, Span data, Combine combine);
// The same for several arrays as if they were one behind the other.
Schedule allreduce_list(Peers peers, std::vector<Span> parts, Combine combine);
Schedule broadcast(Peers peers, Span data, int root);
// Rank i's `counts[i]` elements at the same place of `all` on every rank; `mine` is copied there.
Schedule allgather(Peers peers, Span mine, Span all, std::vector<int64_t> counts);
// `all` is as many equal parts as ranks; that of this rank's number, summed, goes to `mine`.
Schedule reduce_scatter(Peers peers, Span all, Span mine, Combine combine);
// `send_counts[i]` elements of `from` to rank i, `receive_counts[i]` elements of `to` from it.
Schedule all_to_all(Peers peers, Span from, Span to, std::vector<int64_t> send_counts,
                    std::vector<int64_t> receive_counts);
Schedule barrier(Peers peers);
Schedule send(Peers peers, Span data, int to);
Schedule receive(Peers peers, Span data, int from);
// Fails if `signature` (padded with zeros to kSignatureBytes) differs between ranks.
inline constexpr int64_t kSignatureBytes = 128;
Schedule compare(Peers peers, std::string signature);

}  // namespace plait::dist
