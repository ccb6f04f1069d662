#pragma once

#include <cstdint>
#include <string>

#include "kernels/cuda/stream.h"

namespace plait::op {
class DeviceKernel;
}

// What kernels ask of the device: memory and copies in the order of the stream on which the calling
// thread works. Each device has one stream; what is enqueued runs in that order, so memory that is
// given back may be handed out again at once. Two implementations: real/ and emulated/.
namespace plait::cuda {

// Bytes on the device, aligned to 256. Throws ErrorKind::kOutOfMemory.
void* allocate(int64_t bytes);
void deallocate(void* block) noexcept;

// Within the device; ranges do not overlap.
void copy_bytes(void* to, const void* from, int64_t bytes);
void zero_bytes(void* to, int64_t bytes);
// `from` may change once the call has returned.
void copy_from_host(void* to, const void* from, int64_t bytes);

// Among the kernels of this library; null: there is none.
const op::DeviceKernel* find_kernel(const std::string& name);

// Memory for the time of a kernel.
template <class T>
class Scratch {
 public:
  explicit Scratch(int64_t n) : data_(static_cast<T*>(allocate(n * int64_t{sizeof(T)}))) {}
  Scratch(const Scratch&) = delete;
  ~Scratch() { deallocate(data_); }
  T* data() const { return data_; }

 private:
  T* data_;
};

}  // namespace plait::cuda
