#include "tensor/array.h"

#include "base/tally.h"
#include "memory/accelerator.h"
#include "memory/pool.h"

namespace plait::tensor {
namespace {

void* take_memory(int64_t bytes, Device device) {
  if (!is_gpu(device)) return memory::allocate(bytes);
  return bytes ? memory::accelerator_of(device).allocate(device.id, bytes) : nullptr;
}
void give_memory(void* block, int64_t bytes, Device device) noexcept {
  if (!is_gpu(device)) return memory::deallocate(block, bytes);
  if (block) memory::accelerator()->deallocate(device.id, block);
}

}  // namespace

Storage::Storage(void* data, int64_t bytes, Device device, std::function<void()> release)
    : data_(data), bytes_(bytes), device_(device), release_(std::move(release)) {}

void Storage::dispose() {
  if (release_) {
    release_();
  } else {
    give_memory(data_.load(std::memory_order_relaxed), bytes_, device_);
  }
  give_var_up();
}

void Storage::allocate_now() {
  data_.store(take_memory(bytes_, device_), std::memory_order_relaxed);
}

// Two threads may ask at once, if they do not hold the variable.
void* Storage::allocate() const {
  void* const fresh = take_memory(bytes_, device_);
  void* before = nullptr;
  if (data_.compare_exchange_strong(before, fresh, std::memory_order_acq_rel)) return fresh;
  give_memory(fresh, bytes_, device_);
  return before;
}

Array::Array(Ref<Storage> storage, int64_t offset_bytes, Dims shape, Dims strides, DType dtype)
    : storage_(std::move(storage)),
      offset_bytes_(offset_bytes),
      size_(num_elements(shape)),
      shape_(std::move(shape)),
      strides_(std::move(strides)),
      dtype_(dtype),
      contiguous_(is_contiguous(shape_, strides_)) {
  tally::add(tally::kLiveArrays, 1);
}

Array::Array(Ref<Storage> storage, const Dims& shape, DType dtype)
    : storage_(std::move(storage)),
      offset_bytes_(0),
      size_(1),
      shape_(shape),
      strides_(shape),
      dtype_(dtype),
      contiguous_(true) {
  for (size_t i = shape_.size(); i-- > 0;) {
    strides_[i] = size_;
    size_ *= shape_[i];
  }
  tally::add(tally::kLiveArrays, 1);
}

Array::~Array() { tally::add(tally::kLiveArrays, -1); }

void Array::refuse_host() const {
  fail(ErrorKind::kDevice, "array is on ", device(), ", must be on a cpu: copy it to mx.cpu()");
}

void Array::wait_for_device() const { memory::accelerator_of(device()).synchronize(device().id); }

namespace {

// Arrays of at least `at_once` bytes take their memory now.
Ref<Array> make(const Dims& shape, DType dtype, Device device, int64_t at_once) {
  check(shape.size() <= kMaxNdim, ErrorKind::kShape, "shape has ", shape.size(),
        " axes, must be at most ", kMaxNdim);
  const int64_t bytes = check_size(shape, dtype_size(dtype));
  if (is_gpu(device)) memory::accelerator_of(device);  // throws if there is no such device
  Ref<Storage> storage = make_ref<Storage>(bytes, device);
  if (bytes >= at_once) storage->allocate_now();
  return make_ref<Array>(std::move(storage), shape, dtype);
}

}  // namespace

Ref<Array> Array::empty(const Dims& shape, DType dtype, Device device) {
  return make(shape, dtype, device, 0);
}

Ref<Array> Array::deferred(const Dims& shape, DType dtype, Device device) {
  constexpr int64_t kLarge = 32 << 20;
  return make(shape, dtype, device, kLarge);
}

Ref<Array> Array::alias(Dims shape, Dims strides, int64_t offset) const {
  return make_ref<Array>(storage_, offset_bytes_ + offset * dtype_size(dtype_), std::move(shape),
                         std::move(strides), dtype_);
}

int64_t live_arrays() { return tally::total(tally::kLiveArrays); }

}  // namespace plait::tensor
