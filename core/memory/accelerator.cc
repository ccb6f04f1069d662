#include "memory/accelerator.h"

#include <dlfcn.h>

#include <atomic>

#include "base/env.h"
#include "base/error.h"

namespace plait::memory {
namespace {

struct Found {
  Accelerator* accelerator = nullptr;
  std::string reason;
};

std::atomic<bool> is_used{false};

// The file beside the library that holds this function.
std::string default_library() {
  Dl_info info;
  if (!dladdr(reinterpret_cast<void*>(&default_library), &info) || !info.dli_fname) return "";
  const std::string path = info.dli_fname;
  return path.substr(0, path.rfind('/') + 1) + "libplait_cuda.so";
}

Found load() {
  const std::string path = env::get_string("PLAIT_DEVICE_LIBRARY", nullptr, default_library());
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library) return {nullptr, dlerror()};
  // Null if the library was built from another version of the source.
  using Open = Accelerator* (*)(const char* version);
  const auto open = reinterpret_cast<Open>(dlsym(library, "plait_accelerator"));
  if (!open) return {nullptr, path + " has no function plait_accelerator"};
  try {
    Accelerator* const opened = open(PLAIT_VERSION_STRING);
    if (opened) return {opened, ""};
    return {nullptr, path + " is not of version " PLAIT_VERSION_STRING};
  } catch (const std::exception& e) {
    return {nullptr, e.what()};
  }
}

const Found& found() {
  static const Found* result = new Found(load());
  return *result;
}

}  // namespace

Accelerator* accelerator() { return found().accelerator; }
const std::string& why_no_accelerator() { return found().reason; }

Accelerator& accelerator_of(Device device) {
  Accelerator* const a = accelerator();
  check(a, ErrorKind::kDevice, "context is ", device,
        ", must be a cpu: no CUDA library is there\n  hint: ", why_no_accelerator());
  const int32_t count = accelerator_count();
  check(device.id >= 0 && device.id < count, ErrorKind::kDevice, "context is ", device,
        count ? ", must be a cpu, or a gpu below " : ", must be a cpu: the number of gpus is ",
        count);
  is_used.store(true, std::memory_order_relaxed);
  return *a;
}

int32_t accelerator_count() {
  static const int32_t count = accelerator() ? accelerator()->count() : 0;
  return count;
}

std::string why_no_device_groups() {
  if (env::get_int("PLAIT_NCCL", nullptr, 1) == 0) return "NCCL: PLAIT_NCCL=0 forbids it";
  Accelerator* const a = accelerator();
  if (!a) {
    return "NCCL: no CUDA library is there (" + why_no_accelerator() +
           ")\n  hint: `make cuda` builds it";
  }
  return a->why_no_groups();
}

void synchronize_devices() {
  if (!is_used.load(std::memory_order_relaxed)) return;
  for (int32_t i = 0; i < accelerator_count(); ++i) accelerator()->synchronize(i);
}

}  // namespace plait::memory
