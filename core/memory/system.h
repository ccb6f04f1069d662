#pragma once

#include <cstdint>

namespace plait::memory {

// Bytes of the machine's memory: all, and what new arrays can have without swapping.
struct SystemMemory {
  int64_t available = 0, total = 0;
};

// As the system tells in /proc/meminfo (proc(5)). Throws ErrorKind::kIo where it does not.
SystemMemory system_memory();

}  // namespace plait::memory
