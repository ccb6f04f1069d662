#pragma once

#include <span>

#include "base/device.h"
#include "op/op.h"

// Calls on devices other than the CPU.
namespace plait::op {

// Runs the kernel that `op` has for the device; throws ErrorKind::kNotImplemented if it has none.
// On a gpu the work is enqueued; in serial mode it is done when the call returns.
void run_kernel(const Op& op, const void* attrs, const KernelArgs& args, Device device);

bool has_kernel(const Op& op, Device device);

// True if one of the arrays is on a gpu; null ones are skipped.
bool any_on_gpu(std::span<const ArrayRef> arrays);

// Throws ErrorKind::kDevice unless all arrays of a call are on one device.
void check_places(const Op& op, std::span<const ArrayRef> in, std::span<const ArrayRef> out);

// to = from, from one device's memory to another's; both have one spec.
void transfer(ArrayRef from, const ArrayRef& to, int32_t priority);

}  // namespace plait::op
