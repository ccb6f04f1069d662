#pragma once

#include <functional>
#include <memory>
#include <span>

#include "memory/device_group.h"

// Exchange between emulated devices, of one process or of several.
namespace plait::cuda {

memory::GroupId new_emulated_id();
std::unique_ptr<memory::DeviceGroup> join_emulated(const memory::GroupId& id, int32_t size,
                                                   std::span<const memory::GroupMember> members);

// Runs all that is enqueued on a device, then `work`, which may touch its memory, as an operator of
// this name. Throws what the device has failed with.
void run_behind(int32_t device, const char* name, std::function<void()> work);

}  // namespace plait::cuda
