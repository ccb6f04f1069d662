#pragma once

#include <cstdint>

#include "base/error.h"

namespace plait {

// How values of several ranks become one.
enum class Reduction : int32_t { kSum = 0, kProd = 1, kMin = 2, kMax = 3 };

inline const char* reduction_name(Reduction reduction) {  // "sum"
  constexpr const char* kNames[] = {"sum", "prod", "min", "max"};
  return kNames[static_cast<int>(reduction)];
}

// Throws ErrorKind::kInvalidArgument.
inline Reduction reduction_from_number(int64_t number) {
  check(number >= 0 && number < 4, ErrorKind::kInvalidArgument, "reduction is ", number,
        ", must be in [0, 3]");
  return static_cast<Reduction>(number);
}

}  // namespace plait
