#include <cmath>

#include "op/functions.h"
#include "ops/attention/heads.h"
#include "ops/expect.h"
#include "ops/second_gradient.h"

// softmax(scale Q K^T + mask) V without the matrix of all scores.
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

Specs infer_backward(const AttentionAttrs& a, const Specs& in) {
  Specs given{in[1], in[2], in[3]};
  if (a.has_mask) given.push_back(in[6]);
  const Specs forward = infer(a, given);
  expect(in[0], forward[0], "dout");
  expect(in[4], forward[0], "output");
  expect(in[5], forward[1], "log_sum");
  return {in[1], in[2], in[3]};
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
    .strided()
    .cpu([](const AttentionAttrs& a, const op::KernelArgs& k) {
      attend(a, {k.in[0], k.in[1], k.in[2], a.has_mask ? &k.in[3] : nullptr}, k.out[0], k.out[1],
             k.threads);
    })
    .portable()
    .flops([](const AttentionAttrs&, const Specs& in) {
      const Dims &q = in[0].shape, &v = in[2].shape;
      return 2.0 * static_cast<double>(q[0] * q[1] * q[2]) *
             static_cast<double>(v[2] * (q[3] + v[3]));
    })
    .grad(backward, op::saves_inputs() | op::saves_output(0) | op::saves_output(1));

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
    .num_inputs([](const AttentionAttrs& a) { return a.has_mask ? 7 : 6; })
    .infer(infer_backward)
    .strided()
    .cpu([](const AttentionAttrs& a, const op::KernelArgs& k) {
      attend_backward(a, {k.in[1], k.in[2], k.in[3], a.has_mask ? &k.in[6] : nullptr}, k.in[0],
                      k.in[4], k.in[5], {k.out[0], k.out[1], k.out[2], nullptr}, k.threads);
    })
    .portable()
    .flops([](const AttentionAttrs&, const Specs& in) {
      const Dims &q = in[1].shape, &v = in[3].shape;
      return 5.0 * static_cast<double>(q[0] * q[1] * q[2]) *
             static_cast<double>(v[2] * (q[3] + v[3]));
    })
    .grad(PLAIT_NO_SECOND_GRADIENT(AttentionAttrs, "scaled_dot_product_attention"),
          op::saves_nothing());

}  // namespace
}  // namespace plait::ops
