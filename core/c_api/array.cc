#include <cstring>

#include "c_api/common.h"
#include "graph/trace.h"
#include "op/invoke.h"

using namespace plait;
using namespace plait::c_api;

namespace {

Device device_of(plait_device_t d) {
  check(d.kind == 1 || d.kind == 2 || d.kind == 3 || d.kind == 5, ErrorKind::kDevice,
        "device kind is ", d.kind, ", must be 1, 2, 3 or 5");
  return {static_cast<DeviceKind>(d.kind), d.id};
}

// Ends the caller's hold on memory, also when no array came to be.
class Drop {
 public:
  Drop(plait_drop_t drop, void* user) : drop_(drop), user_(user) {}
  ~Drop() {
    if (drop_) drop_(user_);
  }
  std::function<void()> hand_over() {
    return [drop = std::exchange(drop_, nullptr), user = user_] {
      if (drop) drop(user);
    };
  }

 private:
  plait_drop_t drop_;
  void* user_;
};

ArrayRef borrow(void* data, const Dims& shape, const int64_t* strides, DType dtype, Device device,
                bool read_only, std::function<void()> release) {
  check(reinterpret_cast<uintptr_t>(data) % static_cast<uintptr_t>(dtype_size(dtype)) == 0,
        ErrorKind::kInvalidArgument, "data is not aligned for ", dtype);
  const int64_t n = num_elements(shape);
  if (n) require(data, "data");
  auto storage = make_ref<tensor::Storage>(data, n * dtype_size(dtype), device, std::move(release));
  if (read_only) storage->set_read_only();
  Dims steps = strides ? Dims(strides, strides + shape.size()) : contiguous_strides(shape);
  return make_ref<Array>(std::move(storage), 0, shape, std::move(steps), dtype);
}

// dst = src by the operator `copy`.
void copy(const ArrayRef& src, const ArrayRef& dst) {
  static const op::Op& kCopy = op::Op::get("copy");
  Arrays out{dst};
  op::invoke(kCopy, {}, {&src, 1}, out);
}

void check_bytes(const Array& a, int64_t bytes) {
  check(bytes == a.nbytes(), ErrorKind::kInvalidArgument, "bytes is ", bytes, ", must be ",
        a.nbytes(), " for an array of shape ", a.shape(), " and dtype ", a.dtype());
}

}  // namespace

plait_status_t plait_array_empty(const int64_t* shape, int32_t ndim, plait_dtype_t dtype,
                                 plait_device_t device, plait_array_t* out) {
  return guarded([&] {
    require(out, "out");
    *out = new_handle(
        Array::empty(shape_of(shape, ndim), dtype_from_number(dtype), device_of(device)));
  });
}

plait_status_t plait_array_from_data(const void* data, const int64_t* shape, const int64_t* strides,
                                     int32_t ndim, plait_dtype_t dtype, plait_device_t device,
                                     plait_array_t* out) {
  return guarded([&] {
    require(out, "out");
    const Dims sizes = shape_of(shape, ndim);
    const DType type = dtype_from_number(dtype);
    ArrayRef array = Array::empty(sizes, type, device_of(device));
    if (array->size()) {
      require(data, "data");
      const bool here = !is_gpu(array->device());
      if (!here) {
        copy(borrow(const_cast<void*>(data), sizes, strides, type, {}, true, [] {}), array);
        engine::wait_to_read(array->var());  // `data` is the caller's
      } else if (!strides || is_contiguous(sizes, Dims(strides, strides + ndim))) {
        std::memcpy(array->data(), data, static_cast<size_t>(array->nbytes()));
      } else {
        copy(borrow(const_cast<void*>(data), sizes, strides, type, {}, true, [] {}), array);
        array->wait_to_read();
      }
    }
    *out = new_handle(std::move(array));
  });
}

plait_status_t plait_array_from_memory(void* data, const int64_t* shape, const int64_t* strides,
                                       int32_t ndim, plait_dtype_t dtype, plait_device_t device,
                                       int32_t read_only, plait_drop_t drop, void* user,
                                       plait_array_t* out) {
  return guarded([&] {
    Drop owner(drop, user);
    require(out, "out");
    const Dims sizes = shape_of(shape, ndim);
    *out = new_handle(borrow(data, sizes, strides, dtype_from_number(dtype), device_of(device),
                             read_only != 0, owner.hand_over()));
  });
}

void plait_array_free(plait_array_t array) {
  if (array) raw(array)->release();
}

plait_array_t plait_array_retain(plait_array_t array) {
  if (array) raw(array)->retain();
  return array;
}

plait_status_t plait_array_detach(plait_array_t array, plait_array_t* out) {
  return guarded([&] {
    require(out, "out");
    if (!graph::Trace::is_active()) {
      *out = new_handle(array_of(array)->detached());
      return;
    }
    const ArrayRef a = array_of(array);
    Arrays stopped;
    autograd::invoke(op::Op::get("stop_gradient"), {}, {&a, 1}, stopped);
    *out = new_handle(stopped[0]);
  });
}

int32_t plait_array_ndim(plait_array_t a) { return a ? static_cast<int32_t>(raw(a)->ndim()) : -1; }
const int64_t* plait_array_shape(plait_array_t a) { return a ? raw(a)->shape().data() : nullptr; }
const int64_t* plait_array_strides(plait_array_t a) {
  return a ? raw(a)->strides().data() : nullptr;
}
int64_t plait_array_size(plait_array_t a) { return a ? raw(a)->size() : -1; }
int64_t plait_array_nbytes(plait_array_t a) { return a ? raw(a)->nbytes() : -1; }
int32_t plait_array_dtype(plait_array_t a) {
  return a ? static_cast<int32_t>(raw(a)->dtype()) : -1;
}
plait_device_t plait_array_device(plait_array_t a) {
  if (!a) return {0, -1};
  const Device d = raw(a)->device();
  return {static_cast<int32_t>(d.kind), d.id};
}
int32_t plait_array_is_contiguous(plait_array_t a) { return a ? raw(a)->contiguous() : -1; }
int32_t plait_array_is_read_only(plait_array_t a) {
  return a ? raw(a)->storage()->read_only() : -1;
}
int64_t plait_array_version(plait_array_t a) {
  return a ? static_cast<int64_t>(raw(a)->version()) : -1;
}
int32_t plait_array_shares_memory(plait_array_t a, plait_array_t b) {
  return a && b && raw(a)->storage() == raw(b)->storage();
}
int64_t plait_array_live_count(void) { return tensor::live_arrays(); }

plait_status_t plait_array_data(plait_array_t array, int32_t write, void** data) {
  return guarded([&] {
    require(data, "data");
    const ArrayRef a = array_of(array);
    if (write) {
      check(!a->storage()->read_only(), ErrorKind::kInvalidArgument,
            "array is read-only, must be writable");
      a->wait_to_write();
      a->var().bump_version();
    } else {
      graph::Trace::check_read(*a);
      a->wait_to_read();
    }
    *data = a->data();
  });
}

plait_status_t plait_array_wait_to_read(plait_array_t array) {
  return guarded([&] { array_of(array)->wait_to_read(); });
}
plait_status_t plait_array_wait_to_write(plait_array_t array) {
  return guarded([&] { array_of(array)->wait_to_write(); });
}

plait_status_t plait_array_copy_from_host(plait_array_t array, const void* data, int64_t bytes) {
  return guarded([&] {
    const ArrayRef a = array_of(array);
    graph::Trace::check_write(*a);
    check_bytes(*a, bytes);
    if (bytes == 0) return;
    check(!a->storage()->read_only(), ErrorKind::kInvalidArgument,
          "array is read-only, must be writable");
    if (a->contiguous() && !is_gpu(a->device())) {
      require(data, "data");
      a->wait_to_write();
      a->var().bump_version();
      std::memcpy(a->data(), data, static_cast<size_t>(bytes));
    } else {
      copy(borrow(const_cast<void*>(data), a->shape(), nullptr, a->dtype(), {}, true, [] {}), a);
      engine::wait_to_read(a->var());  // `data` is the caller's
    }
  });
}

plait_status_t plait_array_copy_to_host(plait_array_t array, void* data, int64_t bytes) {
  return guarded([&] {
    const ArrayRef a = array_of(array);
    check_bytes(*a, bytes);
    graph::Trace::check_read(*a);
    engine::wait_to_read(a->var());
    if (bytes == 0) return;
    require(data, "data");
    if (a->contiguous() && !is_gpu(a->device())) {
      std::memcpy(data, a->data(), static_cast<size_t>(bytes));
      return;
    }
    const ArrayRef packed = Array::empty(a->shape(), a->dtype());
    copy(a, packed);
    packed->wait_to_read();
    std::memcpy(data, packed->data(), static_cast<size_t>(bytes));
  });
}

plait_status_t plait_array_copy_to(plait_array_t from, plait_array_t to) {
  return guarded([&] {
    static const op::Op& kCast = op::Op::get("cast");
    ArrayRef source = array_of(from);
    const ArrayRef target = array_of(to);
    graph::Trace::check_write(*target);
    graph::Trace::copied(source, target);
    if (source->dtype() != target->dtype()) {
      const std::pair<int, op::AttrValue> dtype{kCast.field_index("dtype"),
                                                std::string(dtype_name(target->dtype()))};
      Arrays converted;
      op::invoke(kCast, kCast.make_attrs({&dtype, 1}), {&source, 1}, converted);
      source = converted[0];
    }
    copy(source, target);
  });
}
