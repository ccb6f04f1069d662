#pragma once

#include "base/target.h"
#include "op/op.h"

// The random numbers of dropout, the same on all devices.
namespace plait::ops {

inline uint64_t dropout_start(op::RandomKey key) {
  return key.seed * 0xd1342543de82ef95ull + (key.offset + 1) * 0x9e3779b97f4a7c15ull;
}
// An element is dropped if its bits are below.
inline uint64_t dropout_limit(double p) { return static_cast<uint64_t>(p * 0x1p53) << 11; }

// 64 random bits for one counter: the finaliser of SplitMix64 (Steele, Lea, Flood, OOPSLA 2014).
PLAIT_FN inline uint64_t dropout_bits(uint64_t start, int64_t i) {
  uint64_t z = start + static_cast<uint64_t>(i) * 0x9e3779b97f4a7c15ull;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
  return z ^ (z >> 31);
}

struct DropoutProduct {
  template <class T>
  PLAIT_FN static T f(T a, T b) {
    return a * b;
  }
};

}  // namespace plait::ops
