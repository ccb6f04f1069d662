#include <cmath>

#include "kernels/gemm.h"
#include "kernels/math.h"
#include "kernels/parallel.h"
#include "kernels/simd.h"
#include "op/functions.h"
#include "ops/attention/heads.h"
#include "ops/second_gradient.h"

// softmax(scale Q K^T + mask) V without the matrix of all scores: Dao, Fu, Ermon, Rudra, Re,
// "FlashAttention", NeurIPS (2022). Scores exist for one block of queries and keys at a time.
namespace plait::ops {
namespace {

Specs infer(const AttentionAttrs& a, const Specs& in) {
  const Dims &q = in[0].shape, &k = in[1].shape, &v = in[2].shape;
  check(is_floating(in[0].dtype), ErrorKind::kType, "query has dtype ", in[0].dtype,
        ", must be floating");
  const char* names[] = {"query", "key", "value"};
  for (size_t i = 0; i < 3; ++i) {
    check(in[i].shape.size() == 4, ErrorKind::kShape, names[i], " has shape ", in[i].shape,
          ", must be (batch, heads, length, features)");
    check(in[i].dtype == in[0].dtype, ErrorKind::kType, names[i], " has dtype ", in[i].dtype,
          ", must be ", in[0].dtype, " as query");
  }
  check(k[0] == q[0] && k[3] == q[3], ErrorKind::kShape, "key has shape ", k,
        ", must have the batch and features of query, ", q);
  check(v[0] == k[0] && v[1] == k[1] && v[2] == k[2], ErrorKind::kShape, "value has shape ", v,
        ", must have the batch, heads and length of key, ", k);
  check(k[1] > 0 && q[1] % k[1] == 0, ErrorKind::kShape, "key has ", k[1],
        " heads, must divide the ", q[1], " heads of query");
  if (a.has_mask) {
    const Dims all{q[0], q[1], q[2], k[2]};
    check(!in[3].shape.empty() && in[3].shape.size() <= 4 &&
              broadcast_shapes(in[3].shape, all) == all,
          ErrorKind::kShape, "mask has shape ", in[3].shape, ", must broadcast to ", all);
  }
  return {{{q[0], q[1], q[2], v[3]}, in[0].dtype},
          {{q[0], q[1], q[2]}, in[0].dtype == DType::kFloat64 ? DType::kFloat64 : DType::kFloat32}};
}

// exp(x - shift) in place, and its sum.
template <class A>
A exponentials(A* x, int64_t n, A shift) {
  kernels::vector_loop(n, [=](int64_t j) { x[j] = kernels::math::exp(x[j] - shift); });
  return kernels::vector_call([=] {
    A parts[16] = {}, sum = 0;
    int64_t j = 0;
    for (; j + 16 <= n; j += 16) {
      for (int64_t i = 0; i < 16; ++i) parts[i] += x[j + i];
    }
    for (; j < n; ++j) sum += x[j];
    for (A p : parts) sum += p;
    return sum;
  });
}

// The results of queries [q0, q0 + rows) of one head, and the logarithms of their sums.
template <class A>
void block_forward(const Heads& h, const Mask& mask, const Head<A>& q, const Head<A>& k,
                   const Head<A>& v, int64_t b, int64_t head, int64_t q0, int64_t rows, A* out,
                   A* log_sum) {
  constexpr A kNever = -std::numeric_limits<A>::infinity();
  const DType type = dtype_of<A>();
  std::vector<A> score(static_cast<size_t>(rows * kKeyBlock)),
      part(static_cast<size_t>(rows * h.columns)), top(static_cast<size_t>(rows), kNever),
      sum(static_cast<size_t>(rows), A(0));
  std::fill_n(out, rows * h.columns, A(0));
  for (int64_t k0 = 0; k0 < h.keys && !mask.hides(q0, rows, k0); k0 += kKeyBlock) {
    const int64_t n = std::min(kKeyBlock, h.keys - k0);
    kernels::gemm({false, true, 1, rows, n, h.features}, type, q.row(q0, h.features),
                  k.row(k0, h.features), nullptr, score.data(), 1);
    const A scale = static_cast<A>(h.scale);
    A* s = score.data();
    kernels::vector_loop(rows * n, [=](int64_t i) { s[i] *= scale; });
    mask.apply(b, head, q0, rows, k0, n, s);
    for (int64_t i = 0; i < rows; ++i) {
      A* line = s + i * n;
      const auto at = static_cast<size_t>(i);
      A highest = top[at];
      for (int64_t j = 0; j < n; ++j) highest = line[j] > highest ? line[j] : highest;
      if (highest == kNever) {  // nothing seen so far
        std::fill_n(line, n, A(0));
        continue;
      }
      const A shrink = top[at] == kNever ? A(0) : std::exp(top[at] - highest);
      sum[at] = sum[at] * shrink + exponentials(line, n, highest);
      top[at] = highest;
      A* to = out + i * h.columns;
      kernels::vector_loop(h.columns, [=](int64_t j) { to[j] *= shrink; });
    }
    kernels::gemm({false, false, 1, rows, h.columns, n}, type, s, v.row(k0, h.columns), nullptr,
                  part.data(), 1);
    const A* more = part.data();
    kernels::vector_loop(rows * h.columns, [=](int64_t i) { out[i] += more[i]; });
  }
  for (int64_t i = 0; i < rows; ++i) {
    const auto at = static_cast<size_t>(i);
    log_sum[i] = sum[at] > A(0) ? top[at] + std::log(sum[at]) : kNever;
    const A inverse = sum[at] > A(0) ? A(1) / sum[at] : A(0);
    A* to = out + i * h.columns;
    kernels::vector_loop(h.columns, [=](int64_t j) { to[j] *= inverse; });
  }
}

template <class A>
void forward(const AttentionAttrs& a, const op::KernelArgs& k) {
  const Heads h(a, *k.in[0].shape, *k.in[1].shape, *k.in[2].shape);
  const Mask mask(a, h, a.has_mask ? &k.in[3] : nullptr);
  const int64_t blocks = (h.queries + kQueryBlock - 1) / kQueryBlock;
  kernels::parallel_for(k.threads, h.batch * h.heads * blocks, 1, [&](int64_t begin, int64_t end) {
    std::vector<A> out(static_cast<size_t>(kQueryBlock * h.columns));
    std::optional<Head<A>> q, key, value;
    int64_t loaded = -1;
    for (int64_t i = begin; i < end; ++i) {
      const int64_t index = i / blocks, b = index / h.heads, head = index % h.heads;
      if (index != loaded) {
        const int64_t kv = b * h.kv_heads + head / h.group();
        q.emplace(k.in[0], index);
        key.emplace(k.in[1], kv);
        value.emplace(k.in[2], kv);
        loaded = index;
      }
      const int64_t q0 = i % blocks * kQueryBlock, rows = std::min(kQueryBlock, h.queries - q0);
      block_forward<A>(h, mask, *q, *key, *value, b, head, q0, rows, out.data(),
                       k.out[1].ptr<A>() + index * h.queries + q0);
      const int64_t at = (index * h.queries + q0) * h.columns;
      kernels::convert(out.data(), dtype_of<A>(), 1,
                       k.out[0].ptr<char>() + at * dtype_size(k.out[0].dtype), k.out[0].dtype,
                       rows * h.columns);
    }
  });
}

Values backward(const AttentionAttrs& a, const GradArgs& g) {
  static const OpCall kBack("scaled_dot_product_attention_backward",
                            {"scale", "causal", "has_mask"});
  Values in{g.dout(), g.in(0), g.in(1), g.in(2), g.out(0), g.out(1)};
  if (a.has_mask) in.push_back(g.in(3));
  const op::AttrValue attrs[] = {a.scale ? op::AttrValue(*a.scale) : op::AttrValue{}, a.causal,
                                 a.has_mask};
  Values d = kBack.all({in.data(), in.size()}, attrs);
  d.resize(g.num_in());
  return d;
}

template <class F>
void with_type(const View& v, const F& f) {
  if (v.dtype == DType::kFloat64) return f(double{});
  f(float{});
}

PLAIT_OP(scaled_dot_product_attention, AttentionAttrs)
    .doc("softmax(scale query key^T + mask) value, in blocks: the matrix of scores is never whole.")
    .source("Vaswani et al., NeurIPS (2017); Dao et al., NeurIPS (2022)")
    .input("query", "floating (batch, heads, queries, features)")
    .input("key", "(batch, kv_heads, keys, features); kv_heads divides heads, each serves a group")
    .input("value", "(batch, kv_heads, keys, columns)")
    .optional_input("mask",
                    "broadcasts to (batch, heads, queries, keys): floating is added to the scores, "
                    "other types hide where 0; with has_mask; no gradient flows to it")
    .output("output", "(batch, heads, queries, columns); 0 for a query that sees no key")
    .hidden_output("log_sum", "logarithm of the sum of exponentials, (batch, heads, queries)")
    .attr("scale", &AttentionAttrs::scale, std::nullopt,
          "factor of the scores; None: 1 / sqrt(features)")
    .attr("causal", &AttentionAttrs::causal, false,
          "query i sees keys up to i + keys - queries: the last query sees all")
    .attr("has_mask", &AttentionAttrs::has_mask, false, "a mask is given")
    .on("nd sym", "contrib.scaled_dot_product_attention")
    .on("npx", "scaled_dot_product_attention")
    .num_inputs([](const AttentionAttrs& a) { return a.has_mask ? 4 : 3; })
    .infer(infer)
    .cpu([](const AttentionAttrs& a, const op::KernelArgs& k) {
      with_type(k.in[0], [&]<class A>(A) { forward<A>(a, k); });
    })
    .flops([](const AttentionAttrs&, const Specs& in) {
      const Dims &q = in[0].shape, &v = in[2].shape;
      return 2.0 * static_cast<double>(q[0] * q[1] * q[2]) *
             static_cast<double>(v[2] * (q[3] + v[3]));
    })
    .grad(backward, op::saves_inputs() | op::saves_output(0) | op::saves_output(1));

// --- gradient ----------------------------------------------------------------------------------

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

  void add(A* to, int64_t n) const {
    const A* from = part.data();
    kernels::vector_loop(n, [=](int64_t i) { to[i] += from[i]; });
  }

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
    for (int64_t i = 0; i < rows; ++i) {
      A* line = s + i * n;
      const A shift = log_sum[i];
      if (shift == -std::numeric_limits<A>::infinity()) {
        std::fill_n(line, n, A(0));
        continue;
      }
      kernels::vector_loop(n, [=](int64_t j) { line[j] = kernels::math::exp(line[j] - shift); });
    }
    kernels::gemm({true, false, 1, n, h.columns, rows}, type, s, dy.row(q0, h.columns), nullptr,
                  part.data(), 1);
    add(dv.data() + k0 * h.columns, n * h.columns);
    kernels::gemm({false, true, 1, rows, n, h.columns}, type, dy.row(q0, h.columns),
                  v.row(k0, h.columns), nullptr, ds, 1);
    for (int64_t i = 0; i < rows; ++i) {
      const A* line = s + i * n;
      A* to = ds + i * n;
      const A d = delta[i];
      kernels::vector_loop(n, [=](int64_t j) { to[j] = line[j] * (to[j] - d) * scale; });
    }
    kernels::gemm({true, false, 1, n, h.features, rows}, type, ds, q.row(q0, h.features), nullptr,
                  part.data(), 1);
    add(dk.data() + k0 * h.features, n * h.features);
    kernels::gemm({false, false, 1, rows, h.features, n}, type, ds, k.row(k0, h.features), nullptr,
                  part.data(), 1);
    add(dq.data() + q0 * h.features, rows * h.features);
  }
};

template <class A>
void store(const std::vector<A>& from, const View& to, int64_t head) {
  const int64_t n = static_cast<int64_t>(from.size());
  kernels::convert(from.data(), dtype_of<A>(), 1, to.ptr<char>() + head * n * dtype_size(to.dtype),
                   to.dtype, n);
}

// Inputs: dout, query, key, value, output, log_sum and, with has_mask, the mask.
template <class A>
void differentiate(const AttentionAttrs& a, const op::KernelArgs& k) {
  const Heads h(a, *k.in[1].shape, *k.in[2].shape, *k.in[3].shape);
  const Mask mask(a, h, a.has_mask ? &k.in[6] : nullptr);
  kernels::parallel_for(k.threads, h.batch * h.kv_heads, 1, [&](int64_t begin, int64_t end) {
    HeadGradient<A> d(h, mask);
    std::vector<A> delta(static_cast<size_t>(h.queries));
    for (int64_t kv = begin; kv < end; ++kv) {
      const int64_t b = kv / h.kv_heads;
      const Head<A> key(k.in[2], kv), value(k.in[3], kv);
      std::fill(d.dk.begin(), d.dk.end(), A(0));
      std::fill(d.dv.begin(), d.dv.end(), A(0));
      for (int64_t g = 0; g < h.group(); ++g) {
        const int64_t head = kv % h.kv_heads * h.group() + g, index = b * h.heads + head;
        const Head<A> dy(k.in[0], index), q(k.in[1], index), y(k.in[4], index);
        const A* log_sum = k.in[5].ptr<A>() + index * h.queries;
        for (int64_t i = 0; i < h.queries; ++i) {
          A sum = 0;
          for (int64_t j = 0; j < h.columns; ++j)
            sum += dy.row(i, h.columns)[j] * y.row(i, h.columns)[j];
          delta[static_cast<size_t>(i)] = sum;
        }
        std::fill(d.dq.begin(), d.dq.end(), A(0));
        for (int64_t q0 = 0; q0 < h.queries; q0 += kQueryBlock) {
          const int64_t rows = std::min(kQueryBlock, h.queries - q0);
          for (int64_t k0 = 0; k0 < h.keys && !mask.hides(q0, rows, k0); k0 += kKeyBlock) {
            d.block(b, head, q0, rows, k0, std::min(kKeyBlock, h.keys - k0), q, key, value, dy,
                    log_sum + q0, delta.data() + q0);
          }
        }
        store(d.dq, k.out[0], index);
      }
      store(d.dk, k.out[1], kv);
      store(d.dv, k.out[2], kv);
    }
  });
}

PLAIT_OP(scaled_dot_product_attention_backward, AttentionAttrs)
    .doc("Gradients of scaled_dot_product_attention with respect to query, key and value.")
    .input("dout", "gradient of the output")
    .input("query", "as for scaled_dot_product_attention")
    .input("key", "as for scaled_dot_product_attention")
    .input("value", "as for scaled_dot_product_attention")
    .input("output", "what it gave")
    .input("log_sum", "what it gave")
    .optional_input("mask", "as for scaled_dot_product_attention")
    .output("dquery", "shape of query")
    .output("dkey", "shape of key")
    .output("dvalue", "shape of value")
    .attr("scale", &AttentionAttrs::scale, std::nullopt, "as for scaled_dot_product_attention")
    .attr("causal", &AttentionAttrs::causal, false, "as for scaled_dot_product_attention")
    .attr("has_mask", &AttentionAttrs::has_mask, false, "as for scaled_dot_product_attention")
    .infer(+[](const AttentionAttrs&, const Specs& in) -> Specs {
      return {in[1], in[2], in[3]};
    })
    .cpu([](const AttentionAttrs& a, const op::KernelArgs& k) {
      with_type(k.in[0], [&]<class A>(A) { differentiate<A>(a, k); });
    })
    .flops([](const AttentionAttrs&, const Specs& in) {
      const Dims &q = in[1].shape, &v = in[3].shape;
      return 5.0 * static_cast<double>(q[0] * q[1] * q[2]) *
             static_cast<double>(v[2] * (q[3] + v[3]));
    })
    .grad(PLAIT_NO_SECOND_GRADIENT(AttentionAttrs, "scaled_dot_product_attention"),
          op::saves_nothing());

}  // namespace
}  // namespace plait::ops
