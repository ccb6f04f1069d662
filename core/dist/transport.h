#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/ref.h"
#include "kernels/combine.h"

// Messages between ranks. All functions are called with the progress engine's lock held, so a
// transport needs none of its own.
namespace plait::dist {

using kernels::Combine;
using kernels::combine_of;

// Marks the messages of one operation of one communicator. At most one message with a tag is on its
// way between two ranks in each direction.
struct Tag {
  uint16_t context = 0;  // number of the communicator
  bool point_to_point = false;
  uint16_t channel = 0;  // the user's tag of a send
  uint32_t number = 0;   // counts operations (sends to this rank with this user's tag)

  // A value that differs between any two tags.
  uint64_t packed() const {
    return uint64_t{context} << 48 | uint64_t{point_to_point} << 47 | uint64_t{channel} << 32 |
           number;
  }
};

// Where a message goes. With `combine`, its elements of `item` bytes are reduced into what is
// there; otherwise they replace it.
struct Landing {
  void* data = nullptr;
  int64_t bytes = 0;
  Combine combine = nullptr;
  int64_t item = 1;

  void take(int64_t offset, const void* source, int64_t count_bytes) const;
};

enum class Advance { kStuck, kMoved, kDone };

// A message on its way. Destroying it before it is done gives it up.
class Transfer {
 public:
  Transfer(int peer, bool is_send) : peer(peer), is_send(is_send) {}
  Transfer(const Transfer&) = delete;
  virtual ~Transfer() = default;
  virtual Advance advance() = 0;

  const int peer;  // rank in the transport
  const bool is_send;
};
using TransferPtr = std::unique_ptr<Transfer>;

class Transport : public RefCounted {
 public:
  Transport(int rank, int size) : rank_(rank), size_(size) {}
  int rank() const { return rank_; }
  int size() const { return size_; }

  virtual TransferPtr send(int peer, Tag tag, const void* data, int64_t bytes) = 0;
  virtual TransferPtr receive(int peer, Tag tag, const Landing& landing) = 0;

  // Takes in what has come; true if something has.
  virtual bool poll() { return false; }
  // Sleeps until something may have come, at most so long. False: cannot wait for all peers, the
  // caller sleeps.
  virtual bool idle(int64_t) { return false; }
  virtual void wake() {}  // ends idle(), from any thread
  // Must be called a few times a second: tells the others that this process lives.
  virtual void beat() {}
  // Why nothing can come from this peer any more; "" if something may. `awake_ns` is how long this
  // process has run, which is what the peer's silence is measured by.
  virtual std::string trouble(int peer, int64_t awake_ns) {
    static_cast<void>(peer), static_cast<void>(awake_ns);
    return {};
  }
  // Tells all ranks why this one cannot go on.
  virtual void announce_failure(const std::string&) {}
  // Ends the processes of all ranks if the transport can; otherwise returns.
  virtual void kill_all() {}
  // False if the ranks live in one process, where a rank that blocks may keep others from sending.
  virtual bool is_between_processes() const { return true; }

  // True if each rank of this machine can have a core of its own.
  virtual bool has_cores() const { return false; }

  // How long the pieces should be in which large data go round: short ones stay in a cache from one
  // step to the next, long ones need fewer messages. The same on all ranks.
  virtual int64_t piece_bytes() const { return int64_t{1} << 40; }

  // Numbers that communicators can have: fewer than this.
  virtual int contexts() const { return 65535; }

  std::string failure;        // once set, every operation fails with it
  uint16_t next_context = 1;  // smallest number no communicator of this rank has
  std::shared_ptr<struct DeviceTable> device_table;  // only if all ranks live in one process

 private:
  const int rank_, size_;
};

using TransportRef = Ref<Transport>;

// Ranks that live in this process.
std::vector<TransportRef> in_process_transports(int size);

}  // namespace plait::dist
