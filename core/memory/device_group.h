#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/dtype.h"
#include "base/reduction.h"

// Ranks whose arrays lie on devices that exchange data directly, as NCCL does it.
namespace plait::memory {

enum class Collective : int32_t {
  kAllreduce,
  kReduceScatter,
  kAllgather,
  kBroadcast,
  kSend,
  kReceive
};

// What one rank does. Addresses are on its device; `from` may be `to`.
struct GroupCall {
  Collective kind;
  const void* from = nullptr;  // not for kReceive; for kBroadcast only on the root
  void* to = nullptr;          // not for kSend
  int64_t count = 0;           // elements sent, of kReduceScatter received; > 0
  DType dtype = DType::kUint8;
  Reduction reduction = Reduction::kSum;
  int32_t peer = 0;  // root of kBroadcast; rank for kSend and kReceive
};

// A rank of this process.
struct GroupMember {
  int32_t device;
  int32_t rank;
};

// An operation on its way. Destroying it before it is done gives up the whole group.
class GroupOperation {
 public:
  virtual ~GroupOperation() = default;
  virtual bool is_done() = 0;  // throws ErrorKind::kDevice if it has failed
};

// Threads call one after another.
class DeviceGroup {
 public:
  virtual ~DeviceGroup() = default;
  // Enqueues one operation: `calls[i]` are those of member i, which may be several. It begins when
  // all is done that was enqueued on the devices before, and goes on beside what comes later. All
  // ranks start the same operations in the same order.
  virtual std::unique_ptr<GroupOperation> start(std::span<const std::vector<GroupCall>> calls) = 0;
};

using GroupId = std::array<char, 128>;

// Whether values of a dtype can be reduced; those of all can be moved, as bytes.
inline bool can_reduce(DType dtype) {
  return !is_complex(dtype) && dtype != DType::kInt16 && dtype != DType::kUint16;
}

}  // namespace plait::memory
