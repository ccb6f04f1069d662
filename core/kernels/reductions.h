#pragma once

#include <cstdint>
#include <limits>
#include <type_traits>

#include "base/target.h"

namespace plait::kernels {

// Whole numbers wrap round. In unsigned arithmetic, as -fwrapv costs half of the vector loops here.
template <class A>
PLAIT_FN A plus(A a, A b) {
  if constexpr (!std::is_integral_v<A>)
    return a + b;
  else
    return static_cast<A>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
}
template <class A>
PLAIT_FN A times(A a, A b) {
  if constexpr (!std::is_integral_v<A>)
    return a * b;
  else
    return static_cast<A>(static_cast<uint64_t>(a) * static_cast<uint64_t>(b));
}

// Each reduction: where it starts, what an element counts, how two partial results combine. `T` is
// the type of the elements, `A` (double, int64 or complex) that of partial results.
struct Sum {
  template <class A>
  PLAIT_FN static A start() {
    return 0;
  }
  template <class A, class T>
  PLAIT_FN static A map(T x) {
    return static_cast<A>(x);
  }
  template <class A>
  PLAIT_FN static A combine(A a, A b) {
    return plus(a, b);
  }
};
struct Prod {
  template <class A>
  PLAIT_FN static A start() {
    return 1;
  }
  template <class A, class T>
  PLAIT_FN static A map(T x) {
    return static_cast<A>(x);
  }
  template <class A>
  PLAIT_FN static A combine(A a, A b) {
    return times(a, b);
  }
};
struct Max {
  template <class A>
  PLAIT_FN static A start() {
    if constexpr (std::is_floating_point_v<A>) return -std::numeric_limits<A>::infinity();
    return std::numeric_limits<A>::lowest();
  }
  template <class A, class T>
  PLAIT_FN static A map(T x) {
    return static_cast<A>(x);
  }
  template <class A>
  PLAIT_FN static A combine(A a, A b) {
    return a > b || a != a ? a : b;
  }
};
struct Min {
  template <class A>
  PLAIT_FN static A start() {
    if constexpr (std::is_floating_point_v<A>) return std::numeric_limits<A>::infinity();
    return std::numeric_limits<A>::max();
  }
  template <class A, class T>
  PLAIT_FN static A map(T x) {
    return static_cast<A>(x);
  }
  template <class A>
  PLAIT_FN static A combine(A a, A b) {
    return a < b || a != a ? a : b;
  }
};
struct Nansum : Sum {
  template <class A, class T>
  PLAIT_FN static A map(T x) {
    return x == x ? static_cast<A>(x) : A(0);
  }
};
struct Nanprod : Prod {
  template <class A, class T>
  PLAIT_FN static A map(T x) {
    return x == x ? static_cast<A>(x) : A(1);
  }
};
struct SumAbs : Sum {
  template <class A, class T>
  PLAIT_FN static A map(T x) {
    return x < T(0) ? times(static_cast<A>(x), A(-1)) : static_cast<A>(x);
  }
};
struct SumSquare : Sum {
  template <class A, class T>
  PLAIT_FN static A map(T x) {
    return times(static_cast<A>(x), static_cast<A>(x));
  }
};

}  // namespace plait::kernels
