/* Errors, shapes, places, values of attributes. Part of plait.hpp. */
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "plait/c_api.h"

namespace plait::cpp {

class Error : public std::runtime_error {
 public:
  Error(plait_status_t status, const std::string& message)
      : std::runtime_error(message), status_(status) {}
  plait_status_t status() const { return status_; }

 private:
  plait_status_t status_;
};

inline void Check(plait_status_t status) {
  if (status != PLAIT_OK) throw Error(status, plait_last_error());
}

/* ---- handles, shapes, places ---------------------------------------------------------------- */

namespace detail {

template <class T, void (*Free)(T)>
struct Freer {
  using pointer = T;
  void operator()(T handle) const { Free(handle); }
};
template <class T, void (*Free)(T)>
using Owner = std::unique_ptr<std::remove_pointer_t<T>, Freer<T, Free>>;
/* Shared ownership of a handle. */
template <class T>
std::shared_ptr<std::remove_pointer_t<T>> share(T handle, void (*free)(T)) {
  return {handle, free};
}

inline std::string text_of(plait_buffer_t buffer) {
  const Owner<plait_buffer_t, plait_buffer_free> owner(buffer);
  return {plait_buffer_data(buffer), static_cast<size_t>(plait_buffer_size(buffer))};
}

}  // namespace detail

/* Sizes of the axes: Shape(2, 3). */
struct Shape : std::vector<int64_t> {
  Shape() = default;
  Shape(std::initializer_list<int64_t> sizes) : std::vector<int64_t>(sizes) {}
  Shape(std::vector<int64_t> sizes) : std::vector<int64_t>(std::move(sizes)) {}
  template <class... N>
  requires(sizeof...(N) > 0 && (std::is_integral_v<N> && ...)) explicit Shape(N... sizes)
      : std::vector<int64_t>{static_cast<int64_t>(sizes)...} {}
  int64_t Size() const {
    int64_t n = 1;
    for (int64_t d : *this) n *= d;
    return n;
  }
  size_t ndim() const { return size(); }
};

/* What becomes of a gradient, with MXNet's names. */
using OpReqType = plait_grad_req_t;
inline constexpr OpReqType kNullOp = PLAIT_GRAD_NULL, kWriteTo = PLAIT_GRAD_WRITE,
                           kWriteInplace = PLAIT_GRAD_WRITE, kAddTo = PLAIT_GRAD_ADD;

using DeviceType = int32_t;
inline constexpr DeviceType kCPU = PLAIT_DEVICE_CPU, kGPU = PLAIT_DEVICE_GPU;

class Context {
 public:
  static Context cpu(int32_t id = 0) { return {PLAIT_DEVICE_CPU, id}; }
  static Context gpu(int32_t id = 0) { return {PLAIT_DEVICE_GPU, id}; }
  explicit Context(plait_device_t device) : device_(device) {}
  Context(DeviceType kind, int32_t id) : device_{kind, id} {}
  plait_device_t device() const { return device_; }
  int32_t GetDeviceId() const { return device_.id; }
  int32_t GetDeviceType() const { return device_.kind; }

 private:
  plait_device_t device_;
};

/* ---- attributes ----------------------------------------------------------------------------- */

namespace detail {

/* Values that point into what they are made of. */
inline plait_value_t value(bool x) {
  plait_value_t v{PLAIT_VALUE_BOOL, 0, {0}};
  v.as.integer = x;
  return v;
}
inline plait_value_t value(int64_t x) {
  plait_value_t v{PLAIT_VALUE_INT, 0, {0}};
  v.as.integer = x;
  return v;
}
inline plait_value_t value(double x) {
  plait_value_t v{PLAIT_VALUE_FLOAT, 0, {0}};
  v.as.real = x;
  return v;
}
inline plait_value_t value(const std::string& x) {
  plait_value_t v{PLAIT_VALUE_STRING, 0, {0}};
  v.as.string = x.c_str();
  return v;
}
inline plait_value_t value(const std::vector<int64_t>& x) {
  plait_value_t v{PLAIT_VALUE_INTS, static_cast<int32_t>(x.size()), {0}};
  v.as.ints = x.data();
  return v;
}
inline plait_value_t value(const std::vector<double>& x) {
  plait_value_t v{PLAIT_VALUE_FLOATS, static_cast<int32_t>(x.size()), {0}};
  v.as.floats = x.data();
  return v;
}
template <class T>
plait_value_t value(const std::optional<T>& x) {
  return x ? value(*x) : plait_value_t{PLAIT_VALUE_NONE, 0, {0}};
}

inline plait_op_t find(const char* name) {
  plait_op_t op = nullptr;
  Check(plait_op_find(name, &op));
  return op;
}

}  // namespace detail

}  // namespace plait::cpp
