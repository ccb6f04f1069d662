#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include "base/view.h"
#include "kernels/simd.h"

// Loops of functions of one, two or three numbers. A function is compiled for the types that have
// arithmetic (float, double, int32, int64, maybe complex); arrays of other types are converted
// block by block.
namespace plait::kernels {

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

// One function compiled for each type; null: not for this type, the next wider one is taken.
struct Loops {
  RowLoop f32 = nullptr, f64 = nullptr, i32 = nullptr, i64 = nullptr, c64 = nullptr, c128 = nullptr;
};

// out = f(a), f(a, b), f(a, b, c), with broadcasting of the inputs to the shape of out. Arithmetic
// is done in `type` (a compute type); an input of exactly the same place as `out` is allowed.
void apply(const Loops& loops, DType type, const View& out, std::span<const View> in, int threads,
           const double* params = nullptr);

// What apply() would run, once chosen, for callers that run it on many stretches of the same
// arrays.
struct Recorded {
  RowLoop loop = nullptr;  // null: apply() was not called once, or not for whole rows of one type
  Row row;                 // without `n`; numbers and parameters are copies in here
  int calls = 0;
  double params[2] = {0, 0};
  alignas(16) char numbers[3][16] = {};

  Recorded() = default;
  Recorded(const Recorded&) = delete;
};

// While it exists, apply() in this thread writes down what it would do, and does nothing.
class Recorder {
 public:
  explicit Recorder(Recorded& to);
  Recorder(const Recorder&) = delete;
  ~Recorder();
};

// y = a b + c, a b - c or c - a b with in[0] = a, in[1] = b, in[2] = c, all floats that lie one
// after the other: the same numbers as in two loops. With `streams` results go past the caches, as
// of stream_copy().
enum class Joined { kAdd, kSubtract, kSubtractFrom };
RowLoop product_loop(Joined how, bool streams);

// A number as an array of no axes, for operands that are attributes.
class Scalar {
 public:
  Scalar(double value, DType type);
  operator View() const { return {const_cast<char*>(bytes_), &kNone, &kNone, type_, true}; }

 private:
  static const Dims kNone;
  alignas(16) char bytes_[16];
  DType type_;
};

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
}  // namespace detail

// Loops of a struct F with a static template function f.
template <class F>
constexpr Loops unary_loops() {
  return {detail::unary_row<F, float>, detail::unary_row<F, double>, detail::unary_row<F, int32_t>,
          detail::unary_row<F, int64_t>};
}
template <class F>
constexpr Loops unary_float_loops() {
  return {detail::unary_row<F, float>, detail::unary_row<F, double>, nullptr, nullptr};
}
template <class F>
constexpr Loops binary_loops() {
  return {detail::binary_row<F, float>, detail::binary_row<F, double>,
          detail::binary_row<F, int32_t>, detail::binary_row<F, int64_t>};
}
template <class F>
constexpr Loops binary_float_loops() {
  return {detail::binary_row<F, float>, detail::binary_row<F, double>, nullptr, nullptr};
}
template <class F>
constexpr Loops ternary_loops() {
  return {detail::ternary_row<F, float>, detail::ternary_row<F, double>, nullptr,
          detail::ternary_row<F, int64_t>};
}
template <class F>
constexpr Loops param_loops() {
  return {detail::param_row<F, float>, detail::param_row<F, double>, nullptr,
          detail::param_row<F, int64_t>};
}

// The same for complex numbers as well.
template <class F>
constexpr Loops with_complex_unary(Loops loops) {
  loops.c64 = detail::unary_row<F, Complex64>;
  loops.c128 = detail::unary_row<F, Complex128>;
  return loops;
}
template <class F>
constexpr Loops with_complex_binary(Loops loops) {
  loops.c64 = detail::binary_row<F, Complex64>;
  loops.c128 = detail::binary_row<F, Complex128>;
  return loops;
}
template <class F>
constexpr Loops with_complex_ternary(Loops loops) {
  loops.c64 = detail::ternary_row<F, Complex64>;
  loops.c128 = detail::ternary_row<F, Complex128>;
  return loops;
}

}  // namespace plait::kernels
