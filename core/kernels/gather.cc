#include "kernels/gather.h"

#include "kernels/copy.h"

namespace plait::kernels {
namespace {

template <class T>
void gather(const char* x, void* to, const int64_t* at, int64_t count, int64_t step) {
  T* y = static_cast<T*>(to);
  if (step == sizeof(T)) {
    const T* from = reinterpret_cast<const T*>(x);
#pragma GCC unroll 8
    for (int64_t i = 0; i < count; ++i) y[i] = from[at[i]];
  } else {
    for (int64_t i = 0; i < count; ++i) y[i] = *reinterpret_cast<const T*>(x + at[i] * step);
  }
}

}  // namespace

void gather_runs(const void* x, void* y, const int64_t* at, int64_t count, int64_t step,
                 int64_t bytes) {
  const char* from = static_cast<const char*>(x);
  if (step % bytes == 0) {  // aligned as numbers of that size are
    switch (bytes) {
      case 1: return gather<uint8_t>(from, y, at, count, step);
      case 2: return gather<uint16_t>(from, y, at, count, step);
      case 4: return gather<uint32_t>(from, y, at, count, step);
      case 8: return gather<uint64_t>(from, y, at, count, step);
      default: break;
    }
  }
  char* to = static_cast<char*>(y);
  for (int64_t i = 0; i < count; ++i) copy_bytes(to + i * bytes, from + at[i] * step, bytes);
}

}  // namespace plait::kernels
