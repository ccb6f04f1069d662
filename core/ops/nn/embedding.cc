#include "kernels/convert.h"
#include "kernels/gather.h"
#include "kernels/parallel.h"
#include "op/op.h"
#include "op/rows.h"
#include "ops/expect.h"
#include "ops/index/add_rows.h"

namespace plait::op {
namespace {

struct EmbeddingAttrs {
  int64_t input_dim, output_dim;
  DType dtype;
  bool sparse_grad;
};

Spec infer(const EmbeddingAttrs& a, const Specs& in) {
  const Dims weight{a.input_dim, a.output_dim};
  check(a.input_dim > 0 && a.output_dim > 0, ErrorKind::kInvalidArgument, "input_dim is ",
        a.input_dim, ", output_dim is ", a.output_dim, ", must be > 0");
  check(in[1].shape == weight, ErrorKind::kShape, "weight has shape ", in[1].shape, ", must be ",
        weight);
  Dims out = in[0].shape;
  out.push_back(a.output_dim);
  return {out, in[1].dtype};
}

void complete(const EmbeddingAttrs& a, std::vector<Dims>& in, std::vector<bool>& known) {
  if (!known[1]) in[1] = {a.input_dim, a.output_dim};
  known[1] = true;
}

// Rows asked for; numbers outside are moved to the nearest row, as MXNet does.
std::vector<int64_t> rows_of(const View& data, int64_t rows) {
  std::vector<int64_t> index(static_cast<size_t>(data.size()));
  kernels::convert(data.data, data.dtype, 1, index.data(), DType::kInt64, data.size());
  for (int64_t& i : index) i = std::clamp<int64_t>(i, 0, rows - 1);
  return index;
}

void kernel(const EmbeddingAttrs& a, const KernelArgs& k) {
  const std::vector<int64_t> rows = rows_of(k.in[0], a.input_dim);
  const int64_t bytes = a.output_dim * dtype_size(k.in[1].dtype);
  const char* table = k.in[1].ptr<char>();
  char* out = k.out[0].ptr<char>();
  kernels::parallel_for(k.threads, static_cast<int64_t>(rows.size()), 64,
                        [&](int64_t begin, int64_t end) {
                          kernels::gather_runs(table, out + begin * bytes, rows.data() + begin,
                                               end - begin, bytes, bytes);
                        });
}

Values backward(const EmbeddingAttrs& a, const GradArgs& g) {
  static const OpCall kScatter("embedding_backward", {"input_dim", "output_dim"}),
      kRows("row_numbers", {"rows", "mode"});
  Values d(2);
  if (a.sparse_grad && !current_tracer().differentiable()) {
    const Value index = kRows({g.in(0)}, {a.input_dim, std::string("clip")});
    d[1] = row_values(reshape_to(g.dout(), {index.shape()[0], a.output_dim}), index, g.in_spec(1));
    return d;
  }
  d[1] = kScatter({g.dout(), g.in(0)}, {a.input_dim, a.output_dim});
  return d;
}

Spec infer_backward(const EmbeddingAttrs& a, const Specs& in) {
  const Spec weight{{a.input_dim, a.output_dim}, in[0].dtype};
  check(is_floating(weight.dtype), ErrorKind::kType, "dout has dtype ", weight.dtype,
        ", must be floating");
  ops::expect(in[0], infer(a, {in[1], weight}), "dout");
  return weight;
}

void backward_kernel(const EmbeddingAttrs& a, const KernelArgs& k) {
  const std::vector<int64_t> rows = rows_of(k.in[1], a.input_dim);
  const ops::Lines table({a.input_dim, a.output_dim}, 0);
  dispatch_floating(k.in[0].dtype, [&]<class T>(T) {
    ops::add_rows(k.in[0].ptr<T>(), k.out[0].ptr<T>(), table, rows, k.threads);
  });
}

Values gather(const EmbeddingAttrs& a, const GradArgs& g) {
  static const OpCall kEmbedding("embedding", {"input_dim", "output_dim"});
  Values d(2);
  d[0] = kEmbedding({g.in(1), g.dout()}, {a.input_dim, a.output_dim});
  return d;
}

PLAIT_OP(embedding, EmbeddingAttrs)
    .doc("Rows of a table.")
    .input("data", "row numbers of any shape and dtype; those outside are moved to the nearest row")
    .input("weight", "(input_dim, output_dim)")
    .output("output", "shape of data, then output_dim; dtype of weight")
    .required_attr("input_dim", &EmbeddingAttrs::input_dim, "number of rows, > 0")
    .required_attr("output_dim", &EmbeddingAttrs::output_dim, "length of a row, > 0")
    .attr("dtype", &EmbeddingAttrs::dtype, DType::kFloat32,
          "kept for MXNet's files; the dtype of weight counts")
    .attr("sparse_grad", &EmbeddingAttrs::sparse_grad, false,
          "a weight with a row-sparse gradient gets the rows that were asked for only")
    .on("nd", "Embedding")
    .on("sym", "Embedding")
    .on("npx", "embedding")
    .infer(infer)
    .complete(complete)
    .gathers(1)
    .cpu(kernel)
    .grad(backward, saves_input(0));

PLAIT_OP(embedding_backward, EmbeddingAttrs)
    .doc("Gradient of embedding with respect to weight.")
    .input("dout", "gradient of the output")
    .input("data", "row numbers")
    .output("dweight", "(input_dim, output_dim)")
    .required_attr("input_dim", &EmbeddingAttrs::input_dim, "number of rows")
    .required_attr("output_dim", &EmbeddingAttrs::output_dim, "length of a row")
    .infer(infer_backward)
    .cpu(backward_kernel)
    .grad(gather, saves_input(1));

}  // namespace
}  // namespace plait::op
