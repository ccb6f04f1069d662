#pragma once

#include <cmath>
#include <cstring>
#include <limits>
#include <optional>
#include <vector>

#include "kernels/convert.h"
#include "op/op.h"

// Shapes of attention: query (batch, heads, queries, features), key (batch, kv_heads, keys,
// features), value (batch, kv_heads, keys, columns). Head h uses the keys of head h / group.
namespace plait::ops {

struct AttentionAttrs {
  std::optional<double> scale;
  bool causal, has_mask;
};

// The operands, or their gradients; `mask` may be null. Any strides.
struct Attended {
  View query, key, value;
  const View* mask = nullptr;
};

// out (batch, heads, queries, columns) and log_sum (batch, heads, queries), the logarithm of each
// query's sum of exponentials: float64 for operands of float64, else float32, without gaps.
void attend(const AttentionAttrs& a, const Attended& in, const View& out, const View& log_sum,
            int threads);
// Gradients from that of `out`.
void attend_backward(const AttentionAttrs& a, const Attended& in, const View& dout, const View& out,
                     const View& log_sum, const Attended& gradients, int threads);

struct Heads {
  int64_t batch, heads, kv_heads, queries, keys, features, columns;
  double scale;

  Heads(const AttentionAttrs& a, const Dims& q, const Dims& k, const Dims& v)
      : batch(q[0]),
        heads(q[1]),
        kv_heads(k[1]),
        queries(q[2]),
        keys(k[2]),
        features(q[3]),
        columns(v[3]),
        scale(a.scale.value_or(1 / std::sqrt(static_cast<double>(std::max<int64_t>(1, q[3]))))) {}
  int64_t group() const { return heads / kv_heads; }
};

// Sides of the blocks into which the scores are cut; they are never all there at once.
inline constexpr int64_t kQueryBlock = 128, kKeyBlock = 256;

// The matrix of one head of an array (batch, heads, rows, n).
struct Matrix {
  char* data;
  DType dtype;
  int64_t rows, n, row_step, step;  // steps in elements

  Matrix(const View& v, int64_t b, int64_t head)
      : data(v.ptr<char>() + (b * v.stride(0) + head * v.stride(1)) * dtype_size(v.dtype)),
        dtype(v.dtype),
        rows(v.dim(2)),
        n(v.dim(3)),
        row_step(v.stride(2)),
        step(v.stride(3)) {}
  bool dense() const { return (step == 1 || n == 1) && (row_step == n || rows == 1); }
  char* row(int64_t i) const { return data + i * row_step * dtype_size(dtype); }

  // Rows [begin, begin + count) as numbers of type A, packed, and back.
  template <class A>
  void load(int64_t begin, int64_t count, A* to) const {
    if (dense()) return kernels::convert(row(begin), dtype, 1, to, dtype_of<A>(), count * n);
    for (int64_t i = 0; i < count; ++i) {
      kernels::convert(row(begin + i), dtype, step, to + i * n, dtype_of<A>(), n);
    }
  }
  template <class A>
  void store(int64_t begin, int64_t count, const A* from) const {
    if (dense()) return kernels::convert(from, dtype_of<A>(), 1, row(begin), dtype, count * n);
    for (int64_t i = 0; i < count; ++i) {
      kernels::convert_scatter(from + i * n, dtype_of<A>(), row(begin + i), dtype, step, n);
    }
  }
};

// One head as packed numbers of type A: in place, or a copy.
template <class A>
class Head {
 public:
  Head(const View& v, int64_t b, int64_t head) {
    const Matrix m(v, b, head);
    if (m.dense() && m.dtype == dtype_of<A>()) {
      data_ = reinterpret_cast<const A*>(m.data);
      return;
    }
    copy_.resize(static_cast<size_t>(m.rows * m.n));
    m.load(0, m.rows, copy_.data());
    data_ = copy_.data();
  }
  Head(const Head&) = delete;
  const A* row(int64_t i, int64_t n) const { return data_ + i * n; }

 private:
  std::vector<A> copy_;
  const A* data_ = nullptr;
};

// Which keys a query may see, and what is added to its scores.
class Mask {
 public:
  Mask(const AttentionAttrs& a, const Heads& h, const View* mask)
      : causal_(a.causal), shift_(h.keys - h.queries), mask_(mask) {}

  // Changes the scores of queries [q0, q0 + rows) and keys [k0, k0 + n), which lie in `s`.
  template <class A>
  void apply(int64_t b, int64_t h, int64_t q0, int64_t rows, int64_t k0, int64_t n, A* s) const {
    constexpr A kNever = -std::numeric_limits<A>::infinity();
    if (!mask_ && !causal_) return;
    for (int64_t i = 0; i < rows; ++i, s += n) {
      if (mask_) add_mask(b, h, q0 + i, k0, n, s);
      if (!causal_) continue;
      for (int64_t j = std::max<int64_t>(0, q0 + i + shift_ + 1 - k0); j < n; ++j) s[j] = kNever;
    }
  }
  // True if no query of [q0, q0 + rows) sees a key from k0 on.
  bool hides(int64_t q0, int64_t rows, int64_t k0) const {
    return causal_ && k0 > q0 + rows - 1 + shift_;
  }

 private:
  template <class A>
  void add_mask(int64_t b, int64_t h, int64_t q, int64_t k0, int64_t n, A* s) const {
    const int64_t at[] = {b, h, q, k0};
    int64_t place = 0;
    const int64_t ndim = mask_->ndim();
    for (int64_t d = 0; d < ndim; ++d) {
      if (mask_->dim(d) != 1) place += at[4 - ndim + d] * mask_->stride(d);
    }
    const int64_t step = mask_->dim(ndim - 1) == 1 ? 0 : mask_->stride(ndim - 1);
    const bool adds = is_floating(mask_->dtype);
    dispatch_all(mask_->dtype, [&]<class T>(T) {
      const T* m = mask_->ptr<T>() + place;
      for (int64_t j = 0; j < n; ++j) {
        const A v = static_cast<A>(static_cast<acc_t<T>>(m[j * step]));
        if (adds) s[j] += v;
        if (!adds && v == A(0)) s[j] = -std::numeric_limits<A>::infinity();
      }
    });
  }

  bool causal_;
  int64_t shift_;  // the last query sees all keys
  const View* mask_;
};

}  // namespace plait::ops
