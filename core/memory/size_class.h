#pragma once

#include <bit>
#include <cstdint>

namespace plait::memory {

inline constexpr int64_t kAlignment = 64;
inline constexpr int kStepsPerDoubling = 4;  // at most a quarter of a block is waste

// Index of the smallest size class that holds `bytes`.
constexpr int class_of(int64_t bytes) {
  const uint64_t b = static_cast<uint64_t>(bytes < kAlignment ? kAlignment : bytes) - 1;
  const int log = std::bit_width(b) - 1;
  return log * kStepsPerDoubling + static_cast<int>((b >> (log - 2)) & 3);
}

// Bytes of the blocks of a class: class_of(class_bytes(c)) == c.
constexpr int64_t class_bytes(int cls) {
  const int log = cls / kStepsPerDoubling, step = cls % kStepsPerDoubling;
  return (int64_t{1} << log) + (int64_t{step + 1} << (log - 2));
}

}  // namespace plait::memory
