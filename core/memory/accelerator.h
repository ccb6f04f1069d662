#pragma once

#include <cstdint>
#include <string>

#include "base/device.h"
#include "memory/device_group.h"
#include "memory/system.h"

// Devices other than the CPU come from a library of their own, which is loaded when an array is
// first made on one: libplait_cuda.so beside libplait.so, or the file that PLAIT_DEVICE_LIBRARY
// names. It is built from this source tree by the same compiler, so C++ types pass between the two.
namespace plait::op {
class DeviceKernel;
}

namespace plait::memory {

// What such a library does. Each device has one stream: work is done in the order in which it is
// enqueued, so memory that is given back may be handed out again at once. A function that fails
// throws an Error. Threads may call all at the same time.
class Accelerator {
 public:
  virtual ~Accelerator() = default;
  virtual const char* name() const = 0;  // "CUDA"
  virtual int32_t count() = 0;           // devices
  virtual SystemMemory memory(int32_t device) = 0;

  // At least `bytes` > 0 bytes, aligned to 256.
  virtual void* allocate(int32_t device, int64_t bytes) = 0;
  virtual void deallocate(int32_t device, void* block) noexcept = 0;

  // Enqueued; `from` may change once the call has returned.
  virtual void copy_from_host(int32_t device, void* to, const void* from, int64_t bytes) = 0;
  // Done when the call returns: waits for all that was enqueued before.
  virtual void copy_to_host(int32_t device, void* to, const void* from, int64_t bytes) = 0;
  // From one device to another; done when the call returns.
  virtual void copy_across(int32_t to_device, void* to, int32_t from_device, const void* from,
                           int64_t bytes) = 0;
  // Waits for all that was enqueued; throws ErrorKind::kDevice if some of it failed.
  virtual void synchronize(int32_t device) = 0;

  // The kernel of an operator; null: it has none.
  virtual const op::DeviceKernel* kernel(const std::string& name) const = 0;
  // Calls work(data), which enqueues what operator `name` does.
  virtual void run(int32_t device, const char* name, void (*work)(void*), void* data) = 0;

  // "" if devices can exchange data directly; otherwise what is missing and how to get it.
  virtual std::string why_no_groups() = 0;
  // Made by one rank, for all that join.
  virtual GroupId new_group_id() = 0;
  // Returns when all `size` ranks have joined, in whichever processes they are.
  virtual std::unique_ptr<DeviceGroup> join_group(const GroupId& id, int32_t size,
                                                  std::span<const GroupMember> members) = 0;
};

// The library's; null if there is none: why_no_accelerator() says why. It stays for good.
Accelerator* accelerator();
const std::string& why_no_accelerator();

// The accelerator with this device. Throws ErrorKind::kDevice.
Accelerator& accelerator_of(Device device);

// Number of devices; 0 without a library.
int32_t accelerator_count();

// "" if devices can exchange data directly (NCCL); otherwise why not. PLAIT_NCCL=0: never.
std::string why_no_device_groups();

// Waits for what is enqueued on all devices that were used; throws what failed.
void synchronize_devices();

}  // namespace plait::memory
