#pragma once

#include <cstdint>

#include "memory/pool.h"

namespace plait::kernels {

// `n` numbers of undefined value from the pool, for the length of one call. A large std::vector
// would be written once more, in pages that the system gives anew to each call.
template <class T>
class Buffer {
 public:
  explicit Buffer(int64_t n)
      : bytes_(n * static_cast<int64_t>(sizeof(T))),
        data_(static_cast<T*>(memory::allocate(bytes_))) {}
  Buffer(const Buffer&) = delete;
  ~Buffer() { memory::deallocate(data_, bytes_); }
  T* data() const { return data_; }

 private:
  int64_t bytes_;
  T* data_;
};

}  // namespace plait::kernels
