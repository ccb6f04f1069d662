#pragma once

// The loops of functions of one, two or three numbers: on the CPU over one row of elements, in a
// library for a device over whole arrays.
#ifdef PLAIT_DEVICE
#include "kernels/cuda/rows.h"
#else

#include <algorithm>
#include <cstdint>

#include "base/dtype.h"
#include "kernels/chain_loop.h"
#include "kernels/simd.h"

namespace plait::kernels {

inline constexpr bool kHasComplex = true;

// y[i * sy] = f(a[i * sa], b[i * sb], c[i * sc]); unused operands are null. `params`, two numbers
// or null, belongs to f.
struct Row {
  int64_t n = 0;
  void* y = nullptr;
  int64_t sy = 1;
  const void* in[3] = {nullptr, nullptr, nullptr};
  int64_t step[3] = {1, 1, 1};
  const double* params = nullptr;
};
using RowLoop = void (*)(const Row&);

namespace detail {
template <class F, class T>
void unary_row(const Row& r) {
  const T* a = static_cast<const T*>(r.in[0]);
  T* y = static_cast<T*>(r.y);
  if (r.sy == 1 && r.step[0] == 1) {
    vector_loop(r.n, [=](int64_t i) { y[i] = F::f(a[i]); });
  } else {
    for (int64_t i = 0; i < r.n; ++i) y[i * r.sy] = F::f(a[i * r.step[0]]);
  }
}

template <class F, class T>
void binary_row(const Row& r) {
  const T *a = static_cast<const T*>(r.in[0]), *b = static_cast<const T*>(r.in[1]);
  T* y = static_cast<T*>(r.y);
  const int64_t sa = r.step[0], sb = r.step[1];
  if (r.sy == 1 && sa == 1 && sb == 1) {
    vector_loop(r.n, [=](int64_t i) { y[i] = F::f(a[i], b[i]); });
  } else if (r.sy == 1 && sa == 1 && sb == 0) {
    const T c = *b;
    vector_loop(r.n, [=](int64_t i) { y[i] = F::f(a[i], c); });
  } else if (r.sy == 1 && sa == 0 && sb == 1) {
    const T c = *a;
    vector_loop(r.n, [=](int64_t i) { y[i] = F::f(c, b[i]); });
  } else if (r.sy == 1 && sa == 0 && sb == 0) {
    std::fill_n(y, r.n, F::f(*a, *b));
  } else {
    for (int64_t i = 0; i < r.n; ++i) y[i * r.sy] = F::f(a[i * sa], b[i * sb]);
  }
}

template <class F, class T>
void ternary_row(const Row& r) {
  const T *a = static_cast<const T*>(r.in[0]), *b = static_cast<const T*>(r.in[1]),
          *c = static_cast<const T*>(r.in[2]);
  T* y = static_cast<T*>(r.y);
  const int64_t sa = r.step[0], sb = r.step[1], sc = r.step[2];
  if (r.sy == 1 && sa == 1 && sb == 1 && sc == 1) {
    vector_loop(r.n, [=](int64_t i) { y[i] = F::f(a[i], b[i], c[i]); });
  } else {
    for (int64_t i = 0; i < r.n; ++i) y[i * r.sy] = F::f(a[i * sa], b[i * sb], c[i * sc]);
  }
}

// y = F::f(a, params): a function with constants.
template <class F, class T>
void param_row(const Row& r) {
  const T* a = static_cast<const T*>(r.in[0]);
  T* y = static_cast<T*>(r.y);
  const T p = static_cast<T>(r.params[0]), q = static_cast<T>(r.params[1]);
  if (r.sy == 1 && r.step[0] == 1) {
    vector_loop(r.n, [=](int64_t i) { y[i] = F::f(a[i], p, q); });
  } else {
    for (int64_t i = 0; i < r.n; ++i) y[i * r.sy] = F::f(a[i * r.step[0]], p, q);
  }
}

template <class F>
constexpr ChainLoop chain_of() {
  return chain_loop<F>;
}
}  // namespace detail

}  // namespace plait::kernels

#endif
