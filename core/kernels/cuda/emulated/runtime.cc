#include "kernels/cuda/runtime.h"

#include <sys/mman.h>

#include <cstring>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "base/env.h"
#include "base/error.h"
#include "kernels/cuda/emulated/group.h"
#include "kernels/cuda/log.h"
#include "memory/accelerator.h"

// Devices that are a piece of this process, for tests of all that CUDA's kernels share with it.
//
// Their memory can be touched only while a stream runs: code of the host that reads it ends with a
// segmentation fault. Streams run when somebody waits, and not before; memory that was given back
// is filled with NaN at its place in the stream, so a kernel that still wants it computes nonsense.
// PLAIT_EMULATED_DEVICES is the number of devices; PLAIT_EMULATED_FAIL names an operator at which a
// device breaks down, as a real one does at an illegal address.
namespace plait::cuda {
namespace {

constexpr int64_t kBytes = int64_t{2} << 30;  // of all devices together
constexpr size_t kMostQueued = 256;

using Free = std::map<int64_t, std::vector<char*>>;  // blocks by their sizes

struct Lane {
  Free free;
  std::deque<std::function<void()>> queue;
  Log log;
  std::string failure;  // for good, as with CUDA
};

thread_local Lane* mine = nullptr;  // while the thread runs an operator

class Emulated final : public memory::Accelerator {
 public:
  const char* name() const override { return "CUDA (emulated)"; }
  int32_t count() override { return static_cast<int32_t>(lanes_.size()); }
  memory::SystemMemory memory(int32_t) override {
    std::lock_guard lock(mutex_);
    return {kBytes - in_use_, kBytes};
  }

  void* allocate(int32_t device, int64_t bytes) override { return take(lane(device), bytes); }
  void* take(Lane& l, int64_t bytes) {
    std::lock_guard lock(mutex_);
    int64_t size = (bytes + 255) / 256 * 256;
    char* block = taken(l.free, size, l.free.find(size));
    if (!block && used_ + size <= kBytes) {
      block = arena_ + used_;
      used_ += size;
    }
    if (!block) block = taken(l.free, size, l.free.lower_bound(size));  // a larger one
    check(block, ErrorKind::kOutOfMemory, "CUDA: allocation of ", bytes,
          " bytes failed: out of memory");
    sizes_[block] = size;
    in_use_ += size;
    return block;
  }
  void deallocate(int32_t device, void* block) noexcept override { give_back(lane(device), block); }
  void give_back(Lane& l, void* memory) noexcept {
    std::lock_guard lock(mutex_);
    char* const block = static_cast<char*>(memory);
    const int64_t size = sizes_[block];
    in_use_ -= size;
    l.free[size].push_back(block);
    l.queue.push_back([block, size] { std::memset(block, 0xff, static_cast<size_t>(size)); });
  }

  void copy_from_host(int32_t device, void* to, const void* from, int64_t bytes) override {
    push_copy(lane(device), to, from, bytes);
  }
  void push_copy(Lane& l, void* to, const void* from, int64_t bytes) {
    const char* first = static_cast<const char*>(from);
    push(l, [to, bytes = std::vector<char>(first, first + bytes)] {
      std::memcpy(to, bytes.data(), bytes.size());
    });
  }
  void copy_to_host(int32_t device, void* to, const void* from, int64_t bytes) override {
    Lane& l = lane(device);
    push(l, [=] { std::memcpy(to, from, static_cast<size_t>(bytes)); });
    drain(l);
  }
  void copy_across(int32_t to_device, void* to, int32_t from_device, const void* from,
                   int64_t bytes) override {
    drain(lane(from_device));
    Lane& l = lane(to_device);
    push(l, [=] { std::memcpy(to, from, static_cast<size_t>(bytes)); });
    drain(l);
  }
  void synchronize(int32_t device) override { drain(lane(device)); }

  const op::DeviceKernel* kernel(const std::string& name) const override {
    return find_kernel(name);
  }
  void run(int32_t device, const char* name, void (*work)(void*), void* data) override {
    Lane* const before = mine;
    mine = &lane(device);
    mine->log.add(name);
    if (broken_ == name) push(*mine, [] { throw std::runtime_error("illegal memory access"); });
    try {
      work(data);
    } catch (...) {
      mine = before;
      throw;
    }
    mine = before;
  }

  std::string why_no_groups() override { return {}; }
  memory::GroupId new_group_id() override { return new_emulated_id(); }
  std::unique_ptr<memory::DeviceGroup> join_group(
      const memory::GroupId& id, int32_t size,
      std::span<const memory::GroupMember> members) override {
    return join_emulated(id, size, members);
  }
  void run_behind(int32_t device, const char* name, std::function<void()> work) {
    run(
        device, name, [](void*) {}, nullptr);
    Lane& l = lane(device);
    push(l, std::move(work));
    drain(l);
  }

  void push(Lane& l, std::function<void()> work) {
    std::unique_lock lock(mutex_);
    l.queue.push_back(std::move(work));
    if (l.queue.size() >= kMostQueued) run_all(l);
  }

  static Emulated& get() {
    static auto* emulated = new Emulated;  // outlives all threads
    return *emulated;
  }

 private:
  Emulated()
      : lanes_(static_cast<size_t>(env::get_int("PLAIT_EMULATED_DEVICES", nullptr, 2))),
        broken_(env::get_string("PLAIT_EMULATED_FAIL", nullptr, "")) {
    void* const memory =
        mmap(nullptr, kBytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    check(memory != MAP_FAILED, ErrorKind::kOutOfMemory, "no memory for emulated devices");
    arena_ = static_cast<char*>(memory);
  }

  // A block of the size at `it`, which `size` becomes; null if there is none.
  static char* taken(Free& free, int64_t& size, Free::iterator it) {
    if (it == free.end()) return nullptr;
    size = it->first;
    char* const block = it->second.back();
    it->second.pop_back();
    if (it->second.empty()) free.erase(it);
    return block;
  }

  Lane& lane(int32_t device) { return lanes_[static_cast<size_t>(device)]; }

  void drain(Lane& l) {
    std::lock_guard lock(mutex_);
    run_all(l);
    check(l.failure.empty(), ErrorKind::kDevice, l.failure);
    l.log.clear();
  }
  void run_all(Lane& l) {
    mprotect(arena_, static_cast<size_t>(used_), PROT_READ | PROT_WRITE);
    try {
      for (; l.failure.empty() && !l.queue.empty(); l.queue.pop_front()) l.queue.front()();
    } catch (const std::exception& e) {
      l.failure = cat("gpu(", &l - lanes_.data(), "): ", e.what(), " in ", l.log.text());
    }
    l.queue.clear();
    mprotect(arena_, static_cast<size_t>(used_), PROT_NONE);
  }

  std::mutex mutex_;
  std::vector<Lane> lanes_;
  std::string broken_;
  char* arena_ = nullptr;
  int64_t used_ = 0, in_use_ = 0;
  std::map<char*, int64_t> sizes_;
};

}  // namespace

void run_behind(int32_t device, const char* name, std::function<void()> work) {
  Emulated::get().run_behind(device, name, std::move(work));
}

void enqueue(std::function<void()> work) { Emulated::get().push(*mine, std::move(work)); }

void* allocate(int64_t bytes) { return bytes ? Emulated::get().take(*mine, bytes) : nullptr; }
void deallocate(void* block) noexcept {
  if (block) Emulated::get().give_back(*mine, block);
}
void copy_bytes(void* to, const void* from, int64_t bytes) {
  enqueue([=] { std::memcpy(to, from, static_cast<size_t>(bytes)); });
}
void zero_bytes(void* to, int64_t bytes) {
  enqueue([=] { std::memset(to, 0, static_cast<size_t>(bytes)); });
}
void copy_from_host(void* to, const void* from, int64_t bytes) {
  Emulated::get().push_copy(*mine, to, from, bytes);
}

}  // namespace plait::cuda

extern "C" __attribute__((visibility("default"))) plait::memory::Accelerator* plait_accelerator(
    const char* version) {
  return std::strcmp(version, PLAIT_VERSION_STRING) ? nullptr : &plait::cuda::Emulated::get();
}
