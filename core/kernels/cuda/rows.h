#pragma once

#include <cstdint>

#include "base/dims.h"
#include "kernels/chain.h"
#include "kernels/cuda/element.h"
#include "kernels/cuda/launch.h"

// The loops of functions of numbers on a device: one kernel for all elements, which also broadcasts
// and converts.
namespace plait::kernels {

inline constexpr bool kHasComplex = false;  // std::complex has no functions on a device

struct Operand {
  void* data = nullptr;  // null: a number of the call
  DType dtype = DType::kFloat32;
  int32_t step = 1;  // plain: 0 for a number
  alignas(8) char number[8] = {};
  int64_t stride[kMaxNdim];
};

struct Row {
  int64_t n = 0;
  bool plain =
      false;  // all operands have the type of the loop, and lie without gaps or are numbers
  int32_t ndim = 0;
  int32_t inputs = 0;
  int64_t shape[kMaxNdim];
  Operand y, in[3];
  double params[2] = {0, 0};

  PLAIT_FN int64_t offset(const Operand& o, int64_t i) const {
    if (plain) return i * o.step;
    int64_t at = 0;
    for (int32_t d = ndim; d-- > 0;) {
      at += i % shape[d] * o.stride[d];
      i /= shape[d];
    }
    return at;
  }
  template <class T>
  PLAIT_FN T get(int k, int64_t i) const {
    const Operand& o = in[k];
    const void* data = o.data ? o.data : o.number;
    if (plain) return static_cast<const T*>(data)[i * o.step];
    return cuda::load<T>(o.dtype, data, offset(o, i));
  }
  template <class T>
  PLAIT_FN void put(int64_t i, T value) const {
    if (plain) {
      static_cast<T*>(y.data)[i] = value;
    } else {
      cuda::store<T>(y.dtype, y.data, offset(y, i), value);
    }
  }
};
using RowLoop = void (*)(const Row&);

namespace detail {
template <class F, class T>
struct UnaryElement {
  Row r;
  PLAIT_FN void operator()(int64_t i) const { r.put<T>(i, F::f(r.get<T>(0, i))); }
};
template <class F, class T>
struct BinaryElement {
  Row r;
  PLAIT_FN void operator()(int64_t i) const { r.put<T>(i, F::f(r.get<T>(0, i), r.get<T>(1, i))); }
};
template <class F, class T>
struct TernaryElement {
  Row r;
  PLAIT_FN void operator()(int64_t i) const {
    r.put<T>(i, F::f(r.get<T>(0, i), r.get<T>(1, i), r.get<T>(2, i)));
  }
};
template <class F, class T>
struct ParamElement {
  Row r;
  PLAIT_FN void operator()(int64_t i) const {
    const T p = static_cast<T>(r.params[0]), q = static_cast<T>(r.params[1]);
    r.put<T>(i, F::f(r.get<T>(0, i), p, q));
  }
};

template <class F, class T>
void unary_row(const Row& r) {
  cuda::for_each(r.n, UnaryElement<F, T>{r});
}
template <class F, class T>
void binary_row(const Row& r) {
  cuda::for_each(r.n, BinaryElement<F, T>{r});
}
template <class F, class T>
void ternary_row(const Row& r) {
  cuda::for_each(r.n, TernaryElement<F, T>{r});
}
template <class F, class T>
void param_row(const Row& r) {
  cuda::for_each(r.n, ParamElement<F, T>{r});
}

template <class F>
constexpr ChainLoop chain_of() {
  return nullptr;
}
}  // namespace detail

}  // namespace plait::kernels
