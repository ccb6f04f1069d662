#include "memory/system.h"

#include <fstream>
#include <limits>
#include <string>

#include "base/error.h"

namespace plait::memory {

SystemMemory system_memory() {
  SystemMemory memory;
  std::ifstream file("/proc/meminfo");
  std::string name;
  int64_t kib = 0;
  while (file >> name >> kib) {  // "MemTotal:  16318480 kB"
    if (name == "MemTotal:") memory.total = kib << 10;
    if (name == "MemAvailable:") memory.available = kib << 10;
    file.ignore(std::numeric_limits<std::streamsize>::max(), '\n');
  }
  check(memory.total > 0, ErrorKind::kIo, "memory: /proc/meminfo does not tell MemTotal");
  return memory;
}

}  // namespace plait::memory
