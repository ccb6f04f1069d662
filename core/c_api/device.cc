#include "c_api/common.h"
#include "memory/system.h"

using namespace plait;
using namespace plait::c_api;

int32_t plait_device_count(int32_t kind) {
  switch (kind) {
    case PLAIT_DEVICE_CPU:
    case PLAIT_DEVICE_CPU_PINNED:
    case PLAIT_DEVICE_CPU_SHARED: return 1;
    case PLAIT_DEVICE_GPU: return 0;  // this build has none
  }
  return -1;
}

plait_status_t plait_device_memory(plait_device_t device, int64_t* available, int64_t* total) {
  return guarded([&] {
    require(available, "available");
    require(total, "total");
    const int32_t count = plait_device_count(device.kind);
    check(count >= 0, ErrorKind::kInvalidArgument, "kind of a device is ", device.kind,
          ", must be 1, 2, 3 or 5");
    check(count > 0, ErrorKind::kDevice, "device is ",
          Device{static_cast<DeviceKind>(device.kind), device.id},
          ", must be a cpu: this build has no CUDA");
    const memory::SystemMemory bytes = memory::system_memory();
    *available = bytes.available;
    *total = bytes.total;
  });
}
