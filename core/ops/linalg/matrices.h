#pragma once

#include <atomic>

#include "kernels/lapack.h"
#include "kernels/parallel.h"
#include "op/functions.h"
#include "op/op.h"
#include "ops/in_float32.h"

// What the decompositions share: arrays of shape (..., m, n) are batches of matrices.
namespace plait::ops {

struct Matrices {
  Dims batch;
  int64_t m, n;
  int64_t count() const { return num_elements(batch); }
  int64_t k() const { return std::min(m, n); }
  // The batch followed by more axes.
  Dims with(std::initializer_list<int64_t> axes) const {
    Dims out = batch;
    for (int64_t d : axes) out.push_back(d);
    return out;
  }
};

inline Matrices matrices_of(const Spec& s, const char* name = "data") {
  check(s.shape.size() >= 2, ErrorKind::kShape, name, " has shape ", s.shape,
        ", must have at least 2 axes");
  check(is_inexact(s.dtype), ErrorKind::kType, name, " has dtype ", s.dtype, ", must be floating");
  return {Dims(s.shape.begin(), s.shape.end() - 2), s.shape[s.shape.size() - 2], s.shape.back()};
}
inline Matrices square_of(const Spec& s, const char* name = "data") {
  const Matrices out = matrices_of(s, name);
  check(out.m == out.n, ErrorKind::kShape, name, " has shape ", s.shape,
        ", must hold square matrices");
  return out;
}
inline Matrices matrices_of(const View& v) { return matrices_of(Spec{*v.shape, v.dtype}); }

template <class F>
void dispatch_real(DType d, const F& f) {
  if (d == DType::kFloat64) return f(double{});
  f(float{});
}

template <class F>
void dispatch_field(DType d, const F& f) {
  if (d == DType::kComplex64) return f(Complex64{});
  if (d == DType::kComplex128) return f(Complex128{});
  dispatch_real(d, f);
}
template <class T>
using real_t = decltype(std::real(T{}));

// Calls f(b), which returns LAPACK's info, for each matrix; throws `rule` if one is not 0.
template <class F>
void each_matrix(const Matrices& a, int threads, const char* rule, const F& f) {
  std::atomic<int64_t> failed{-1};
  kernels::parallel_for(threads, a.count(), 1, [&](int64_t begin, int64_t end) {
    for (int64_t b = begin; b < end; ++b) {
      if (f(b) != 0) failed = b;
    }
  });
  check(failed < 0, ErrorKind::kInvalidArgument, "matrix ", failed.load(), " of data ", rule);
}

inline op::Value mT(const op::Value& v) {
  static const op::OpCall swap("swap_axes", {"dim1", "dim2"});
  return swap({v}, {int64_t{-1}, int64_t{-2}});
}
// The complex conjugate. Gradients that need it work in the convention dL/dx + i dL/dy: they take
// the conjugate of what flows in and give the conjugate of what flows out (see
// elementwise/complex).
inline op::Value conj(const op::Value& v) {
  static const op::OpCall conjugate("conj");
  return is_complex(v.dtype()) ? conjugate({v}) : v;
}
inline op::Value mH(const op::Value& v) { return conj(mT(v)); }
inline op::Value real(const op::Value& v) {
  static const op::OpCall real_part("real");
  return is_complex(v.dtype()) ? real_part({v}) : v;
}
inline op::Value mul(const op::Value& a, const op::Value& b) {
  static const op::OpCall matmul("matmul");
  return matmul({a, b});
}
inline op::Value solved(const op::Value& a, const op::Value& b) {
  static const op::OpCall solve("solve");
  return solve({a, b});
}
inline op::Value inverted(const op::Value& a) {
  static const op::OpCall inverse("inverse");
  return inverse({a});
}
inline op::Value lower(const op::Value& a, int64_t k) {
  static const op::OpCall tril("tril", {"k"});
  return tril({a}, {k});
}
inline op::Value identity_like(int64_t n, DType dtype) {
  static const op::OpCall eye("eye", {"N", "dtype"});
  return eye({}, {n, std::string(dtype_name(dtype))});
}
// A vector of the batch as a column, (..., n) -> (..., n, 1), or as a row.
inline op::Value axis_at(const op::Value& v, int64_t axis) {
  static const op::OpCall expand("expand_dims", {"axis"});
  return expand({v}, {axis});
}
// The Hermitian part of square matrices.
inline op::Value hermitian(const op::Value& a) { return (a + mH(a)) * 0.5; }
// Matrices with these vectors on their diagonals, in `dtype`.
inline op::Value diagonal_of(const op::Value& v, DType dtype) {
  return identity_like(v.shape().back(), dtype) * op::cast_to(axis_at(v, -2), dtype);
}
// 1 / (w_j - w_i) off the diagonal, 0 on it.
inline op::Value inverse_gaps(const op::Value& w) {
  const op::Value one = identity_like(w.shape().back(), w.dtype());
  return (1.0 - one) / (axis_at(w, -2) - axis_at(w, -1) + one);
}

}  // namespace plait::ops
