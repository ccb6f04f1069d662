#include "kernels/cuda/runtime.h"

#include <cstring>
#include <memory>
#include <mutex>
#include <vector>

#include "base/error.h"
#include "kernels/cuda/log.h"
#include "kernels/cuda/real/nccl.h"
#include "memory/accelerator.h"

// The device through the CUDA runtime: memory from its stream-ordered pool, one stream a device.
namespace plait::cuda {
namespace {

struct Lane {
  cudaStream_t stream = nullptr;
  Log log;
};

thread_local Lane* mine = nullptr;  // while the thread runs an operator

[[noreturn]] void fail_cuda(cudaError_t code, const char* what) {
  fail(code == cudaErrorMemoryAllocation ? ErrorKind::kOutOfMemory : ErrorKind::kDevice,
       "CUDA: ", what, " failed: ", cudaGetErrorString(code));
}

class Cuda final : public memory::Accelerator {
 public:
  const char* name() const override { return "CUDA"; }

  int32_t count() override {
    int devices = 0;
    if (cudaGetDeviceCount(&devices) != cudaSuccess) devices = 0;  // no driver, no device
    cudaGetLastError();
    return devices;
  }

  memory::SystemMemory memory(int32_t device) override {
    check_cuda(cudaSetDevice(device), "choice of the device");
    size_t available = 0, total = 0;
    check_cuda(cudaMemGetInfo(&available, &total), "question for memory");
    return {static_cast<int64_t>(available), static_cast<int64_t>(total)};
  }

  void* allocate(int32_t device, int64_t bytes) override {
    return allocate_on(lane(device), bytes);
  }
  void* allocate_on(Lane& l, int64_t bytes) {
    void* block = nullptr;
    cudaError_t code = cudaMallocAsync(&block, static_cast<size_t>(bytes), l.stream);
    if (code == cudaErrorMemoryAllocation) {  // what is freed in the stream comes back with time
      cudaGetLastError();
      check_cuda(cudaStreamSynchronize(l.stream), "wait for memory");
      code = cudaMallocAsync(&block, static_cast<size_t>(bytes), l.stream);
    }
    check_cuda(code, "allocation");
    return block;
  }
  void deallocate(int32_t device, void* block) noexcept override {
    if (cudaSetDevice(device) == cudaSuccess) cudaFreeAsync(block, lanes_[device]->stream);
  }

  void copy_from_host(int32_t device, void* to, const void* from, int64_t bytes) override {
    enqueue_from_host(lane(device), to, from, bytes);
  }
  void enqueue_from_host(Lane& l, void* to, const void* from, int64_t bytes) {
    check_cuda(
        cudaMemcpyAsync(to, from, static_cast<size_t>(bytes), cudaMemcpyHostToDevice, l.stream),
        "copy to the device");
    // Pageable memory has been read when the call returns; pinned memory has not.
    cudaPointerAttributes about{};
    if (cudaPointerGetAttributes(&about, from) == cudaSuccess && about.type == cudaMemoryTypeHost) {
      check_cuda(cudaStreamSynchronize(l.stream), "copy to the device");
    }
    cudaGetLastError();
  }
  void copy_to_host(int32_t device, void* to, const void* from, int64_t bytes) override {
    Lane& l = lane(device);
    check_cuda(
        cudaMemcpyAsync(to, from, static_cast<size_t>(bytes), cudaMemcpyDeviceToHost, l.stream),
        "copy to the host");
    wait(device, l);
  }
  void copy_across(int32_t to_device, void* to, int32_t from_device, const void* from,
                   int64_t bytes) override {
    synchronize(from_device);
    Lane& l = lane(to_device);
    check_cuda(
        cudaMemcpyPeerAsync(to, to_device, from, from_device, static_cast<size_t>(bytes), l.stream),
        "copy to another device");
    wait(to_device, l);  // the memory of `from` may go now
  }
  void synchronize(int32_t device) override { wait(device, lane(device)); }

  const op::DeviceKernel* kernel(const std::string& name) const override {
    return find_kernel(name);
  }
  void run(int32_t device, const char* name, void (*work)(void*), void* data) override {
    Lane* const before = mine;
    mine = &lane(device);
    mine->log.add(name);
    try {
      work(data);
    } catch (...) {
      mine = before;
      throw;
    }
    mine = before;
  }

  std::string why_no_groups() override { return why_no_nccl(); }
  memory::GroupId new_group_id() override { return new_nccl_id(); }
  std::unique_ptr<memory::DeviceGroup> join_group(
      const memory::GroupId& id, int32_t size,
      std::span<const memory::GroupMember> members) override {
    return join_nccl(id, size, members);
  }

  cudaStream_t stream(int32_t device) { return lane(device).stream; }

  static Cuda& get() {
    static auto* cuda = new Cuda;  // outlives all threads
    return *cuda;
  }

 private:
  Cuda() : lanes_(static_cast<size_t>(count())), made_(lanes_.size()) {}

  // Of a device, which becomes that of the calling thread.
  Lane& lane(int32_t device) {
    check_cuda(cudaSetDevice(device), "choice of the device");
    const auto i = static_cast<size_t>(device);
    std::call_once(made_[i], [&] {
      auto fresh = std::make_unique<Lane>();
      check_cuda(cudaStreamCreateWithFlags(&fresh->stream, cudaStreamNonBlocking), "stream");
      cudaMemPool_t pool;
      check_cuda(cudaDeviceGetDefaultMemPool(&pool, device), "memory pool");
      uint64_t keep = UINT64_MAX;  // for the next arrays: nothing goes back to the system
      check_cuda(cudaMemPoolSetAttribute(pool, cudaMemPoolAttrReleaseThreshold, &keep),
                 "memory pool");
      lanes_[i] = std::move(fresh);
    });
    return *lanes_[i];
  }

  void wait(int32_t device, Lane& l) {
    const cudaError_t code = cudaStreamSynchronize(l.stream);
    check(code == cudaSuccess, ErrorKind::kDevice, "gpu(", device, "): ", cudaGetErrorString(code),
          " in ", l.log.text());
    l.log.clear();
  }

  std::vector<std::unique_ptr<Lane>> lanes_;
  std::vector<std::once_flag> made_;
};

}  // namespace

cudaStream_t current_stream() { return mine->stream; }
cudaStream_t stream_of(int32_t device) { return Cuda::get().stream(device); }

void check_cuda(cudaError_t code, const char* what) {
  if (code != cudaSuccess) [[unlikely]] {
    fail_cuda(code, what);
  }
}

void* allocate(int64_t bytes) { return bytes ? Cuda::get().allocate_on(*mine, bytes) : nullptr; }
void deallocate(void* block) noexcept {
  if (block) cudaFreeAsync(block, current_stream());
}
void copy_bytes(void* to, const void* from, int64_t bytes) {
  check_cuda(cudaMemcpyAsync(to, from, static_cast<size_t>(bytes), cudaMemcpyDeviceToDevice,
                             current_stream()),
             "copy");
}
void zero_bytes(void* to, int64_t bytes) {
  check_cuda(cudaMemsetAsync(to, 0, static_cast<size_t>(bytes), current_stream()), "fill");
}
void copy_from_host(void* to, const void* from, int64_t bytes) {
  Cuda::get().enqueue_from_host(*mine, to, from, bytes);
}

}  // namespace plait::cuda

extern "C" __attribute__((visibility("default"))) plait::memory::Accelerator* plait_accelerator(
    const char* version) {
  return std::strcmp(version, PLAIT_VERSION_STRING) ? nullptr : &plait::cuda::Cuda::get();
}
