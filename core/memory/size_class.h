#pragma once

#include <bit>
#include <cstdint>

namespace plait::memory {

inline constexpr int64_t kAlignment = 64;
// Classes between a power of two and the next: at most a quarter of a small block is waste, and a
// sixteenth of one from kLargeLog on.
inline constexpr int kSteps = 4, kLargeSteps = 16, kLargeLog = 20;
inline constexpr int kNumClasses = kLargeLog * kSteps + (63 - kLargeLog) * kLargeSteps;

// Index of the smallest size class that holds `bytes`.
constexpr int class_of(int64_t bytes) {
  const uint64_t b = static_cast<uint64_t>(bytes < kAlignment ? kAlignment : bytes) - 1;
  const int log = std::bit_width(b) - 1;
  if (log < kLargeLog) return log * kSteps + static_cast<int>((b >> (log - 2)) & 3);
  return kLargeLog * kSteps + (log - kLargeLog) * kLargeSteps +
         static_cast<int>((b >> (log - 4)) & 15);
}

// Bytes of the blocks of a class: class_of(class_bytes(c)) == c.
constexpr int64_t class_bytes(int cls) {
  const int large = cls - kLargeLog * kSteps;
  if (large < 0) {
    const int log = cls / kSteps, step = cls % kSteps;
    return (int64_t{1} << log) + (int64_t{step + 1} << (log - 2));
  }
  const int log = kLargeLog + large / kLargeSteps, step = large % kLargeSteps;
  return (int64_t{1} << log) + (int64_t{step + 1} << (log - 4));
}

}  // namespace plait::memory
