#pragma once

#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "dist/transport.h"

// Messages between processes of one machine through memory that they share: for each ordered pair a
// ring of fragments. The receiver reduces straight out of the ring.
namespace plait::dist {

class ShmLink;

// What the peers of one machine see of a process.
struct alignas(64) ShmProcess {
  std::atomic<uint32_t> bell;    // rises to end its sleep
  std::atomic<uint32_t> asleep;  // 1: it waits for the bell, unless a message is there
  std::atomic<int64_t> beat_ns;  // when it was last seen alive
  std::atomic<int32_t> pid;
  std::atomic<uint32_t> has_left, has_failed;
  char failure[400];  // before has_failed is set
};

struct ShmRing {
  alignas(64) std::atomic<uint64_t> head;  // bytes written so far
  std::atomic<uint32_t> starved;           // 1: the writer waits for room
  alignas(64) std::atomic<uint64_t> tail;  // bytes read so far
  char* data() { return reinterpret_cast<char*>(this) + 128; }
};

class ShmLink {
 public:
  // Makes memory for `count` processes under `name`; the others open it; then it is unlinked.
  // Throws ErrorKind::kComm where the system refuses.
  static void create(const std::string& name, int count);
  static void unlink(const std::string& name);
  // `ranks[i]` is the rank, for messages, of process i.
  ShmLink(const std::string& name, int index, std::vector<int> ranks);
  ShmLink(const ShmLink&) = delete;
  ~ShmLink();

  // Peers here are numbers of processes, not ranks.
  TransferPtr send(int peer, uint64_t tag, const void* data, int64_t bytes);
  TransferPtr receive(int peer, uint64_t tag, const Landing& landing);
  bool poll();
  // Sleeps unless something has changed since the last poll(). A peer that writes a message looks
  // whether we sleep after that, and we look for messages after having said so: one sees the other.
  void idle(int64_t timeout_ns);
  void wake();  // ends idle()
  void beat();
  // See Transport. A peer that is silent for PLAIT_DIST_HEARTBEAT seconds of this process's time is
  // given up if it is stopped; one that is not gets three times as long.
  std::string trouble(int peer, int64_t awake_ns);
  void announce_failure(const std::string& message);

 private:
  friend class ShmSend;
  friend class ShmReceive;
  // What is known of a message while it comes in.
  struct Incoming {
    int64_t total = 0, arrived = 0;
    std::vector<char> kept;  // while nobody has asked for it
  };

  // A peer's last sign of life, and when this process noticed it by its own time.
  struct Heard {
    int64_t beat_ns = 0, awake_ns = 0;
  };

  ShmProcess& process(int i) const { return processes_[i]; }
  ShmRing& ring(int from, int to) const;
  void ring_bell(int peer);
  void wake_sleeper(int peer);  // after a message for it
  bool has_message() const;
  bool drain(int from);
  void deliver(int from, uint64_t tag, int64_t total, const char* data, int64_t bytes);

  const int index_, count_;
  const std::vector<int> ranks_;
  char* base_ = nullptr;
  int64_t bytes_ = 0, capacity_ = 0;
  std::atomic<uint32_t> heard_{0};  // the bell at the last poll()
  ShmProcess* processes_ = nullptr;
  std::vector<uint64_t> tails_;  // by peer: how far it was known to have read what we wrote
  std::vector<Heard> beats_;     // by peer
  // By peer: what is waited for, by tag. They are few.
  std::vector<std::vector<std::pair<uint64_t, class ShmReceive*>>> wanted_;
  std::vector<std::map<uint64_t, std::deque<Incoming>>> early_;
};

}  // namespace plait::dist
