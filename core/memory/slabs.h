#pragma once

#include <array>
#include <cstdint>
#include <mutex>
#include <vector>

#include "memory/size_class.h"

namespace plait::memory {

// Blocks that are smaller than two huge pages, cut out of slabs of huge pages. Arrays of such sizes
// on small pages are slower by a third or not at all, as their pages happen to lie. The address of
// a block stays its own; its memory goes back to the system.
class Slabs {
 public:
  static constexpr int64_t kHugePage = 2 << 20;

  static bool holds(int cls) { return cls >= kFirst && cls < kEnd; }

  // A block of the class, whose content is undefined; null: the system refused memory.
  void* take(int cls);
  // Returns the memory of a block to the system.
  void give_back(void* block, int cls) noexcept;

  std::mutex& mutex() { return mutex_; }

 private:
  static constexpr int64_t kSlabBytes = 4 * kHugePage;
  static constexpr int kFirst = class_of((64 << 10) + 1), kEnd = class_of(2 * kHugePage);

  struct Blocks {
    std::vector<void*> unused;
    size_t all = 0;
  };
  bool cut(int cls, Blocks& blocks);

  std::mutex mutex_;
  std::array<Blocks, kEnd - kFirst> classes_;
};

}  // namespace plait::memory
