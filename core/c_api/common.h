#pragma once

#include <exception>
#include <new>
#include <span>
#include <string>
#include <utility>

#include "base/error.h"
#include "c_api/handle.h"
#include "op/op.h"
#include "plait/c_api.h"
#include "tensor/array.h"

// What all sections of the C interface share: handles, errors, values.

struct plait_buffer_s {
  static constexpr char kKind[] = "buffer";
  std::string bytes;
};

namespace plait::c_api {

// Keeps the message for plait_last_error() and returns the status.
plait_status_t report(plait_status_t status, const char* message) noexcept;

// Runs `body`; no exception leaves. Every function of the interface that can fail is one of these.
template <class Body>
plait_status_t guarded(const Body& body) noexcept {
  try {
    body();
    return PLAIT_OK;
  } catch (const Error& e) {
    return report(static_cast<plait_status_t>(e.kind()), e.what());
  } catch (const std::bad_alloc&) {
    return report(PLAIT_ERR_OUT_OF_MEMORY, "memory: the system refused an allocation");
  } catch (const std::exception& e) {
    return report(PLAIT_ERR_INTERNAL, e.what());
  } catch (...) {
    return report(PLAIT_ERR_INTERNAL, "an unknown exception");
  }
}

inline void require(const void* pointer, const char* name) {
  check(pointer, ErrorKind::kInvalidArgument, name, " is NULL, must not be");
}

// A handle of an array is the array itself, holding one reference.
inline Array* raw(plait_array_t handle) { return reinterpret_cast<Array*>(handle); }
inline ArrayRef array_of(plait_array_t handle) {
  check(handle, ErrorKind::kInvalidArgument, "array is NULL, must be an array");
  return ArrayRef(raw(handle));
}
// A list of handles as a list of references, without counting each up and down: the caller's
// references live as long as the call. A Ref is one pointer wide.
inline std::span<const ArrayRef> borrowed(const plait_array_t* handles, int32_t count) {
  static_assert(sizeof(ArrayRef) == sizeof(plait_array_t));
  return {reinterpret_cast<const ArrayRef*>(handles), static_cast<size_t>(count)};
}
inline plait_array_t new_handle(ArrayRef array) {
  return reinterpret_cast<plait_array_t>(array.detach());
}

inline const op::Op& op_of(plait_op_t handle) {
  check(handle, ErrorKind::kInvalidArgument, "op is NULL, must be an operator");
  return *reinterpret_cast<const op::Op*>(handle);
}

op::AttrValue value_of(const plait_value_t& value);
// Attributes from values by position; null if the operator has none.
op::AttrsRef attrs_of(const op::Op& op, const plait_value_t* values, int32_t count);

inline plait_buffer_t new_buffer(std::string bytes) {
  return new_object<plait_buffer_s>(std::move(bytes));
}

// A shape from the caller; its bytes fit in 64 bits for every dtype.
Dims shape_of(const int64_t* sizes, int32_t ndim);

// A list of `count` items that starts at `items`, which may be NULL if there are none.
inline void require_list(const void* items, int32_t count, const char* name) {
  check(count >= 0, ErrorKind::kInvalidArgument, "number of ", name, " is ", count,
        ", must be >= 0");
  if (count > 0) require(items, name);
}

}  // namespace plait::c_api
