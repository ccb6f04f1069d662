#pragma once

#include <memory>
#include <span>
#include <string>

#include "memory/device_group.h"

// Exchange between devices through NCCL, whose library is loaded when it is first asked for.
namespace plait::cuda {

std::string why_no_nccl();
memory::GroupId new_nccl_id();
std::unique_ptr<memory::DeviceGroup> join_nccl(const memory::GroupId& id, int32_t size,
                                               std::span<const memory::GroupMember> members);

}  // namespace plait::cuda
