#pragma once

#include <type_traits>

#include "base/dtype.h"
#include "base/target.h"

namespace plait::kernels {

template <class T>
inline constexpr bool kIsComplex = std::is_same_v<T, Complex64> || std::is_same_v<T, Complex128>;

// One number as a number of another type: see convert().
template <class To, class From>
PLAIT_FN inline To cast(From v) {
  if constexpr (std::is_same_v<To, From>) {
    return v;
  } else if constexpr (kIsComplex<From> && kIsComplex<To>) {
    return To(v);
  } else if constexpr (kIsComplex<From> && std::is_same_v<To, bool>) {
    return v != From(0);
  } else if constexpr (kIsComplex<From>) {
    return cast<To>(v.real());
  } else if constexpr (kIsComplex<To>) {
    return To(cast<typename To::value_type>(v));
  } else if constexpr (std::is_same_v<To, bool>) {
    return static_cast<bool>(v != From(0));
  } else if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To>) {
    using Wide = std::conditional_t<(sizeof(To) < 4), int32_t, int64_t>;
    return static_cast<To>(static_cast<Wide>(v));
  } else if constexpr (std::is_same_v<To, Half> || std::is_same_v<To, Bfloat>) {
    return To(static_cast<float>(v));
  } else if constexpr (std::is_same_v<From, Half> || std::is_same_v<From, Bfloat>) {
    return cast<To>(static_cast<float>(v));
  } else {
    return static_cast<To>(v);
  }
}

}  // namespace plait::kernels
