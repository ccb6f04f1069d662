#include "tensor/array.h"

#include "base/tally.h"
#include "memory/pool.h"

namespace plait::tensor {

Storage::Storage(int64_t bytes, Device device)
    : data_(memory::allocate(bytes)), bytes_(bytes), device_(device) {}

Storage::Storage(void* data, int64_t bytes, Device device, std::function<void()> release)
    : data_(data), bytes_(bytes), device_(device), release_(std::move(release)) {}

Storage::~Storage() {
  if (release_) {
    release_();
  } else {
    memory::deallocate(data_, bytes_);
  }
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

Ref<Array> Array::empty(const Dims& shape, DType dtype, Device device) {
  check(shape.size() <= kMaxNdim, ErrorKind::kShape, "shape has ", shape.size(),
        " axes, must be at most ", kMaxNdim);
  check_size(shape, dtype_size(dtype));
  const int64_t bytes = num_elements(shape) * dtype_size(dtype);
  check(device.kind != DeviceKind::kGpu, ErrorKind::kDevice, "context is ", device,
        ", must be a cpu: this build has no CUDA");
  return make_ref<Array>(make_ref<Storage>(bytes, device), shape, dtype);
}

Ref<Array> Array::alias(Dims shape, Dims strides, int64_t offset) const {
  return make_ref<Array>(storage_, offset_bytes_ + offset * dtype_size(dtype_), std::move(shape),
                         std::move(strides), dtype_);
}

int64_t live_arrays() { return tally::total(tally::kLiveArrays); }

}  // namespace plait::tensor
