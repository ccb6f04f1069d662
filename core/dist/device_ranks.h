#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "base/device.h"
#include "base/ref.h"
#include "dist/schedule.h"
#include "memory/accelerator.h"

// Operations whose data go from device to device (NCCL). Their order, waiting, time limits and
// failures are those of all operations: a schedule starts them and asks whether they are done.
namespace plait::dist {

// The place of one operation in the line of its device. Operations on a device begin in the order
// in which the program called them, whatever communicators they belong to: ranks that call in the
// same order never wait for each other crosswise. Gives its place up in the end.
class Turn {
 public:
  explicit Turn(Device device);  // at the end of the line
  Turn(Turn&& other) noexcept;
  ~Turn() { pass(); }
  bool has_come() const;
  void pass();
  Device device() const { return device_; }

 private:
  Device device_;
  uint64_t number_ = 0;  // 0: passed
};

// The ranks of one communicator on their devices; shared by those that live in this process.
class DeviceRanks final : public RefCounted {
 public:
  // `here` ranks, of `size`, are in this process.
  DeviceRanks(int size, int here) : size_(size), here_(here) {}

  // For ranks in several processes: all call it at the same time. Throws ErrorKind::kDevice.
  void join(const memory::GroupId& id, int rank, Device device);
  bool has_joined() const { return group_ != nullptr; }
  // Where a rank of this process is. Throws ErrorKind::kDevice if it was on another device before,
  // or another rank is there.
  void place(const char* kind, int rank, Device device);

  // One operation while not all of its ranks have come.
  struct Meeting {
    std::map<int, std::vector<memory::GroupCall>> calls;  // by rank
    std::unique_ptr<memory::GroupOperation> operation;    // once all are here
    bool is_done = false;
  };
  // With the lock of Progress: what a rank does in operation `number`.
  std::shared_ptr<Meeting> come(uint32_t number, int rank, Device device,
                                std::vector<memory::GroupCall> calls);

 private:
  const int size_, here_;
  std::map<int, Device> devices_;  // by rank
  std::map<uint32_t, std::shared_ptr<Meeting>> meetings_;
  std::unique_ptr<memory::DeviceGroup> group_;
};

// Those of all communicators whose ranks live in one process, by number and ranks in the transport.
struct DeviceTable {
  std::mutex mutex;
  std::map<std::pair<uint16_t, std::vector<int>>, Ref<DeviceRanks>> ranks;
};

// The operation of one rank; `others` are the ranks it needs, for messages.
Schedule exchange(Ref<DeviceRanks> ranks, Turn turn, uint32_t number, int rank,
                  std::vector<memory::GroupCall> calls, std::vector<int> others);

}  // namespace plait::dist
