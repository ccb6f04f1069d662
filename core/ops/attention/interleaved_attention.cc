#include "op/functions.h"
#include "ops/attention/heads.h"
#include "ops/expect.h"
#include "ops/second_gradient.h"
#include "ops/sizes.h"

// Attention on projections that lie interleaved, (steps, batch, heads * parts * n) with the parts
// of each head side by side: the products of interleaved.cc and the softmax between them at once,
// in blocks, on the projections as they lie. Made by the graph compiler.
namespace plait::ops {
namespace {

struct InterleavedAttrs {
  int64_t heads;
  bool two;  // queries, and keys with values; else all three in one array
  std::optional<double> scale;
  bool has_mask;
  AttentionAttrs attention() const { return {scale, false, has_mask}; }
};

// Part `part` of (steps, batch, heads * parts * n) as (batch, heads, steps, n).
class Part {
 public:
  Part(const View& v, int64_t heads, int64_t parts, int64_t part) {
    const int64_t steps = v.dim(0), batch = v.dim(1), n = v.dim(2) / (heads * parts);
    shape_ = {batch, heads, steps, n};
    strides_ = {heads * parts * n, parts * n, batch * heads * parts * n, 1};
    view_ = {v.ptr<char>() + part * n * dtype_size(v.dtype), &shape_, &strides_, v.dtype, false};
  }
  Part(const Part&) = delete;
  const View& view() const { return view_; }

 private:
  Dims shape_, strides_;
  View view_;
};

// The three parts of one array or two.
struct Parts {
  Part query, key, value;
  Parts(const InterleavedAttrs& a, const View& first, const View& second)
      : query(first, a.heads, a.two ? 1 : 3, 0),
        key(second, a.heads, a.two ? 2 : 3, a.two ? 0 : 1),
        value(second, a.heads, a.two ? 2 : 3, a.two ? 1 : 2) {}
  Attended attended(const View* mask) const {
    return {query.view(), key.view(), value.view(), mask};
  }
};

Specs infer(const InterleavedAttrs& a, const Specs& in) {
  const Spec &first = in[0], &second = in[a.two ? 1 : 0];
  const int64_t first_parts = a.two ? 1 : 3, second_parts = a.two ? 2 : 3;
  check(is_floating(first.dtype) && second.dtype == first.dtype, ErrorKind::kType,
        "an input has dtype ", second.dtype, ", must be floating and that of the first");
  check_extent(a.heads, 1, "heads");
  check(first.shape.size() == 3 && first.shape[2] % (a.heads * first_parts) == 0 &&
            second.shape.size() == 3 && second.shape[1] == first.shape[1] &&
            second.shape[2] * first_parts == first.shape[2] * second_parts,
        ErrorKind::kShape, "projections have shapes ", first.shape, " and ", second.shape,
        ", must be (steps, batch, features) with features a multiple of ", a.heads, " heads");
  const int64_t batch = first.shape[1], queries = first.shape[0];
  if (a.has_mask) {
    const Dims all{batch, a.heads, queries, second.shape[0]}, &mask = in.back().shape;
    check(!mask.empty() && mask.size() <= 4 && broadcast_shapes(mask, all) == all,
          ErrorKind::kShape, "mask has shape ", mask, ", must broadcast to ", all);
  }
  return {{{queries, batch, first.shape[2] / first_parts}, first.dtype},
          {{batch, a.heads, queries},
           first.dtype == DType::kFloat64 ? DType::kFloat64 : DType::kFloat32}};
}

void kernel(const InterleavedAttrs& a, const op::KernelArgs& k) {
  const Parts in(a, k.in[0], k.in[a.two ? 1 : 0]);
  const Part out(k.out[0], a.heads, 1, 0);
  attend(a.attention(), in.attended(a.has_mask ? &k.in.back() : nullptr), out.view(), k.out[1],
         k.threads);
}

// Inputs: dout, output, log_sum, then those of forward.
void backward_kernel(const InterleavedAttrs& a, const op::KernelArgs& k) {
  const size_t second = a.two ? 1 : 0;
  const Parts in(a, k.in[3], k.in[3 + second]), gradients(a, k.out[0], k.out[second]);
  const Part dout(k.in[0], a.heads, 1, 0), out(k.in[1], a.heads, 1, 0);
  attend_backward(a.attention(), in.attended(a.has_mask ? &k.in.back() : nullptr), dout.view(),
                  out.view(), k.in[2], gradients.attended(nullptr), k.threads);
}

Values backward(const InterleavedAttrs& a, const GradArgs& g) {
  static const OpCall kBack("interleaved_attention_backward",
                            {"heads", "two", "scale", "has_mask"});
  Values in{g.dout(), g.out(0), g.out(1)};
  for (size_t i = 0; i < g.num_in(); ++i) in.push_back(g.in(static_cast<int>(i)));
  const op::AttrValue attrs[] = {a.heads, a.two,
                                 a.scale ? op::AttrValue(*a.scale) : op::AttrValue{}, a.has_mask};
  Values d = kBack.all({in.data(), in.size()}, attrs);
  d.resize(g.num_in());
  return d;
}

template <class Builder>
Builder& attrs_of(Builder&& b) {
  return b.required_attr("heads", &InterleavedAttrs::heads, "number of heads, > 0")
      .attr("two", &InterleavedAttrs::two, false,
            "queries in one array, keys and values in another")
      .attr("scale", &InterleavedAttrs::scale, std::nullopt,
            "factor of the scores; None: 1 / sqrt(n)")
      .attr("has_mask", &InterleavedAttrs::has_mask, false, "a mask is given");
}

const int registered =
    attrs_of(
        op::OpBuilder<InterleavedAttrs>(op::Op::add("interleaved_attention", __FILE__, __LINE__)))
        .doc("Attention on interleaved projections, in blocks; made by the graph compiler.")
        .source("Dao et al., NeurIPS (2022)")
        .input("projections", "floating (steps, batch, heads * 3 * n); with two (.., heads * n)")
        .optional_input("keys_values", "(steps, batch, heads * 2 * n); with two")
        .optional_input("mask", "as for scaled_dot_product_attention; with has_mask")
        .output("output", "(queries, batch, heads * n)")
        .hidden_output("log_sum", "logarithm of the sum of exponentials, (batch, heads, queries)")
        .num_inputs([](const InterleavedAttrs& a) { return 1 + a.two + a.has_mask; })
        .infer(infer)
        .cpu(kernel)
        .flops([](const InterleavedAttrs& a, const Specs& in) {
          const double keys = static_cast<double>(in[a.two ? 1 : 0].shape[0]);
          return 4.0 * keys * static_cast<double>(num_elements(in[0].shape)) / (a.two ? 1 : 3);
        })
        .grad(backward, op::saves_inputs() | op::saves_output(0) | op::saves_output(1));

const int registered_backward =
    attrs_of(op::OpBuilder<InterleavedAttrs>(
                 op::Op::add("interleaved_attention_backward", __FILE__, __LINE__)))
        .doc("Gradients of interleaved_attention with respect to the projections.")
        .input("dout", "gradient of the output")
        .input("output", "what it gave")
        .input("log_sum", "what it gave")
        .input("projections", "as for interleaved_attention")
        .optional_input("keys_values", "as for interleaved_attention")
        .optional_input("mask", "as for interleaved_attention")
        .output("dprojections", "shape of projections")
        .output("dkeys_values", "shape of keys_values; with two")
        .num_inputs([](const InterleavedAttrs& a) { return 4 + a.two + a.has_mask; })
        .num_outputs([](const InterleavedAttrs& a) { return 1 + a.two; })
        .infer(+[](const InterleavedAttrs& a, const Specs& in) -> Specs {
          const Specs forward = infer(a, Specs(in.begin() + 3, in.end()));
          expect(in[0], forward[0], "dout");
          expect(in[1], forward[0], "output");
          expect(in[2], forward[1], "log_sum");
          Specs out{in[3]};
          if (a.two) out.push_back(in[4]);
          return out;
        })
        .cpu(backward_kernel)
        .flops([](const InterleavedAttrs& a, const Specs& in) {
          const double keys = static_cast<double>(in[a.two ? 4 : 3].shape[0]);
          return 10.0 * keys * static_cast<double>(num_elements(in[3].shape)) / (a.two ? 1 : 3);
        })
        .grad(PLAIT_NO_SECOND_GRADIENT(InterleavedAttrs, "interleaved_attention"),
              op::saves_nothing());

}  // namespace
}  // namespace plait::ops
