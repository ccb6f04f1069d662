#include "kernels/elementwise.h"
#include "kernels/transpose.h"

namespace plait::kernels {
namespace {

// One vector, or number, V.
template <Joined kHow, bool kStreams, class V>
inline void step(const float* a, const float* b, const float* c, float* y) {
  V product = *reinterpret_cast<const V*>(a) * *reinterpret_cast<const V*>(b), out;
  const V other = *reinterpret_cast<const V*>(c);
  // The compiler must not make one operation with one rounding of the two.
#if defined(__x86_64__)
  __asm__("" : "+v"(product));
#else
  __asm__("" : "+m"(product));
#endif
  if constexpr (kHow == Joined::kAdd) out = product + other;
  if constexpr (kHow == Joined::kSubtract) out = product - other;
  if constexpr (kHow == Joined::kSubtractFrom) out = other - product;
#if defined(__x86_64__)
  if constexpr (kStreams && sizeof(V) == 16) {
    __asm__("movntps %1, %0" : "=m"(*reinterpret_cast<V*>(y)) : "x"(out));
    return;
  } else if constexpr (kStreams) {
    __asm__("vmovntps %1, %0" : "=m"(*reinterpret_cast<V*>(y)) : "v"(out));
    return;
  }
#endif
  *reinterpret_cast<V*>(y) = out;
}

template <Joined kHow, bool kStreams>
void loop(const Row& r) {
  const float *a = static_cast<const float*>(r.in[0]), *b = static_cast<const float*>(r.in[1]),
              *c = static_cast<const float*>(r.in[2]);
  float* y = static_cast<float*>(r.y);
  const int64_t n = r.n;
  with_vector_bytes([&](auto bytes) {
    vector_call_of<bytes>([=] {
      using V = typename Vector<float, bytes>::type;
      constexpr int kLanes = Vector<float, bytes>::kLanes;
      int64_t i = 0;
      for (; i + kLanes <= n; i += kLanes) step<kHow, kStreams, V>(a + i, b + i, c + i, y + i);
      for (; i < n; ++i) step<kHow, false, float>(a + i, b + i, c + i, y + i);
    });
  });
}

template <bool kStreams>
RowLoop loop_for(Joined how) {
  switch (how) {
    case Joined::kAdd: return loop<Joined::kAdd, kStreams>;
    case Joined::kSubtract: return loop<Joined::kSubtract, kStreams>;
    default: return loop<Joined::kSubtractFrom, kStreams>;
  }
}

}  // namespace

RowLoop product_loop(Joined how, bool streams) {
  return streams ? loop_for<true>(how) : loop_for<false>(how);
}

}  // namespace plait::kernels
