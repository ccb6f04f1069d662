#include "c_api/common.h"

using namespace plait;
using namespace plait::c_api;

namespace {

DLDataType type_of(DType d) {
  const auto bits = static_cast<uint8_t>(dtype_size(d) * 8);
  if (d == DType::kBool) return {kDLBool, 8, 1};
  if (d == DType::kBfloat16) return {kDLBfloat, 16, 1};
  if (is_complex(d)) return {kDLComplex, bits, 1};
  if (is_floating(d)) return {kDLFloat, bits, 1};
  const bool is_unsigned = std::string_view(dtype_name(d))[0] == 'u';
  return {static_cast<uint8_t>(is_unsigned ? kDLUInt : kDLInt), bits, 1};
}

DType dtype_of(DLDataType t) {
  check(t.lanes == 1, ErrorKind::kType, "dlpack: lanes is ", t.lanes, ", must be 1");
  for (int i = 0; i < kNumDTypes; ++i) {
    const DLDataType own = type_of(static_cast<DType>(i));
    if (own.code == t.code && own.bits == t.bits) return static_cast<DType>(i);
  }
  fail(ErrorKind::kType, "dlpack: type is code ", static_cast<int>(t.code), " with ",
       static_cast<int>(t.bits), " bits, must be one of ours");
}

// What an exported tensor points into.
struct Export {
  ArrayRef array;
  Dims shape, strides;
};

template <class Managed>
Managed* export_array(plait_array_t handle) {
  const ArrayRef a = array_of(handle);
  a->wait_to_read();
  void* const data = a->data();  // throws for arrays on a gpu
  auto* owner = new Export{a, a->shape(), a->strides()};
  auto* tensor = new Managed{};
  tensor->manager_ctx = owner;
  tensor->deleter = [](Managed* self) {
    delete static_cast<Export*>(self->manager_ctx);
    delete self;
  };
  tensor->dl_tensor.data = data;
  tensor->dl_tensor.device = {kDLCPU, 0};
  tensor->dl_tensor.ndim = static_cast<int32_t>(a->ndim());
  tensor->dl_tensor.dtype = type_of(a->dtype());
  tensor->dl_tensor.shape = owner->shape.data();
  tensor->dl_tensor.strides = owner->strides.data();
  return tensor;
}

template <class Managed>
plait_array_t import_array(Managed* tensor, bool read_only) {
  const DLTensor& t = tensor->dl_tensor;
  check(t.device.device_type == kDLCPU, ErrorKind::kDevice, "dlpack: device type is ",
        static_cast<int>(t.device.device_type), ", must be the CPU");
  const DType dtype = dtype_of(t.dtype);
  const Dims shape = shape_of(t.shape, t.ndim);
  Dims strides = t.strides ? Dims(t.strides, t.strides + t.ndim) : contiguous_strides(shape);
  const int64_t bytes = num_elements(shape) * dtype_size(dtype);
  if (bytes) require(t.data, "dlpack: data");
  char* const data = static_cast<char*>(t.data) + t.byte_offset;
  check(reinterpret_cast<uintptr_t>(data) % static_cast<uintptr_t>(dtype_size(dtype)) == 0,
        ErrorKind::kInvalidArgument, "dlpack: data is not aligned for ", dtype);
  auto storage = make_ref<tensor::Storage>(data, bytes, Device{}, [tensor] {
    if (tensor->deleter) tensor->deleter(tensor);
  });
  if (read_only) storage->set_read_only();
  return new_handle(make_ref<Array>(std::move(storage), 0, shape, std::move(strides), dtype));
}

}  // namespace

plait_status_t plait_array_to_dlpack(plait_array_t array, DLManagedTensorVersioned** tensor) {
  return guarded([&] {
    require(tensor, "tensor");
    auto* made = export_array<DLManagedTensorVersioned>(array);
    made->version = {DLPACK_MAJOR_VERSION, DLPACK_MINOR_VERSION};
    made->flags = raw(array)->storage()->read_only() ? DLPACK_FLAG_BITMASK_READ_ONLY : 0;
    *tensor = made;
  });
}

plait_status_t plait_array_to_dlpack_old(plait_array_t array, DLManagedTensor** tensor) {
  return guarded([&] {
    require(tensor, "tensor");
    check(!array_of(array)->storage()->read_only(), ErrorKind::kInvalidArgument,
          "dlpack: the array is read-only, which this form cannot say");
    *tensor = export_array<DLManagedTensor>(array);
  });
}

plait_status_t plait_array_from_dlpack(DLManagedTensorVersioned* tensor, plait_array_t* out) {
  return guarded([&] {
    require(tensor, "tensor");
    require(out, "out");
    check(tensor->version.major == DLPACK_MAJOR_VERSION, ErrorKind::kNotImplemented,
          "dlpack: version is ", tensor->version.major, ", must be ", DLPACK_MAJOR_VERSION);
    *out = import_array(tensor, tensor->flags & DLPACK_FLAG_BITMASK_READ_ONLY);
  });
}

plait_status_t plait_array_from_dlpack_old(DLManagedTensor* tensor, plait_array_t* out) {
  return guarded([&] {
    require(tensor, "tensor");
    require(out, "out");
    *out = import_array(tensor, false);
  });
}
