// Compiles if what core/kernels/cuda/real/nccl_api.h declares is what NCCL's own header does:
// as many arguments, of the same sizes and kinds, and the same numbers.
#include <nccl.h>

#include <type_traits>

#include "kernels/cuda/real/nccl_api.h"

namespace {

template <class A, class B>
constexpr bool alike() {
  constexpr bool numbers = (std::is_integral_v<A> || std::is_enum_v<A>)&&(std::is_integral_v<B> ||
                                                                          std::is_enum_v<B>);
  constexpr bool pointers = std::is_pointer_v<A> && std::is_pointer_v<B>;
  constexpr bool structs = std::is_class_v<A> && std::is_class_v<B>;
  return sizeof(A) == sizeof(B) && (numbers || pointers || structs);
}

template <class R, class... A, class S, class... B>
constexpr bool same_call(R (*)(A...), S (*)(B...)) {
  if constexpr (sizeof...(A) != sizeof...(B)) {
    return false;
  } else {
    return alike<R, S>() && (alike<A, B>() && ...);
  }
}

namespace own = plait::cuda::nccl;

#define CHECK_FUNCTION(name, result, arguments) \
  static_assert(same_call(decltype(own::Functions::name)(nullptr), decltype(&nccl##name)(nullptr)));
PLAIT_NCCL_FUNCTIONS(CHECK_FUNCTION)

#define CHECK_NUMBER(ours, theirs) static_assert(int(own::ours) == int(theirs))
CHECK_NUMBER(kSuccess, ncclSuccess);
CHECK_NUMBER(kInProgress, ncclInProgress);
CHECK_NUMBER(kInt8, ncclInt8);
CHECK_NUMBER(kUint8, ncclUint8);
CHECK_NUMBER(kInt32, ncclInt32);
CHECK_NUMBER(kUint32, ncclUint32);
CHECK_NUMBER(kInt64, ncclInt64);
CHECK_NUMBER(kUint64, ncclUint64);
CHECK_NUMBER(kFloat16, ncclFloat16);
CHECK_NUMBER(kFloat32, ncclFloat32);
CHECK_NUMBER(kFloat64, ncclFloat64);
CHECK_NUMBER(kBfloat16, ncclBfloat16);
CHECK_NUMBER(kSum, ncclSum);
CHECK_NUMBER(kProd, ncclProd);
CHECK_NUMBER(kMax, ncclMax);
CHECK_NUMBER(kMin, ncclMin);
static_assert(sizeof(own::UniqueId) == NCCL_UNIQUE_ID_BYTES);

}  // namespace
