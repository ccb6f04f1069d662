#include <cmath>
#include <limits>

#include "kernels/cuda/element.h"
#include "kernels/cuda/launch.h"
#include "kernels/cuda/runtime.h"
#include "kernels/math.h"
#include "ops/attention/heads.h"

// Attention with the matrix of all scores, which the blocks of the CPU's kernel avoid: plain, and
// limited by the memory of the device.
namespace plait::ops {
namespace {

// An array (batch, heads, rows, n) of any floating type and any strides.
struct Tensor {
  void* data = nullptr;
  DType dtype = DType::kFloat32;
  int64_t stride[4] = {0, 0, 0, 0};

  Tensor() = default;
  // Broadcasts to four axes.
  explicit Tensor(const View& v) : data(v.data), dtype(v.dtype) {
    const int64_t missing = 4 - v.ndim();
    for (int64_t i = 0; i < v.ndim(); ++i) {
      stride[missing + i] = v.dim(i) == 1 ? 0 : v.stride(i);
    }
  }
  PLAIT_FN int64_t at(int64_t b, int64_t h, int64_t i, int64_t j) const {
    return b * stride[0] + h * stride[1] + i * stride[2] + j * stride[3];
  }
  template <class A>
  PLAIT_FN A get(int64_t b, int64_t h, int64_t i, int64_t j) const {
    return cuda::load<A>(dtype, data, at(b, h, i, j));
  }
  template <class A>
  PLAIT_FN void put(int64_t b, int64_t h, int64_t i, int64_t j, A value) const {
    cuda::store<A>(dtype, data, at(b, h, i, j), value);
  }
};

// A call; `score` is (batch, heads, queries, keys), `log_sum` (batch, heads, queries).
template <class A>
struct Call {
  Heads h;
  bool causal, mask_adds;
  Tensor q, k, v, mask, out;
  A *score, *log_sum;

  PLAIT_FN int64_t kv(int64_t head) const { return head / (h.heads / h.kv_heads); }
  PLAIT_FN int64_t batch_of(int64_t line) const { return line / h.queries / h.heads; }
  PLAIT_FN int64_t head_of(int64_t line) const { return line / h.queries % h.heads; }
};

template <class A>
struct Scores {
  Call<A> c;
  PLAIT_FN void operator()(int64_t i) const {
    const Heads& h = c.h;
    const int64_t key = i % h.keys, line = i / h.keys, query = line % h.queries;
    const int64_t b = c.batch_of(line), head = c.head_of(line), kv = c.kv(head);
    constexpr A kNever = -std::numeric_limits<A>::infinity();
    A sum = 0;
    for (int64_t f = 0; f < h.features; ++f) {
      sum += c.q.template get<A>(b, head, query, f) * c.k.template get<A>(b, kv, key, f);
    }
    sum *= static_cast<A>(h.scale);
    if (c.mask.data) {
      const A m = c.mask.template get<A>(b, head, query, key);
      if (c.mask_adds) sum += m;
      if (!c.mask_adds && m == A(0)) sum = kNever;
    }
    if (c.causal && key > query + h.keys - h.queries) sum = kNever;
    c.score[i] = sum;
  }
};

// Scores become weights, and each query's logarithm of its sum of exponentials is kept.
template <class A>
struct Weights {
  Call<A> c;
  template <class Team>
  PLAIT_FN void operator()(const Team& team, int64_t line) const {
    constexpr A kNever = -std::numeric_limits<A>::infinity();
    A* const s = c.score + line * c.h.keys;
    const A top = team.reduce(
        c.h.keys, kNever, [&](int64_t j) { return s[j]; }, cuda::Larger());
    const bool nothing = top == kNever;
    const A sum = team.reduce(
        c.h.keys, A(0), [&](int64_t j) { return nothing ? A(0) : kernels::math::exp(s[j] - top); },
        cuda::Plus());
    team.each(1, [&](int64_t) { c.log_sum[line] = nothing ? kNever : top + std::log(sum); });
    team.each(c.h.keys,
              [&](int64_t j) { s[j] = nothing ? A(0) : kernels::math::exp(s[j] - top) / sum; });
  }
};

template <class A>
struct Outputs {
  Call<A> c;
  PLAIT_FN void operator()(int64_t i) const {
    const int64_t column = i % c.h.columns, line = i / c.h.columns;
    const int64_t b = c.batch_of(line), head = c.head_of(line), kv = c.kv(head);
    A sum = 0;
    for (int64_t j = 0; j < c.h.keys; ++j) {
      sum += c.score[line * c.h.keys + j] * c.v.template get<A>(b, kv, j, column);
    }
    c.out.put(b, head, line % c.h.queries, column, sum);
  }
};

template <class A>
Call<A> call_of(const AttentionAttrs& a, const Attended& in, const View& out, A* score,
                const View& log_sum) {
  Call<A> c{Heads(a, *in.query.shape, *in.key.shape, *in.value.shape),
            a.causal,
            in.mask && is_floating(in.mask->dtype),
            Tensor(in.query),
            Tensor(in.key),
            Tensor(in.value),
            in.mask ? Tensor(*in.mask) : Tensor(),
            Tensor(out),
            score,
            log_sum.ptr<A>()};
  return c;
}

int64_t lines(const Heads& h) { return h.batch * h.heads * h.queries; }
int64_t num_scores(const Attended& in) {
  return in.query.dim(0) * in.query.dim(1) * in.query.dim(2) * in.key.dim(2);
}

template <class A>
void forward(const AttentionAttrs& a, const Attended& in, const View& out, const View& log_sum) {
  const cuda::Scratch<A> score(num_scores(in));
  const Call<A> c = call_of(a, in, out, score.data(), log_sum);
  cuda::for_each(lines(c.h) * c.h.keys, Scores<A>{c});
  cuda::for_each_line(lines(c.h), c.h.keys, Weights<A>{c});
  cuda::for_each(lines(c.h) * c.h.columns, Outputs<A>{c});
}

// ---- the gradient

// What it adds: slope = p (dy v^T - sum(dy y)) scale, beside the weights p.
template <class A>
struct Slopes {
  Call<A> c;
  Tensor dy;
  A* slope;
  template <class Team>
  PLAIT_FN void operator()(const Team& team, int64_t line) const {
    const Heads& h = c.h;
    const int64_t b = c.batch_of(line), head = c.head_of(line), query = line % h.queries;
    const int64_t kv = c.kv(head);
    A* const s = c.score + line * h.keys;
    const A shift = c.log_sum[line];
    const bool nothing = shift == -std::numeric_limits<A>::infinity();
    A delta = 0;
    for (int64_t j = 0; j < h.columns; ++j) {
      delta += dy.get<A>(b, head, query, j) * c.out.template get<A>(b, head, query, j);
    }
    team.each(h.keys, [&](int64_t j) {
      const A p = nothing ? A(0) : kernels::math::exp(s[j] - shift);
      A product = 0;
      for (int64_t f = 0; f < h.columns; ++f) {
        product += dy.get<A>(b, head, query, f) * c.v.template get<A>(b, kv, j, f);
      }
      s[j] = p;
      slope[line * h.keys + j] = p * (product - delta) * static_cast<A>(h.scale);
    });
  }
};

template <class A>
struct QueryGradient {
  Call<A> c;
  const A* slope;
  Tensor dq;
  PLAIT_FN void operator()(int64_t i) const {
    const Heads& h = c.h;
    const int64_t f = i % h.features, line = i / h.features;
    const int64_t b = c.batch_of(line), head = c.head_of(line), kv = c.kv(head);
    A sum = 0;
    for (int64_t j = 0; j < h.keys; ++j) {
      sum += slope[line * h.keys + j] * c.k.template get<A>(b, kv, j, f);
    }
    dq.put(b, head, line % h.queries, f, sum);
  }
};

// Of keys, from slopes and queries, or of values, from weights and dy: over all heads of a group.
template <class A>
struct KeyGradient {
  Call<A> c;
  const A* factor;
  Tensor with, to;
  int64_t width;
  PLAIT_FN void operator()(int64_t i) const {
    const Heads& h = c.h;
    const int64_t f = i % width, key = i / width % h.keys;
    const int64_t kv = i / width / h.keys % h.kv_heads, b = i / width / h.keys / h.kv_heads;
    const int64_t group = h.heads / h.kv_heads;
    A sum = 0;
    for (int64_t head = kv * group; head < (kv + 1) * group; ++head) {
      for (int64_t query = 0; query < h.queries; ++query) {
        const int64_t line = (b * h.heads + head) * h.queries + query;
        sum += factor[line * h.keys + key] * with.get<A>(b, head, query, f);
      }
    }
    to.put(b, kv, key, f, sum);
  }
};

template <class A>
void backward(const AttentionAttrs& a, const Attended& in, const View& dout, const View& out,
              const View& log_sum, const Attended& gradients) {
  const cuda::Scratch<A> score(num_scores(in)), slope(num_scores(in));
  const Call<A> c = call_of(a, in, out, score.data(), log_sum);
  const Heads& h = c.h;
  const Tensor dy(dout);
  cuda::for_each(lines(h) * h.keys, Scores<A>{c});
  cuda::for_each_line(lines(h), h.keys, Slopes<A>{c, dy, slope.data()});
  cuda::for_each(lines(h) * h.features, QueryGradient<A>{c, slope.data(), Tensor(gradients.query)});
  const int64_t keys = h.batch * h.kv_heads * h.keys;
  cuda::for_each(keys * h.features,
                 KeyGradient<A>{c, slope.data(), c.q, Tensor(gradients.key), h.features});
  cuda::for_each(keys * h.columns,
                 KeyGradient<A>{c, score.data(), dy, Tensor(gradients.value), h.columns});
}

}  // namespace

void attend(const AttentionAttrs& a, const Attended& in, const View& out, const View& log_sum,
            int) {
  if (log_sum.dtype == DType::kFloat64) return forward<double>(a, in, out, log_sum);
  forward<float>(a, in, out, log_sum);
}

void attend_backward(const AttentionAttrs& a, const Attended& in, const View& dout, const View& out,
                     const View& log_sum, const Attended& gradients, int) {
  if (log_sum.dtype == DType::kFloat64) {
    return backward<double>(a, in, dout, out, log_sum, gradients);
  }
  backward<float>(a, in, dout, out, log_sum, gradients);
}

}  // namespace plait::ops
