#pragma once

#include <cstdint>

#include "base/dims.h"
#include "base/dtype.h"

namespace plait {

// Memory as a kernel sees it. Strides count elements. `shape` and `strides` are borrowed.
struct View {
  void* data = nullptr;
  const Dims* shape = nullptr;
  const Dims* strides = nullptr;
  DType dtype = DType::kFloat32;
  bool contiguous = true;
  bool on_host = false;  // a kernel's own number: not on the device on which arrays are

  template <class T>
  T* ptr() const {
    return static_cast<T*>(data);
  }
  int64_t ndim() const { return static_cast<int64_t>(shape->size()); }
  int64_t dim(int64_t i) const { return (*shape)[i < 0 ? i + shape->size() : i]; }
  int64_t stride(int64_t i) const { return (*strides)[i < 0 ? i + strides->size() : i]; }
  int64_t size() const { return num_elements(*shape); }
};

}  // namespace plait
