#include <algorithm>

#include "ops/expect.h"
#include "ops/sequence/rnn_packed.h"

namespace plait::ops {
namespace {

Spec infer(const RnnAttrs& a, const Specs& in) {
  const RnnPlan p(a, a.shape);
  check(num_elements(a.shape) > 0, ErrorKind::kShape, "shape is ", a.shape,
        ", must have no size of 0");
  expect(in[0], {{p.parameters()}, DType::kFloat32}, "parameters");
  return {{PackedRnn(p).size()}, DType::kFloat32};
}

void kernel(const RnnAttrs& a, const op::KernelArgs& k) {
  const RnnPlan p(a, a.shape);
  const PackedRnn packed(p);
  const float* from = k.in[0].ptr<float>();
  float* to = k.out[0].ptr<float>();
  const auto put = [&](const kernels::Gemm& g, const float* matrix, float* place) {
    g.m > 1 ? kernels::gemm_pack(g, matrix, place, k.threads)
            : static_cast<void>(std::copy_n(matrix, g.n * g.k, place));
  };
  for (int64_t l = 0; l < p.layers; ++l) {
    for (int64_t d = 0; d < p.directions; ++d) {
      put(PackedRnn::input_product(p, l), from + p.input_weight(l, d),
          to + packed.input_weight(l, d));
      put(PackedRnn::state_product(p), from + p.state_weight(l, d), to + packed.state_weight(l, d));
      const int64_t projection = p.projected ? p.recurrent * p.cells : 0;
      std::copy_n(from + p.projection(l, d), projection, to + packed.projection(l, d));
    }
  }
  std::copy_n(from + p.bias(0, 0), p.layers * p.directions * 2 * p.width(), to + packed.bias(0, 0));
}

PLAIT_OP(rnn_pack, RnnAttrs)
    .doc("Parameters of rnn in the layout that its kernel reads; made by the graph compiler.")
    .input("parameters", "as for rnn, float32")
    .output("packed", "vector of a length that depends on the processor")
    .required_attr("state_size", &RnnAttrs::state_size, "as for rnn, like all below")
    .required_attr("num_layers", &RnnAttrs::num_layers, "layers, > 0")
    .attr("bidirectional", &RnnAttrs::bidirectional, false, "each layer has two directions")
    .required_attr("mode", &RnnAttrs::mode, "kind of cell")
    .choices({"gru", "lstm", "rnn_relu", "rnn_tanh"})
    .attr("projection_size", &RnnAttrs::projection_size, std::nullopt, "of an lstm")
    .required_attr("shape", &RnnAttrs::shape, "shape of data")
    .infer(infer)
    .cpu(kernel);

}  // namespace
}  // namespace plait::ops
