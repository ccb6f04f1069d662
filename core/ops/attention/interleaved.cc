#include <cmath>

#include "kernels/copy.h"
#include "kernels/gemm.h"
#include "op/functions.h"
#include "op/op.h"
#include "ops/sizes.h"

// Products of attention on projections that lie interleaved: (steps, batch, heads * parts * n) with
// the parts query, key, value (or key, value) of each head side by side.
namespace plait::ops {
namespace {

using op::KernelArgs;

struct HeadAttrs {
  int64_t heads;
};

struct Layout {
  int64_t steps, batch, heads, parts, n;
  Layout(const HeadAttrs& a, const Dims& d, int64_t count, const char* name)
      : heads(a.heads), parts(count) {
    check_extent(a.heads, 1, "heads");
    check(d.size() == 3 && d[2] % (a.heads * count) == 0, ErrorKind::kShape, name, " has shape ", d,
          ", must be (steps, batch, features), features a multiple of ", count,
          " * heads, heads is ", a.heads);
    steps = d[0], batch = d[1], n = d[2] / (a.heads * count);
    times(a.heads, batch, "heads");
  }
  Dims whole() const { return {steps, batch, heads, parts, n}; }
  Dims matrices() const { return {batch * heads, steps, n}; }
};

void check_types(const Specs& in) {
  for (const Spec& s : in) {
    check(is_floating(s.dtype) && s.dtype == in[0].dtype, ErrorKind::kType, "an input has dtype ",
          s.dtype, ", must be floating and that of the first");
  }
}

// Part `part` of every head as matrices (batch * heads, steps, n), without gaps.
template <class T>
std::vector<T> taken(const View& v, const Layout& l, int64_t part) {
  std::vector<T> out(static_cast<size_t>(l.batch * l.heads * l.steps * l.n));
  const int64_t head = l.parts * l.n, row = l.batch * l.heads * head;
  const Dims shape{l.batch, l.heads, l.steps, l.n}, from{l.heads * head, head, row, 1},
      to = contiguous_strides(shape);
  kernels::copy({v.ptr<T>() + part * l.n, &shape, &from, v.dtype, false},
                {out.data(), &shape, &to, v.dtype, true}, 1);
  return out;
}

// The same as operators, and back: `part` holds matrices, the other parts get 0.
Value take(const Value& v, const Layout& l, int64_t part) {
  static const OpCall kSlice("slice_axis", {"axis", "begin", "end"}), kTurn("transpose", {"axes"});
  const Value one = kSlice({op::reshape_to(v, l.whole())}, {int64_t{3}, part, part + 1});
  const Value four = op::reshape_to(one, {l.steps, l.batch, l.heads, l.n});
  return op::reshape_to(kTurn({four}, {Dims{1, 2, 0, 3}}), l.matrices());
}
Value put(const Values& parts, const Layout& l, const Dims& shape) {
  static const OpCall kStack("stack", {"axis"}), kTurn("transpose", {"axes"});
  Values turned;
  for (const Value& p : parts) {
    const Value four = op::reshape_to(p, {l.batch, l.heads, l.steps, l.n});
    turned.push_back(kTurn({four}, {Dims{2, 0, 1, 3}}));
  }
  const op::AttrValue axis[] = {int64_t{3}};
  return op::reshape_to(kStack.all({turned.data(), turned.size()}, axis)[0], shape);
}
Value zeros(const Value& like) { return op::full_of(like.spec, 0.0); }
Value product(const Value& a, const Value& b, bool turn_a, bool turn_b) {
  static const OpCall kDot("batch_dot", {"transpose_a", "transpose_b"});
  return kDot({a, b}, {turn_a, turn_b});
}

double scale_of(const Layout& l) { return 1 / std::sqrt(static_cast<double>(l.n)); }

// (batch * heads, queries, keys) = scale q k^T.
void scores(const KernelArgs& k, const Layout& q, int64_t q_part, const View& keys,
            const Layout& kv, int64_t k_part) {
  dispatch_floating(k.out[0].dtype, [&]<class T>(T) {
    std::vector<T> a = taken<T>(k.in[0], q, q_part), b = taken<T>(keys, kv, k_part);
    const auto scale = static_cast<acc_t<T>>(scale_of(q));
    for (T& v : a) v = static_cast<T>(static_cast<acc_t<T>>(v) * scale);
    kernels::gemm({false, true, q.batch * q.heads, q.steps, kv.steps, q.n}, dtype_of<T>(), a.data(),
                  b.data(), nullptr, k.out[0].data, k.threads);
  });
}

// (queries, batch, heads * n) = attention v, for in[0] the projections and in[1] the attention.
void results(const KernelArgs& k, const Layout& kv, int64_t part) {
  const int64_t queries = k.in[1].dim(1), heads = kv.batch * kv.heads;
  dispatch_floating(k.out[0].dtype, [&]<class T>(T) {
    const std::vector<T> v = taken<T>(k.in[0], kv, part);
    std::vector<T> y(static_cast<size_t>(heads * queries * kv.n));
    kernels::gemm({false, false, heads, queries, kv.n, kv.steps}, dtype_of<T>(), k.in[1].data,
                  v.data(), nullptr, y.data(), k.threads);
    const Dims shape{queries, heads, kv.n}, from{kv.n, queries * kv.n, 1},
        to = contiguous_strides(shape);
    kernels::copy({y.data(), &shape, &from, k.out[0].dtype, false},
                  {k.out[0].data, &shape, &to, k.out[0].dtype, true}, k.threads);
  });
}

Spec infer_results(const HeadAttrs& a, const Specs& in, int64_t parts, const char* name) {
  check_types(in);
  const Layout l(a, in[0].shape, parts, name);
  const Dims& t = in[1].shape;
  check(t.size() == 3 && t[0] == l.batch * l.heads && t[2] == l.steps, ErrorKind::kShape,
        "attention has shape ", t, ", must be (", l.batch * l.heads, ", queries, ", l.steps, ")");
  return {{t[1], l.batch, l.heads * l.n}, in[0].dtype};
}

// Gradients of results: for the projections and the attention.
Values results_grad(const HeadAttrs& a, const GradArgs& g, int64_t parts, int64_t part) {
  const Layout kv(a, g.in_spec(0).shape, parts, "projections");
  const Layout y({a.heads}, g.out_spec(0).shape, 1, "output");
  const Value dy = take(g.dout(), y, 0), v = take(g.in(0), kv, part);
  const Value dv = product(g.in(1), dy, true, false);
  Values all;
  for (int64_t i = 0; i < parts; ++i) all.push_back(i == part ? dv : zeros(dv));
  return {put(all, kv, g.in_spec(0).shape), product(dy, v, false, true)};
}

#define PLAIT_INTERLEAVED(name, text)                                    \
  PLAIT_OP(interleaved_matmul_##name, HeadAttrs)                         \
      .doc(text)                                                         \
      .required_attr("heads", &HeadAttrs::heads, "number of heads, > 0") \
      .on("nd sym", "_contrib_interleaved_matmul_" #name)                \
      .on("nd sym", "contrib.interleaved_matmul_" #name)                 \
      .on("npx", "interleaved_matmul_" #name)

PLAIT_INTERLEAVED(selfatt_qk, "Scores of self-attention: query key^T / sqrt(n) of each head.")
    .input("queries_keys_values", "floating (steps, batch, heads * 3 * n)")
    .output("output", "(batch * heads, steps, steps)")
    .infer([](const HeadAttrs& a, const Specs& in) -> Spec {
      check_types(in);
      const Layout l(a, in[0].shape, 3, "queries_keys_values");
      return {{l.batch * l.heads, l.steps, l.steps}, in[0].dtype};
    })
    .cpu([](const HeadAttrs& a, const KernelArgs& k) {
      const Layout l(a, *k.in[0].shape, 3, "queries_keys_values");
      scores(k, l, 0, k.in[0], l, 1);
    })
    .grad(
        [](const HeadAttrs& a, const GradArgs& g) -> Values {
          const Layout l(a, g.in_spec(0).shape, 3, "queries_keys_values");
          const Value ds = g.dout() * scale_of(l);
          const Value dq = product(ds, take(g.in(0), l, 1), false, false);
          const Value dk = product(ds, take(g.in(0), l, 0), true, false);
          return {put({dq, dk, zeros(dk)}, l, g.in_spec(0).shape)};
        },
        op::saves_input(0));

PLAIT_INTERLEAVED(selfatt_valatt, "Results of self-attention: attention value of each head.")
    .input("queries_keys_values", "floating (steps, batch, heads * 3 * n)")
    .input("attention", "(batch * heads, queries, steps)")
    .output("output", "(queries, batch, heads * n)")
    .infer([](const HeadAttrs& a, const Specs& in) -> Spec {
      return infer_results(a, in, 3, "queries_keys_values");
    })
    .cpu([](const HeadAttrs& a, const KernelArgs& k) {
      results(k, Layout(a, *k.in[0].shape, 3, "queries_keys_values"), 2);
    })
    .grad([](const HeadAttrs& a, const GradArgs& g) -> Values { return results_grad(a, g, 3, 2); },
          op::saves_inputs());

PLAIT_INTERLEAVED(encdec_qk, "Scores of attention to another sequence: query key^T / sqrt(n).")
    .input("queries", "floating (queries, batch, heads * n)")
    .input("keys_values", "(steps, batch, heads * 2 * n)")
    .output("output", "(batch * heads, queries, steps)")
    .infer([](const HeadAttrs& a, const Specs& in) -> Spec {
      check_types(in);
      const Layout q(a, in[0].shape, 1, "queries"), kv(a, in[1].shape, 2, "keys_values");
      check(q.batch == kv.batch && q.n == kv.n, ErrorKind::kShape, "keys_values has shape ",
            in[1].shape, ", must have the batch and twice the features of queries, ", in[0].shape);
      return {{q.batch * q.heads, q.steps, kv.steps}, in[0].dtype};
    })
    .cpu([](const HeadAttrs& a, const KernelArgs& k) {
      const Layout q(a, *k.in[0].shape, 1, "queries"), kv(a, *k.in[1].shape, 2, "keys_values");
      scores(k, q, 0, k.in[1], kv, 0);
    })
    .grad(
        [](const HeadAttrs& a, const GradArgs& g) -> Values {
          const Layout q(a, g.in_spec(0).shape, 1, "queries");
          const Layout kv(a, g.in_spec(1).shape, 2, "keys_values");
          const Value ds = g.dout() * scale_of(q);
          const Value dq = product(ds, take(g.in(1), kv, 0), false, false);
          const Value dk = product(ds, take(g.in(0), q, 0), true, false);
          return {put({dq}, q, g.in_spec(0).shape), put({dk, zeros(dk)}, kv, g.in_spec(1).shape)};
        },
        op::saves_inputs());

PLAIT_INTERLEAVED(encdec_valatt, "Results of attention to another sequence: attention value.")
    .input("keys_values", "floating (steps, batch, heads * 2 * n)")
    .input("attention", "(batch * heads, queries, steps)")
    .output("output", "(queries, batch, heads * n)")
    .infer([](const HeadAttrs& a, const Specs& in) -> Spec {
      return infer_results(a, in, 2, "keys_values");
    })
    .cpu([](const HeadAttrs& a, const KernelArgs& k) {
      results(k, Layout(a, *k.in[0].shape, 2, "keys_values"), 1);
    })
    .grad([](const HeadAttrs& a, const GradArgs& g) -> Values { return results_grad(a, g, 2, 1); },
          op::saves_inputs());

}  // namespace
}  // namespace plait::ops
