#pragma once

#include <cstdint>
#include <ostream>

namespace plait {

// Numbers are those of MXNet's array files.
enum class DeviceKind : int32_t { kCpu = 1, kGpu = 2, kCpuPinned = 3, kCpuShared = 5 };

struct Device {
  DeviceKind kind = DeviceKind::kCpu;
  int32_t id = 0;
  friend bool operator==(const Device&, const Device&) = default;
};

inline bool is_gpu(Device d) { return d.kind == DeviceKind::kGpu; }
// All kinds of CPU memory are one memory.
inline bool share_memory(Device a, Device b) {
  return !is_gpu(a) ? !is_gpu(b) : is_gpu(b) && a.id == b.id;
}

inline const char* device_kind_name(DeviceKind kind) {
  switch (kind) {
    case DeviceKind::kCpu: return "cpu";
    case DeviceKind::kGpu: return "gpu";
    case DeviceKind::kCpuPinned: return "cpu_pinned";
    case DeviceKind::kCpuShared: return "cpu_shared";
  }
  return "unknown";
}

inline std::ostream& operator<<(std::ostream& out, const Device& d) {
  return out << device_kind_name(d.kind) << '(' << d.id << ')';
}

}  // namespace plait
