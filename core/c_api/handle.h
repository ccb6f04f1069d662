#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "base/error.h"

// The objects behind handles, but those of arrays. They live in places that are kept for them as
// long as the process lives, each marked with the kind of what is in it. So a handle that was freed
// or that is of another kind is recognised and not followed.
namespace plait::c_api {

// A place for `bytes` bytes; the mark is set by mark_place() once the object is there.
void* take_place(size_t bytes);
void give_place(void* place) noexcept;  // also takes the mark away
void mark_place(void* place, const char* kind) noexcept;
// What lives there; null if nothing does. `place` is a handle that this library gave out.
const char* kind_at(const void* place) noexcept;

// Handles that exist.
std::atomic<int64_t>& live_handles();

// A struct behind a handle says its kind: static constexpr char kKind[] = "symbol";
template <class T>
concept HandleObject = requires {
  { T::kKind[0] } -> std::convertible_to<char>;
};

template <HandleObject T, class... Args>
T* new_object(Args&&... args) {
  void* place = take_place(sizeof(T));
  T* object = nullptr;
  try {
    object = new (place) T{std::forward<Args>(args)...};
  } catch (...) {
    give_place(place);
    throw;
  }
  mark_place(place, T::kKind);
  live_handles().fetch_add(1, std::memory_order_relaxed);
  return object;
}

// False for NULL too.
template <HandleObject T>
bool is_alive(const T* handle) {
  return handle && kind_at(handle) == T::kKind;
}

// Does nothing for a handle that is not alive: it was freed already.
template <HandleObject T>
void free_object(T* handle) noexcept {
  if (!is_alive(handle)) return;
  handle->~T();
  give_place(handle);
  live_handles().fetch_sub(1, std::memory_order_relaxed);
}

template <HandleObject T>
void require(const T* handle, const char* name) {
  if (is_alive(handle)) [[likely]] {
    return;
  }
  check(handle, ErrorKind::kInvalidArgument, name, " is NULL, must not be");
  const char* kind = kind_at(handle);
  const std::string rule = cat(", must be a ", T::kKind, " that was not freed");
  check(!kind, ErrorKind::kType, name, " is a handle of a ", kind ? kind : "", rule);
  fail(ErrorKind::kInvalidArgument, name, " is a handle of nothing", rule);
}

}  // namespace plait::c_api
