#include "c_api/common.h"
#include "memory/accelerator.h"
#include "memory/system.h"

using namespace plait;
using namespace plait::c_api;

int32_t plait_device_count(int32_t kind) {
  switch (kind) {
    case PLAIT_DEVICE_CPU:
    case PLAIT_DEVICE_CPU_PINNED:
    case PLAIT_DEVICE_CPU_SHARED: return 1;
    case PLAIT_DEVICE_GPU: return memory::accelerator_count();
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
    const Device place{static_cast<DeviceKind>(device.kind), device.id};
    const memory::SystemMemory bytes =
        is_gpu(place) ? memory::accelerator_of(place).memory(place.id) : memory::system_memory();
    *available = bytes.available;
    *total = bytes.total;
  });
}
