#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <iterator>
#include <new>
#include <span>
#include <type_traits>
#include <utility>

namespace plait {

// A vector whose first N elements need no heap memory.
template <class T, uint32_t N>
class SmallVec {
 public:
  using value_type = T;
  using iterator = T*;
  using const_iterator = const T*;

  SmallVec() = default;
  explicit SmallVec(size_t n, const T& value = T()) { resize(n, value); }
  SmallVec(std::initializer_list<T> list) { append(list.begin(), list.end()); }
  template <class It, class = std::enable_if_t<!std::is_integral_v<It>>>
  SmallVec(It first, It last) {
    append(first, last);
  }
  explicit SmallVec(std::span<const T> items) { append(items.begin(), items.end()); }
  SmallVec(const SmallVec& other) {
    if (kIsCopiedWhole && !other.on_heap()) {
      copy_whole(other);
    } else {
      append(other.begin(), other.end());
    }
  }
  SmallVec(SmallVec&& other) noexcept { take(other); }
  SmallVec& operator=(const SmallVec& other) {
    if (this != &other) {
      clear();
      append(other.begin(), other.end());
    }
    return *this;
  }
  SmallVec& operator=(SmallVec&& other) noexcept {
    if (this != &other) {
      release();
      take(other);
    }
    return *this;
  }
  ~SmallVec() { release(); }

  T* data() { return data_; }
  const T* data() const { return data_; }
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  T& operator[](size_t i) { return data_[i]; }
  const T& operator[](size_t i) const { return data_[i]; }
  T& front() { return data_[0]; }
  const T& front() const { return data_[0]; }
  T& back() { return data_[size_ - 1]; }
  const T& back() const { return data_[size_ - 1]; }
  T* begin() { return data_; }
  T* end() { return data_ + size_; }
  const T* begin() const { return data_; }
  const T* end() const { return data_ + size_; }

  void push_back(T value) { emplace_back(std::move(value)); }
  template <class... Args>
  T& emplace_back(Args&&... args) {
    if (size_ == capacity_) grow(size_ + 1);
    return *new (data_ + size_++) T(std::forward<Args>(args)...);
  }
  void pop_back() { data_[--size_].~T(); }
  template <class It>
  void append(It first, It last) {
    if constexpr (kIsPlain && std::contiguous_iterator<It> &&
                  std::is_same_v<std::iter_value_t<It>, T>) {
      const auto n = static_cast<size_t>(last - first);
      reserve(size_ + n);
      std::copy_n(first, n, data_ + size_);
      size_ += static_cast<uint32_t>(n);
    } else {
      for (; first != last; ++first) emplace_back(*first);
    }
  }
  void insert(size_t at, T value) {
    push_back(std::move(value));
    std::rotate(begin() + at, end() - 1, end());
  }
  void erase(size_t at) {
    std::move(begin() + at + 1, end(), begin() + at);
    pop_back();
  }
  void resize(size_t n, const T& value = T()) {
    while (size_ > n) pop_back();
    reserve(n);
    for (; size_ < n; ++size_) new (data_ + size_) T(value);
  }
  void reserve(size_t n) {
    if (n > capacity_) grow(n);
  }
  void clear() {
    if constexpr (!std::is_trivially_destructible_v<T>) {
      while (size_) pop_back();
    }
    size_ = 0;
  }
  friend bool operator==(const SmallVec& a, const SmallVec& b) {
    if (a.size_ != b.size_) return false;
    uint32_t i = 0;
    while (i < a.size_ && a.data_[i] == b.data_[i]) ++i;
    return i == a.size_;
  }

 private:
  static constexpr bool kIsPlain = std::is_trivially_copyable_v<T>;
  // A copy of fixed size is a few instructions; one of the elements that are there is a loop.
  static constexpr bool kIsCopiedWhole = kIsPlain && N * sizeof(T) <= 64;

  T* inline_data() { return reinterpret_cast<T*>(inline_); }
  bool on_heap() const { return data_ != reinterpret_cast<const T*>(inline_); }
  void copy_whole(const SmallVec& other) {
    std::memcpy(inline_, other.inline_, sizeof inline_);
    size_ = other.size_;
  }
  [[gnu::noinline]] void grow(size_t need) {
    const size_t capacity = std::max<size_t>(need, size_t{capacity_} * 2);
    T* fresh = static_cast<T*>(::operator new(capacity * sizeof(T)));
    for (uint32_t i = 0; i < size_; ++i) {
      new (fresh + i) T(std::move(data_[i]));
      data_[i].~T();
    }
    if (on_heap()) ::operator delete(data_);
    data_ = fresh;
    capacity_ = static_cast<uint32_t>(capacity);
  }
  void release() {
    clear();
    if (on_heap()) ::operator delete(data_);
    data_ = inline_data();
    capacity_ = N;
  }
  // Takes over the contents; *this holds nothing on entry.
  void take(SmallVec& other) {
    if (other.on_heap()) {
      data_ = std::exchange(other.data_, other.inline_data());
      capacity_ = std::exchange(other.capacity_, N);
      size_ = std::exchange(other.size_, 0);
      return;
    }
    if constexpr (kIsCopiedWhole) {
      copy_whole(other);
    } else {
      for (uint32_t i = 0; i < other.size_; ++i) new (data_ + i) T(std::move(other.data_[i]));
      size_ = other.size_;
    }
    other.clear();
  }

  T* data_ = inline_data();
  uint32_t size_ = 0;
  uint32_t capacity_ = N;
  alignas(T) unsigned char inline_[N * sizeof(T)];
};

}  // namespace plait
