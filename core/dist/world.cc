#include <unistd.h>

#include <algorithm>

#include <cstring>
#include <fstream>
#include <iostream>
#include <random>
#include <thread>

#include "base/env.h"
#include "dist/mpi.h"
#include "dist/shm.h"

namespace plait::dist {
namespace {

constexpr int64_t kMostMessageBytes = int64_t{1} << 30;  // MPI counts with an int

// Through shared memory a step of a ring costs less than a miss of the second cache for each line
// of it: 16 MiB among 4 ranks take 7.4 ms in such pieces, 8.9 in whole ones (AMD Zen 4, 1 MiB a
// core).
constexpr int64_t kSharedPieceBytes = 128 << 10;

// Tags of MPI have at least 15 bits by its standard and 20 in what exists. Operations of one
// communicator that are on their way at the same time are nearer to each other than 2^15.
int mpi_tag(const Tag& tag) {
  const int context = tag.context & 15;
  const int number = tag.point_to_point
                         ? (tag.channel & 127) << 7 | static_cast<int>(tag.number & 127) | 1 << 14
                         : static_cast<int>(tag.number & 0x3fff);
  return context << 15 | number;
}

// A message in pieces that MPI can count.
class MpiTransfer final : public Transfer {
 public:
  MpiTransfer(Mpi& mpi, int peer, int tag, const void* data, int64_t bytes) : Transfer(peer, true) {
    const char* at = static_cast<const char*>(data);
    for_pieces(bytes, [&](int64_t offset, int count) {
      pieces_.push_back(mpi.send(peer, tag, at + offset, count));
    });
  }
  MpiTransfer(Mpi& mpi, int peer, int tag, const Landing& landing)
      : Transfer(peer, false), landing_(landing) {
    char* at = static_cast<char*>(landing.data);
    if (landing.combine) {
      arriving_.resize(static_cast<size_t>(landing.bytes));
      at = arriving_.data();
    }
    for_pieces(landing.bytes, [&](int64_t offset, int count) {
      pieces_.push_back(mpi.receive(peer, tag, at + offset, count));
    });
  }

  Advance advance() override {
    bool moved = false;
    while (next_ < pieces_.size()) {
      int64_t received = 0;
      if (!pieces_[next_]->test(&received)) return moved ? Advance::kMoved : Advance::kStuck;
      total_ += received;
      moved = true;
      ++next_;
    }
    if (is_send) return Advance::kDone;
    check(total_ == landing_.bytes, ErrorKind::kComm, "rank ", peer, " sent ", total_,
          " bytes, must be ", landing_.bytes);
    if (landing_.combine) landing_.take(0, arriving_.data(), landing_.bytes);
    return Advance::kDone;
  }

 private:
  template <class F>
  static void for_pieces(int64_t bytes, const F& f) {
    int64_t offset = 0;
    do {
      const int64_t count = std::min(kMostMessageBytes, bytes - offset);
      f(offset, static_cast<int>(count));
      offset += count;
    } while (offset < bytes);
  }

  Landing landing_;
  std::vector<char> arriving_;
  std::vector<std::unique_ptr<MpiRequest>> pieces_;
  size_t next_ = 0;
  int64_t total_ = 0;
};

// What ranks tell each other at the start.
struct Introduction {
  uint64_t machine = 0;  // the same for processes that can share memory
  uint64_t secret = 0;   // names the memory
  int32_t wants_memory = 0;
  int32_t has_memory = 0;
};

uint64_t machine_number() {
  std::ifstream boot("/proc/sys/kernel/random/boot_id");
  std::string text;
  std::getline(boot, text);
  char space[64] = "";
  // Processes in different containers have the boot in common, but not the memory.
  if (readlink("/proc/self/ns/ipc", space, sizeof space - 1) > 0) text += space;
  if (readlink("/proc/self/ns/mnt", space, sizeof space - 1) > 0) text += space;
  return std::hash<std::string>{}(text);
}

class WorldTransport final : public Transport {
 public:
  explicit WorldTransport(std::unique_ptr<Mpi> mpi)
      : Transport(mpi->rank(), mpi->size()),
        mpi_(std::move(mpi)),
        local_(static_cast<size_t>(size()), -1) {
    const std::vector<int> neighbours = introduce();
    for (size_t i = 0; link_ && i < neighbours.size(); ++i) {
      local_[static_cast<size_t>(neighbours[i])] = static_cast<int>(i);
    }
    all_local_ = link_ && neighbours.size() == static_cast<size_t>(size());
    has_cores_ = neighbours.size() <= std::thread::hardware_concurrency();
  }

  TransferPtr send(int peer, Tag tag, const void* data, int64_t bytes) override {
    if (const int i = local(peer); i >= 0) return link_->send(i, tag.packed(), data, bytes);
    return std::make_unique<MpiTransfer>(*mpi_, peer, mpi_tag(tag), data, bytes);
  }
  TransferPtr receive(int peer, Tag tag, const Landing& landing) override {
    if (const int i = local(peer); i >= 0) return link_->receive(i, tag.packed(), landing);
    return std::make_unique<MpiTransfer>(*mpi_, peer, mpi_tag(tag), landing);
  }
  bool poll() override { return link_ && link_->poll(); }
  bool idle(int64_t timeout_ns) override {
    if (!all_local_) return false;
    link_->idle(timeout_ns);
    return true;
  }
  void wake() override {
    if (link_) link_->wake();
  }
  void beat() override {
    if (link_) link_->beat();
  }
  std::string trouble(int peer, int64_t awake_ns) override {
    const int i = local(peer);
    return i >= 0 ? link_->trouble(i, awake_ns) : std::string();
  }
  void announce_failure(const std::string& message) override {
    if (link_) link_->announce_failure(message);
  }
  bool has_cores() const override { return has_cores_; }
  int64_t piece_bytes() const override {
    return all_local_ ? kSharedPieceBytes : Transport::piece_bytes();
  }
  int contexts() const override { return all_local_ ? 65535 : 16; }
  void kill_all() override { mpi_->abort(); }

 private:
  int local(int peer) const { return local_[static_cast<size_t>(peer)]; }

  std::vector<Introduction> exchange(const Introduction& mine) {
    std::vector<Introduction> all(static_cast<size_t>(size()));
    mpi_->allgather(&mine, all.data(), sizeof mine);
    return all;
  }

  // Ranks on this machine; makes link_ if they all can have shared memory.
  std::vector<int> introduce() {
    Introduction mine;
    mine.machine = machine_number();
    mine.secret = std::random_device{}() | uint64_t{std::random_device{}()} << 32;
    mine.wants_memory = env::get_int("PLAIT_DIST_SHM", nullptr, 1) != 0;
    const std::vector<Introduction> all = exchange(mine);
    std::vector<int> neighbours;
    bool wanted = true;
    for (int i = 0; i < size(); ++i) {
      const Introduction& other = all[static_cast<size_t>(i)];
      if (other.machine != mine.machine) continue;
      neighbours.push_back(i);
      wanted = wanted && other.wants_memory;
    }
    const auto index = static_cast<int>(std::find(neighbours.begin(), neighbours.end(), rank()) -
                                        neighbours.begin());
    const uint64_t secret = all[static_cast<size_t>(neighbours[0])].secret;
    const std::string name = cat("/plait-", std::hex, secret);
    wanted = wanted && neighbours.size() > 1;
    if (wanted && index == 0) mine.has_memory = make_memory(name, neighbours.size());
    const bool made = exchange(mine)[static_cast<size_t>(neighbours[0])].has_memory != 0;
    if (made) link_ = std::make_unique<ShmLink>(name, index, neighbours);
    mpi_->barrier();
    if (made && index == 0) ShmLink::unlink(name);
    return neighbours;
  }

  static int32_t make_memory(const std::string& name, size_t count) {
    try {
      ShmLink::create(name, static_cast<int>(count));
      return 1;
    } catch (const Error& e) {
      std::cerr << "plait: " << e.what() << "; messages go through MPI\n";
      return 0;
    }
  }

  std::unique_ptr<Mpi> mpi_;
  std::unique_ptr<ShmLink> link_;
  std::vector<int> local_;  // by rank: its number in link_; -1: on another machine
  bool all_local_ = false, has_cores_ = false;
};

}  // namespace

TransportRef world_transport(const void* handle) {
  return make_ref<WorldTransport>(Mpi::open(handle));
}

}  // namespace plait::dist
