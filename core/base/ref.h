#pragma once

#include <atomic>
#include <cstdint>
#include <type_traits>
#include <utility>

namespace plait {

// Base of objects that are shared through Ref. The count starts at 0; the first Ref owns it.
class RefCounted {
 public:
  RefCounted() = default;
  RefCounted(const RefCounted&) = delete;
  RefCounted& operator=(const RefCounted&) = delete;
  virtual ~RefCounted() = default;

  void retain() const { count_.fetch_add(1, std::memory_order_relaxed); }
  // Who holds the only reference needs no atomic subtraction: nobody else can take another.
  void release() const {
    if (unique() || count_.fetch_sub(1, std::memory_order_acq_rel) == 1)
      const_cast<RefCounted*>(this)->dispose();
  }
  // The first reference to an object that no other thread knows.
  void retain_new() const { count_.store(1, std::memory_order_relaxed); }
  bool unique() const { return count_.load(std::memory_order_acquire) == 1; }

 protected:
  virtual void dispose() { delete this; }

 private:
  mutable std::atomic<int64_t> count_{0};
};

// Shared ownership of a RefCounted object, one pointer wide.
template <class T>
class Ref {
 public:
  Ref() = default;
  Ref(std::nullptr_t) {}
  explicit Ref(T* object) : object_(object) {
    if (object_) object_->retain();
  }
  Ref(const Ref& other) : Ref(other.object_) {}
  template <class U, class = std::enable_if_t<std::is_convertible_v<U*, T*>>>
  Ref(const Ref<U>& other) : Ref(static_cast<T*>(other.get())) {}
  Ref(Ref&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  Ref& operator=(Ref other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  ~Ref() {
    if (object_) object_->release();
  }

  T* get() const { return object_; }
  T& operator*() const { return *object_; }
  T* operator->() const { return object_; }
  explicit operator bool() const { return object_ != nullptr; }
  friend bool operator==(const Ref& a, const Ref& b) { return a.object_ == b.object_; }

  // Gives up ownership without releasing: for handles that cross the C ABI.
  T* detach() { return std::exchange(object_, nullptr); }
  // Takes over ownership that `detach` gave up.
  static Ref adopt(T* object) {
    Ref ref;
    ref.object_ = object;
    return ref;
  }

 private:
  T* object_ = nullptr;
};

template <class T, class... Args>
Ref<T> make_ref(Args&&... args) {
  T* object = new T(std::forward<Args>(args)...);
  object->retain_new();
  return Ref<T>::adopt(object);
}

}  // namespace plait
