#include "memory/slabs.h"

#include <sys/mman.h>

#include <cstdlib>
#include <new>

namespace plait::memory {

static_assert(class_bytes(class_of((64 << 10) + 1)) % 4096 == 0, "blocks are whole pages");

void* Slabs::take(int cls) {
  std::lock_guard lock(mutex_);
  Blocks& blocks = classes_[static_cast<size_t>(cls - kFirst)];
  if (blocks.unused.empty() && !cut(cls, blocks)) return nullptr;
  void* block = blocks.unused.back();
  blocks.unused.pop_back();
  return block;
}

void Slabs::give_back(void* block, int cls) noexcept {
  madvise(block, static_cast<size_t>(class_bytes(cls)), MADV_DONTNEED);
  std::lock_guard lock(mutex_);
  classes_[static_cast<size_t>(cls - kFirst)].unused.push_back(block);  // has room for all
}

bool Slabs::cut(int cls, Blocks& blocks) {
  const int64_t size = class_bytes(cls);
  const auto count = static_cast<size_t>(kSlabBytes / size);
  try {
    blocks.unused.reserve(blocks.all + count);
  } catch (const std::bad_alloc&) {
    return false;
  }
  auto* slab = static_cast<char*>(
      std::aligned_alloc(static_cast<size_t>(kHugePage), static_cast<size_t>(kSlabBytes)));
  if (!slab) return false;
  madvise(slab, static_cast<size_t>(kSlabBytes), MADV_HUGEPAGE);  // only a hint
  blocks.all += count;
  for (size_t i = count; i-- > 0;) blocks.unused.push_back(slab + static_cast<int64_t>(i) * size);
  return true;
}

}  // namespace plait::memory
