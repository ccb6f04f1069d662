#include "kernels/convert.h"

#include <cstring>

#include "kernels/cast.h"
#include "kernels/half.h"
#include "kernels/simd.h"

namespace plait::kernels {
namespace {

template <class From, class To>
void gather(const void* src, int64_t step, void* dst, int64_t n) {
  const From* x = static_cast<const From*>(src);
  To* y = static_cast<To*>(dst);
  if (step == 1) {
    vector_loop(n, [=](int64_t i) { y[i] = cast<To>(x[i]); });
  } else {
    for (int64_t i = 0; i < n; ++i) y[i] = cast<To>(x[i * step]);
  }
}

template <class From, class To>
void scatter(const void* src, void* dst, int64_t step, int64_t n) {
  const From* x = static_cast<const From*>(src);
  To* y = static_cast<To*>(dst);
  for (int64_t i = 0; i < n; ++i) y[i * step] = cast<To>(x[i]);
}

bool is_compute_type(DType d) { return compute_type(d) == d; }

template <class F>
void dispatch_compute(DType d, F&& f) {
  switch (d) {
    case DType::kFloat64: return f(double{});
    case DType::kFloat32: return f(float{});
    case DType::kInt64: return f(int64_t{});
    case DType::kComplex64: return f(Complex64{});
    case DType::kComplex128: return f(Complex128{});
    default: return f(int32_t{});
  }
}

}  // namespace

void convert(const void* src, DType from, int64_t step, void* dst, DType to, int64_t n) {
  if (from == to && step == 1) {
    if (src != dst) std::memmove(dst, src, static_cast<size_t>(n * dtype_size(from)));
  } else if (step == 1 && from == DType::kFloat32 && to == DType::kFloat16) {
    to_half(static_cast<const float*>(src), static_cast<Half*>(dst), n);
  } else if (step == 1 && from == DType::kFloat16 && to == DType::kFloat32) {
    from_half(static_cast<const Half*>(src), static_cast<float*>(dst), n);
  } else if (from == to) {
    dispatch_any(from, [&](auto t) { gather<decltype(t), decltype(t)>(src, step, dst, n); });
  } else if (is_compute_type(to)) {
    dispatch_compute(to, [&](auto t) {
      dispatch_any(from, [&](auto f) { gather<decltype(f), decltype(t)>(src, step, dst, n); });
    });
  } else if (is_compute_type(from)) {
    dispatch_compute(from, [&](auto f) {
      dispatch_any(to, [&](auto t) { gather<decltype(f), decltype(t)>(src, step, dst, n); });
    });
  } else {  // through a type that has arithmetic
    alignas(64) char block[kBlock * kWidest];
    const DType middle = compute_type(from);
    for (int64_t i = 0; i < n; i += kBlock) {
      const int64_t m = n - i < kBlock ? n - i : kBlock;
      convert(static_cast<const char*>(src) + i * step * dtype_size(from), from, step, block,
              middle, m);
      convert(block, middle, 1, static_cast<char*>(dst) + i * dtype_size(to), to, m);
    }
  }
}

void convert_scatter(const void* src, DType from, void* dst, DType to, int64_t step, int64_t n) {
  if (step == 1) {
    convert(src, from, 1, dst, to, n);
  } else if (from == to) {
    dispatch_any(to, [&](auto t) { scatter<decltype(t), decltype(t)>(src, dst, step, n); });
  } else {
    alignas(64) char block[kBlock * kWidest];
    for (int64_t i = 0; i < n; i += kBlock) {
      const int64_t m = n - i < kBlock ? n - i : kBlock;
      convert(static_cast<const char*>(src) + i * dtype_size(from), from, 1, block, to, m);
      convert_scatter(block, to, static_cast<char*>(dst) + i * step * dtype_size(to), to, step, m);
    }
  }
}

}  // namespace plait::kernels
