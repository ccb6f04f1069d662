#include "kernels/combine.h"

#include <type_traits>

#include "kernels/simd.h"

namespace plait::kernels {
namespace {

using plait::Reduction;

template <Reduction kind, class T>
T combined(T a, T b) {
  if constexpr (kind == Reduction::kSum) return static_cast<T>(a + b);
  if constexpr (kind == Reduction::kProd) return static_cast<T>(a * b);
  // A NaN on either side stays.
  if constexpr (kind == Reduction::kMin) return b < a || b != b ? b : a;
  if constexpr (kind == Reduction::kMax) return b > a || b != b ? b : a;
}

template <Reduction kind, class T>
void combine(void* target, const void* source, int64_t count) {
  T* a = static_cast<T*>(target);
  const T* b = static_cast<const T*>(source);
  if constexpr (std::is_same_v<T, bool>) {
    constexpr bool is_or = kind == Reduction::kSum || kind == Reduction::kMax;
    vector_loop(count, [=](int64_t i) { a[i] = is_or ? (a[i] | b[i]) : (a[i] & b[i]); });
  } else {
    using A = acc_t<T>;
    vector_loop(count, [=](int64_t i) {
      a[i] = T(combined<kind, A>(static_cast<A>(a[i]), static_cast<A>(b[i])));
    });
  }
}

}  // namespace

Combine combine_of(DType dtype, Reduction reduction) {
  return dispatch_all(dtype, [&](auto zero) -> Combine {
    using T = decltype(zero);
    switch (reduction) {
      case Reduction::kSum: return combine<Reduction::kSum, T>;
      case Reduction::kProd: return combine<Reduction::kProd, T>;
      case Reduction::kMin: return combine<Reduction::kMin, T>;
      case Reduction::kMax: return combine<Reduction::kMax, T>;
    }
    fail(ErrorKind::kInternal, "an unknown reduction");
  });
}

}  // namespace plait::kernels
