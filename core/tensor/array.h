#pragma once

#include <atomic>
#include <cstdint>
#include <functional>

#include "base/device.h"
#include "base/dims.h"
#include "base/dtype.h"
#include "base/recycled.h"
#include "base/ref.h"
#include "base/view.h"
#include "engine/engine.h"

namespace plait::tensor {

// Memory with its engine variable; shared by all views. The memory goes with the last array, the
// variable when nobody keeps it either (KeptVars).
class Storage final : public RefCounted, public Recycled<Storage> {
 public:
  // From the pool, when data() is first called.
  Storage(int64_t bytes, Device device) : bytes_(bytes), device_(device) {}
  // Borrowed memory: `release` is called once when the last array is gone.
  Storage(void* data, int64_t bytes, Device device, std::function<void()> release);
  void* data() const {
    void* const data = data_.load(std::memory_order_acquire);
    return data || !bytes_ ? data : allocate();
  }
  // Takes the memory; of a storage that no other thread knows.
  void allocate_now();
  int64_t bytes() const { return bytes_; }
  Device device() const { return device_; }
  engine::Var& var() { return var_; }
  bool read_only() const { return read_only_; }
  void set_read_only() { read_only_ = true; }

 protected:
  void dispose() override;

 private:
  friend class KeptVars;
  void* allocate() const;
  void keep_var() { keepers_.fetch_add(1, std::memory_order_relaxed); }
  // As in release(): when there is one keeper left, nobody can add another.
  void give_var_up() {
    if (keepers_.load(std::memory_order_acquire) == 1 ||
        keepers_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
      delete this;
    }
  }

  mutable std::atomic<void*> data_{nullptr};
  int64_t bytes_;
  Device device_;
  bool read_only_ = false;
  std::atomic<int32_t> keepers_{1};  // of the variable; all arrays together are one
  engine::Var var_;
  std::function<void()> release_;
};

// What an operator needs to know of an array before it exists.
struct Spec {
  Dims shape;
  DType dtype = DType::kFloat32;
  friend bool operator==(const Spec&, const Spec&) = default;
};
using Specs = SmallVec<Spec, 3>;

// Storage + offset + shape + strides + dtype. Shape and place never change after construction;
// content does. `autograd` is the recording's own data, opaque here.
class Array final : public RefCounted, public Recycled<Array> {
 public:
  Array(Ref<Storage> storage, int64_t offset_bytes, Dims shape, Dims strides, DType dtype);
  // Row-major from the start of the storage.
  Array(Ref<Storage> storage, const Dims& shape, DType dtype);

  ~Array() override;

  static Ref<Array> empty(const Dims& shape, DType dtype, Device device = {});
  // The same, but the memory is taken by the task that first asks for data(): what its thread has
  // just given back, and still has in its cache. Large arrays get theirs at once, so that the call
  // which asks for too much fails.
  static Ref<Array> deferred(const Dims& shape, DType dtype, Device device = {});

  const Dims& shape() const { return shape_; }
  const Dims& strides() const { return strides_; }
  DType dtype() const { return dtype_; }
  Device device() const { return storage_->device(); }
  int64_t ndim() const { return static_cast<int64_t>(shape_.size()); }
  int64_t size() const { return size_; }
  int64_t nbytes() const { return size_ * dtype_size(dtype_); }
  int64_t offset_bytes() const { return offset_bytes_; }
  bool contiguous() const { return contiguous_; }
  const Ref<Storage>& storage() const { return storage_; }
  engine::Var& var() const { return storage_->var(); }
  uint64_t version() const { return storage_->var().version(); }
  // Address of the first element. Not synchronised: tasks only, or after a wait. Throws
  // ErrorKind::kDevice if it is not memory of the host.
  void* data() const {
    if (is_gpu(device())) [[unlikely]] {
      refuse_host();
    }
    return address();
  }
  // The same on the device of the array: for its kernels.
  void* address() const { return static_cast<char*>(storage_->data()) + offset_bytes_; }
  View view() const { return {address(), &shape_, &strides_, dtype_, contiguous_}; }
  View layout() const { return {nullptr, &shape_, &strides_, dtype_, contiguous_}; }
  Spec spec() const { return {shape_, dtype_}; }

  // Another array on the same memory; `offset` counts elements from this array's first element.
  Ref<Array> alias(Dims shape, Dims strides, int64_t offset = 0) const;
  // The same memory and shape without autograd data.
  Ref<Array> detached() const { return alias(shape_, strides_); }

  // On a gpu also for what its stream was given.
  void wait_to_read() const {
    engine::wait_to_read(var());
    if (is_gpu(device())) wait_for_device();
  }
  void wait_to_write() const {
    engine::wait_to_write(var());
    if (is_gpu(device())) wait_for_device();
  }

  Ref<RefCounted> autograd;

 private:
  [[noreturn]] void refuse_host() const;
  void wait_for_device() const;

  Ref<Storage> storage_;
  int64_t offset_bytes_;
  int64_t size_;
  Dims shape_;
  Dims strides_;
  DType dtype_;
  bool contiguous_;
};

using ArrayRef = Ref<Array>;
using Arrays = SmallVec<ArrayRef, 4>;

// The variables of arrays that may go: what a task holds from the end of its work, when it gives
// memory back, to the end of its turn. So whoever waited for it finds that memory in the pool.
class KeptVars {
 public:
  KeptVars() = default;
  KeptVars(const KeptVars&) = delete;
  ~KeptVars() {
    for (Storage* s : storages_) s->give_var_up();
  }
  // For so many calls of add(), which then cannot fail.
  void reserve(size_t arrays) { storages_.reserve(arrays); }
  void add(const Array& array) {
    storages_.push_back(array.storage().get());
    storages_.back()->keep_var();
  }

 private:
  SmallVec<Storage*, 6> storages_;
};

// Live Array objects: for leak checks.
int64_t live_arrays();

}  // namespace plait::tensor

namespace plait {
using tensor::Array;
using tensor::ArrayRef;
using tensor::Arrays;
using tensor::Spec;
using tensor::Specs;
}  // namespace plait
