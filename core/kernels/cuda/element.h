#pragma once

#include "base/view.h"
#include "kernels/cast.h"

// Elements whose type is known at run time.
namespace plait::cuda {

// f(T{}) with the type of `type`, which is real, on the device as on the host.
template <class F>
PLAIT_FN inline void with_type(DType type, const F& f) {
  switch (type) {
    case DType::kFloat32: return f(float{});
    case DType::kFloat64: return f(double{});
    case DType::kFloat16: return f(Half{});
    case DType::kBfloat16: return f(Bfloat{});
    case DType::kUint8: return f(uint8_t{});
    case DType::kInt8: return f(int8_t{});
    case DType::kInt16: return f(int16_t{});
    case DType::kInt32: return f(int32_t{});
    case DType::kInt64: return f(int64_t{});
    case DType::kBool: return f(bool{});
    case DType::kUint16: return f(uint16_t{});
    case DType::kUint32: return f(uint32_t{});
    case DType::kUint64: return f(uint64_t{});
    default: return;  // complex: refused before a kernel starts
  }
}

template <class T>
struct Load {
  const void* data;
  int64_t i;
  T* value;
  template <class From>
  PLAIT_FN void operator()(From) const {
    *value = kernels::cast<T>(static_cast<const From*>(data)[i]);
  }
};
template <class T>
struct Store {
  void* data;
  int64_t i;
  T value;
  template <class To>
  PLAIT_FN void operator()(To) const {
    static_cast<To*>(data)[i] = kernels::cast<To>(value);
  }
};

// Element i of an array of any real type as a T, and a T as such an element. Not inlined: every
// kernel has a way without them for arrays of its own type.
template <class T>
[[gnu::noinline]] PLAIT_FN T load(DType type, const void* data, int64_t i) {
  T value{};
  with_type(type, Load<T>{data, i, &value});
  return value;
}
template <class T>
[[gnu::noinline]] PLAIT_FN void store(DType type, void* data, int64_t i, T value) {
  with_type(type, Store<T>{data, i, value});
}

// A contiguous array of any real type, read and written as T.
struct Numbers {
  void* data = nullptr;
  DType dtype = DType::kFloat32;
  Numbers() = default;
  explicit Numbers(const View& v) : data(v.data), dtype(v.dtype) {}
  template <class T>
  PLAIT_FN T get(int64_t i) const {
    return dtype == dtype_of<T>() ? static_cast<const T*>(data)[i] : load<T>(dtype, data, i);
  }
  template <class T>
  PLAIT_FN void put(int64_t i, T value) const {
    if (dtype == dtype_of<T>()) {
      static_cast<T*>(data)[i] = value;
    } else {
      store<T>(dtype, data, i, value);
    }
  }
};

}  // namespace plait::cuda
