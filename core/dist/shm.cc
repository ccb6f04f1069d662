#include "dist/shm.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <fstream>

#include "base/env.h"
#include "base/sync.h"

namespace plait::dist {
namespace {

constexpr int64_t kMostRingBytes = 256 << 10, kLeastRingBytes = 4 << 10;
constexpr int64_t kAllRingsBytes = 32 << 20;
constexpr int64_t kRingHead = 128;
constexpr uint32_t kPadding = 1;
constexpr int64_t kDoubtNs = 200000000;  // of silence, before the system is asked for the process
constexpr int64_t kPatience = 3;         // with one that is not stopped: it may have got no core

// In front of each piece of a message, at a multiple of 32 bytes.
struct Fragment {
  uint64_t tag;
  int64_t total;  // bytes of the whole message
  uint32_t bytes;
  uint32_t flags;
  uint64_t reserved;
};
static_assert(sizeof(Fragment) == 32);

int64_t padded(int64_t bytes) { return (bytes + 31) & ~int64_t{31}; }

int64_t ring_bytes(int count) {
  const int64_t pairs = std::max(1, count * (count - 1));
  const auto share = static_cast<uint64_t>(kAllRingsBytes / pairs);
  return std::clamp(static_cast<int64_t>(std::bit_floor(share)), kLeastRingBytes, kMostRingBytes);
}

int64_t region_bytes(int count) {
  return static_cast<int64_t>(sizeof(ShmProcess)) * count +
         (ring_bytes(count) + kRingHead) * count * count;
}

// A file descriptor that is closed at the end.
struct Descriptor {
  explicit Descriptor(int fd) : fd(fd) {}
  Descriptor(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd >= 0) close(fd);
  }
  const int fd;
};

// Writes to each cache line of what was read. A line that both cores hold costs its next writer
// four to six times as much as one that only the reader holds (AMD Zen 4: 9.0 against 1.7 us for
// 64 KiB, and the reader loses 0.2).
void own_lines(void* data, int64_t bytes) {
  for (int64_t i = 0; i < bytes; i += 64) static_cast<volatile char*>(data)[i] = 0;
}

// The letter of the process's state in /proc, such as 'T' for stopped; 0 if there is none.
char process_state(int32_t pid) {
  std::ifstream file(cat("/proc/", pid, "/stat"));
  std::string text;
  std::getline(file, text);
  const size_t end = text.rfind(')');
  return end == std::string::npos || end + 2 >= text.size() ? '\0' : text[end + 2];
}

}  // namespace

class ShmSend final : public Transfer {
 public:
  ShmSend(ShmLink& link, int peer, uint64_t tag, const void* data, int64_t bytes)
      : Transfer(link.ranks_[static_cast<size_t>(peer)], true),
        link_(link),
        to_(peer),
        tag_(tag),
        data_(static_cast<const char*>(data)),
        bytes_(bytes) {}

  Advance advance() override {
    bool moved = false;
    while (!done_ && put()) moved = true;
    if (moved) link_.wake_sleeper(to_);
    return done_ ? Advance::kDone : moved ? Advance::kMoved : Advance::kStuck;
  }

 private:
  // Writes one fragment; false: no room.
  bool put() {
    ShmRing& ring = link_.ring(link_.index_, to_);
    const int64_t capacity = link_.capacity_;
    const uint64_t head = ring.head.load(std::memory_order_relaxed);
    const int64_t place = static_cast<int64_t>(head) & (capacity - 1);
    const int64_t straight = capacity - place;  // to the end of the ring
    const int64_t left = bytes_ - sent_;
    int64_t room = find_room(ring, head, std::min<int64_t>(padded(left), capacity / 8));
    if (room < 0) return false;
    auto* fragment = reinterpret_cast<Fragment*>(ring.data() + place);
    if (straight == sizeof(Fragment) && left > 0) {
      *fragment = {tag_, bytes_, 0, kPadding, 0};
      ring.head.store(head + sizeof(Fragment));
      return true;
    }
    room = std::min({room, straight - static_cast<int64_t>(sizeof(Fragment)), capacity / 4});
    const int64_t now = std::min(left, room);
    *fragment = {tag_, bytes_, static_cast<uint32_t>(now), 0, 0};
    if (now > 0) std::memcpy(fragment + 1, data_ + sent_, static_cast<size_t>(now));
    sent_ += now;
    done_ = sent_ == bytes_;
    const auto step = static_cast<uint64_t>(padded(now)) + sizeof(Fragment);
    ring.head.store(head + step);
    return true;
  }

  // Bytes behind a header, if there are so many; else -1, and the reader will ring the bell.
  int64_t find_room(ShmRing& ring, uint64_t head, int64_t least) {
    uint64_t& tail = link_.tails_[static_cast<size_t>(to_)];
    const auto room = [&] {
      const auto used = static_cast<int64_t>(head - tail);
      return link_.capacity_ - used - static_cast<int64_t>(sizeof(Fragment));
    };
    if (room() >= least) return room();
    tail = ring.tail.load(std::memory_order_acquire);
    if (room() >= least) return room();
    ring.starved.store(1);
    tail = ring.tail.load();
    return room() >= least ? room() : -1;
  }

  ShmLink& link_;
  const int to_;
  const uint64_t tag_;
  const char* data_;
  const int64_t bytes_;
  int64_t sent_ = 0;
  bool done_ = false;
};

class ShmReceive final : public Transfer {
 public:
  ShmReceive(ShmLink& link, int peer, uint64_t tag, const Landing& landing)
      : Transfer(link.ranks_[static_cast<size_t>(peer)], false),
        link_(link),
        from_(static_cast<size_t>(peer)),
        tag_(tag),
        landing_(landing) {
    link_.wanted_[from_].emplace_back(tag_, this);
  }
  ~ShmReceive() override {
    if (!done_) forget();
  }

  // Takes the next bytes of the message.
  void take(int64_t total, const char* data, int64_t bytes) {
    if (total != landing_.bytes) wrong_total_ = total;
    if (wrong_total_ < 0) landing_.take(arrived_, data, bytes);
    arrived_ += bytes;
    moved_ = true;
    done_ = arrived_ == total;
    if (done_) forget();  // what follows is another message
  }

  Advance advance() override {
    link_.drain(static_cast<int>(from_));
    check(wrong_total_ < 0, ErrorKind::kComm, "rank ", peer, " sent ", wrong_total_,
          " bytes, must be ", landing_.bytes);
    if (done_) return Advance::kDone;
    return std::exchange(moved_, false) ? Advance::kMoved : Advance::kStuck;
  }

 private:
  void forget() {
    std::erase_if(link_.wanted_[from_], [this](const auto& w) { return w.second == this; });
  }

  ShmLink& link_;
  const size_t from_;
  const uint64_t tag_;
  const Landing landing_;
  int64_t arrived_ = 0, wrong_total_ = -1;
  bool done_ = false, moved_ = false;
};

void ShmLink::create(const std::string& name, int count) {
  const Descriptor file(shm_open(name.c_str(), O_CREAT | O_EXCL | O_RDWR, 0600));
  check(file.fd >= 0, ErrorKind::kComm, "shared memory: ", std::strerror(errno));
  // Reserves the memory, so that none is missing when it is written.
  const int error = posix_fallocate(file.fd, 0, region_bytes(count));
  if (error != 0) {
    shm_unlink(name.c_str());
    fail(ErrorKind::kComm, "shared memory: ", region_bytes(count),
         " bytes in /dev/shm: ", std::strerror(error));
  }
}

void ShmLink::unlink(const std::string& name) { shm_unlink(name.c_str()); }

ShmLink::ShmLink(const std::string& name, int index, std::vector<int> ranks)
    : index_(index),
      count_(static_cast<int>(ranks.size())),
      ranks_(std::move(ranks)),
      bytes_(region_bytes(count_)),
      capacity_(ring_bytes(count_)),
      tails_(static_cast<size_t>(count_)),
      beats_(static_cast<size_t>(count_)),
      wanted_(static_cast<size_t>(count_)),
      early_(static_cast<size_t>(count_)) {
  const Descriptor file(shm_open(name.c_str(), O_RDWR, 0));
  check(file.fd >= 0, ErrorKind::kComm, "shared memory: ", name, ": ", std::strerror(errno));
  void* base =
      mmap(nullptr, static_cast<size_t>(bytes_), PROT_READ | PROT_WRITE, MAP_SHARED, file.fd, 0);
  check(base != MAP_FAILED, ErrorKind::kComm, "shared memory: ", std::strerror(errno));
  base_ = static_cast<char*>(base);
  processes_ = reinterpret_cast<ShmProcess*>(base_);
  process(index_).pid = getpid();
  beat();
}

ShmLink::~ShmLink() {
  process(index_).has_left = 1;
  for (int i = 0; i < count_; ++i) ring_bell(i);
  munmap(base_, static_cast<size_t>(bytes_));
}

ShmRing& ShmLink::ring(int from, int to) const {
  const int64_t rings = static_cast<int64_t>(sizeof(ShmProcess)) * count_;
  const int64_t number = int64_t{from} * count_ + to;
  return *reinterpret_cast<ShmRing*>(base_ + rings + number * (capacity_ + kRingHead));
}

TransferPtr ShmLink::send(int peer, uint64_t tag, const void* data, int64_t bytes) {
  return std::make_unique<ShmSend>(*this, peer, tag, data, bytes);
}

TransferPtr ShmLink::receive(int peer, uint64_t tag, const Landing& landing) {
  auto transfer = std::make_unique<ShmReceive>(*this, peer, tag, landing);
  auto& early = early_[static_cast<size_t>(peer)];
  const auto found = early.find(tag);
  if (found != early.end()) {
    const Incoming first = std::move(found->second.front());
    found->second.pop_front();
    if (found->second.empty()) early.erase(found);
    transfer->take(first.total, first.kept.data(), first.arrived);
  }
  return transfer;
}

void ShmLink::deliver(int from, uint64_t tag, int64_t total, const char* data, int64_t bytes) {
  const auto peer = static_cast<size_t>(from);
  for (const auto& [wanted, receive] : wanted_[peer]) {
    if (wanted != tag) continue;
    receive->take(total, data, bytes);
    return;
  }
  auto& queue = early_[peer][tag];
  if (queue.empty() || queue.back().arrived == queue.back().total) queue.emplace_back();
  Incoming& message = queue.back();
  message.total = total;
  message.arrived += bytes;
  message.kept.insert(message.kept.end(), data, data + bytes);
}

bool ShmLink::drain(int from) {
  ShmRing& in = ring(from, index_);
  uint64_t tail = in.tail.load(std::memory_order_relaxed);
  const uint64_t head = in.head.load(std::memory_order_acquire);
  if (tail == head) return false;
  while (tail != head) {
    auto* fragment = reinterpret_cast<Fragment*>(
        in.data() + (static_cast<int64_t>(tail) & (capacity_ - 1)));
    if (!(fragment->flags & kPadding)) {
      deliver(from, fragment->tag, fragment->total, reinterpret_cast<const char*>(fragment + 1),
              fragment->bytes);
    }
    const int64_t step = padded(fragment->bytes) + static_cast<int64_t>(sizeof(Fragment));
    own_lines(fragment, step);
    tail += static_cast<uint64_t>(step);
    in.tail.store(tail);
  }
  if (in.starved.load()) {
    in.starved.store(0);
    ring_bell(from);
  }
  return true;
}

bool ShmLink::poll() {
  heard_ = process(index_).bell.load();
  bool moved = false;
  for (int i = 0; i < count_; ++i) {
    if (i != index_) moved |= drain(i);
  }
  return moved;
}

void ShmLink::ring_bell(int peer) {
  process(peer).bell.fetch_add(1);
  if (process(peer).asleep.load()) {
    syscall(SYS_futex, &process(peer).bell, FUTEX_WAKE, 1, nullptr, nullptr, 0);
  }
}

void ShmLink::wake_sleeper(int peer) {
  if (process(peer).asleep.load()) ring_bell(peer);
}

bool ShmLink::has_message() const {
  for (int i = 0; i < count_; ++i) {
    const ShmRing& in = ring(i, index_);
    if (i != index_ && in.head.load() != in.tail.load(std::memory_order_relaxed)) return true;
  }
  return false;
}

void ShmLink::wake() { ring_bell(index_); }

void ShmLink::idle(int64_t timeout_ns) {
  ShmProcess& me = process(index_);
  me.asleep.store(1);
  if (!has_message()) {
    const timespec limit{timeout_ns / 1000000000, timeout_ns % 1000000000};
    syscall(SYS_futex, &me.bell, FUTEX_WAIT, heard_.load(), &limit, nullptr, 0);
  }
  me.asleep.store(0);
}

void ShmLink::beat() { process(index_).beat_ns = Native::now_ns(); }

std::string ShmLink::trouble(int peer, int64_t awake_ns) {
  static const int64_t limit_s = env::get_int("PLAIT_DIST_HEARTBEAT", nullptr, 10);
  const ShmProcess& p = process(peer);
  const int rank = ranks_[static_cast<size_t>(peer)];
  if (p.has_failed) return cat("rank ", rank, " failed: ", p.failure);
  if (p.has_left) return cat("rank ", rank, " has ended without it");
  Heard& heard = beats_[static_cast<size_t>(peer)];
  if (const int64_t beat = p.beat_ns; beat != heard.beat_ns) heard = {beat, awake_ns};
  const int64_t silent_ns = awake_ns - heard.awake_ns;
  if (silent_ns < kDoubtNs) return {};
  const char state = process_state(p.pid);
  if (state == '\0' || state == 'Z') return cat("rank ", rank, " (process ", p.pid, ") has died");
  const bool is_stopped = state == 'T' || state == 't';
  const int64_t patience = is_stopped ? 1 : kPatience;
  if (limit_s <= 0 || silent_ns < patience * limit_s * 1000000000) return {};
  return cat("rank ", rank, " (process ", p.pid, ") ",
             is_stopped ? "is stopped" : "shows no sign of life", " for ", silent_ns / 1000000000,
             " s");
}

void ShmLink::announce_failure(const std::string& message) {
  ShmProcess& me = process(index_);
  if (me.has_failed) return;
  std::strncpy(me.failure, message.c_str(), sizeof me.failure - 1);
  me.has_failed = 1;
  for (int i = 0; i < count_; ++i) ring_bell(i);
}

}  // namespace plait::dist
