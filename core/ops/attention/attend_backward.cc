#include "kernels/gemm.h"
#include "kernels/math.h"
#include "kernels/parallel.h"
#include "kernels/simd.h"
#include "kernels/sum.h"
#include "ops/attention/heads.h"

// The gradient of attention: scores are computed again, block by block; see attend.cc.
namespace plait::ops {
namespace {

// Gradients of one head of keys and values and of the queries that use it.
template <class A>
struct HeadGradient {
  const Heads& h;
  const Mask& mask;
  std::vector<A> dq, dk, dv, score, slope, part;

  HeadGradient(const Heads& heads, const Mask& m)
      : h(heads),
        mask(m),
        dq(static_cast<size_t>(h.queries * h.features)),
        dk(static_cast<size_t>(h.keys * h.features)),
        dv(static_cast<size_t>(h.keys * h.columns)),
        score(static_cast<size_t>(kQueryBlock * kKeyBlock)),
        slope(score.size()),
        part(static_cast<size_t>(kKeyBlock * std::max(h.features, h.columns))) {}

  // to += op(x) y; `alone`: nothing else is added to `to`.
  void add(A* to, bool transpose_x, int64_t m, int64_t n, int64_t k, const A* x, const A* y,
           bool alone) {
    A* from = alone ? to : part.data();
    kernels::gemm({transpose_x, false, 1, m, n, k}, dtype_of<A>(), x, y, nullptr, from, 1);
    if (!alone) kernels::vector_loop(m * n, [=](int64_t i) { to[i] += from[i]; });
  }
  bool one_query_block() const { return h.queries <= kQueryBlock && h.group() == 1; }
  bool one_key_block() const { return h.keys <= kKeyBlock; }

  // With p = exp(score - log_sum): dv += p^T dy, ds = p (dy v^T - sum(dy y)), dq += scale ds k,
  // dk += scale ds^T q, for one block of queries and one of keys.
  void block(int64_t b, int64_t head, int64_t q0, int64_t rows, int64_t k0, int64_t n,
             const Head<A>& q, const Head<A>& k, const Head<A>& v, const Head<A>& dy,
             const A* log_sum, const A* delta) {
    const DType type = dtype_of<A>();
    const A scale = static_cast<A>(h.scale);
    A *s = score.data(), *ds = slope.data();
    kernels::gemm({false, true, 1, rows, n, h.features}, type, q.row(q0, h.features),
                  k.row(k0, h.features), nullptr, s, 1);
    kernels::vector_loop(rows * n, [=](int64_t i) { s[i] *= scale; });
    mask.apply(b, head, q0, rows, k0, n, s);
    kernels::vector_call([=] {
      for (int64_t i = 0; i < rows; ++i) {
        A* line = s + i * n;
        const A shift = log_sum[i];
        const bool nothing = shift == -std::numeric_limits<A>::infinity();
#pragma GCC ivdep
        for (int64_t j = 0; j < n; ++j)
          line[j] = nothing ? A(0) : kernels::math::exp(line[j] - shift);
      }
    });
    add(dv.data() + k0 * h.columns, true, n, h.columns, rows, s, dy.row(q0, h.columns),
        one_query_block());
    kernels::gemm({false, true, 1, rows, n, h.columns}, type, dy.row(q0, h.columns),
                  v.row(k0, h.columns), nullptr, ds, 1);
    kernels::vector_call([=] {
      for (int64_t i = 0; i < rows; ++i) {
        const A* line = s + i * n;
        A* to = ds + i * n;
        const A d = delta[i];
#pragma GCC ivdep
        for (int64_t j = 0; j < n; ++j) to[j] = line[j] * (to[j] - d) * scale;
      }
    });
    add(dk.data() + k0 * h.features, true, n, h.features, rows, ds, q.row(q0, h.features),
        one_query_block());
    add(dq.data() + q0 * h.features, false, rows, h.features, n, ds, k.row(k0, h.features),
        one_key_block());
  }
};

// What backward needs of each query: the logarithm of its sum and sum(dy y).
template <class A>
struct Queries {
  std::vector<A> log_sum, delta;

  Queries(const Heads& h, const View& sums, int64_t b, int64_t head, const Head<A>& dy,
          const Head<A>& y)
      : log_sum(static_cast<size_t>(h.queries)), delta(log_sum.size()) {
    const A* from = sums.ptr<A>() + b * sums.stride(0) + head * sums.stride(1);
    for (int64_t i = 0; i < h.queries; ++i) {
      log_sum[static_cast<size_t>(i)] = from[i * sums.stride(2)];
    }
    kernels::vector_call([&] {
      for (int64_t i = 0; i < h.queries; ++i) {
        const A *p = dy.row(i, h.columns), *r = y.row(i, h.columns);
        delta[static_cast<size_t>(i)] =
            kernels::sum_of<A>(h.columns, [=](int64_t j) { return p[j] * r[j]; });
      }
    });
  }
};

template <class A>
void backward(const AttentionAttrs& a, const Attended& in, const View& dout, const View& out,
              const View& log_sum, const Attended& gradients, int threads) {
  const Heads h(a, *in.query.shape, *in.key.shape, *in.value.shape);
  const Mask mask(a, h, in.mask);
  kernels::parallel_for(threads, h.batch * h.kv_heads, 1, [&](int64_t begin, int64_t end) {
    HeadGradient<A> d(h, mask);
    for (int64_t i = begin; i < end; ++i) {
      const int64_t b = i / h.kv_heads, kv = i % h.kv_heads;
      const Head<A> key(in.key, b, kv), value(in.value, b, kv);
      std::fill(d.dk.begin(), d.dk.end(), A(0));
      std::fill(d.dv.begin(), d.dv.end(), A(0));
      for (int64_t head = kv * h.group(); head < (kv + 1) * h.group(); ++head) {
        const Head<A> dy(dout, b, head), q(in.query, b, head), y(out, b, head);
        const Queries<A> of(h, log_sum, b, head, dy, y);
        std::fill(d.dq.begin(), d.dq.end(), A(0));
        for (int64_t q0 = 0; q0 < h.queries; q0 += kQueryBlock) {
          const int64_t rows = std::min(kQueryBlock, h.queries - q0);
          for (int64_t k0 = 0; k0 < h.keys && !mask.hides(q0, rows, k0); k0 += kKeyBlock) {
            d.block(b, head, q0, rows, k0, std::min(kKeyBlock, h.keys - k0), q, key, value, dy,
                    of.log_sum.data() + q0, of.delta.data() + q0);
          }
        }
        Matrix(gradients.query, b, head).store(0, h.queries, d.dq.data());
      }
      Matrix(gradients.key, b, kv).store(0, h.keys, d.dk.data());
      Matrix(gradients.value, b, kv).store(0, h.keys, d.dv.data());
    }
  });
}

}  // namespace

void attend_backward(const AttentionAttrs& a, const Attended& in, const View& dout, const View& out,
                     const View& log_sum, const Attended& gradients, int threads) {
  if (log_sum.dtype == DType::kFloat64) {
    return backward<double>(a, in, dout, out, log_sum, gradients, threads);
  }
  backward<float>(a, in, dout, out, log_sum, gradients, threads);
}

}  // namespace plait::ops
