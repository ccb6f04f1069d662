#include "kernels/copy.h"
#include "op/functions.h"
#include "op/op.h"

// Operators whose result has the values of the data: copies, changes of type, marks for gradients.
namespace plait::ops {
namespace {

using op::NoAttrs;

Spec infer_same(const NoAttrs&, const Specs& in) { return in[0]; }
void copy_kernel(const NoAttrs&, const op::KernelArgs& k) {
  if (k.in[0].data != k.out[0].data) kernels::copy(k.in[0], k.out[0], k.threads);
}

PLAIT_OP(copy, NoAttrs)
    .doc("A copy of the data.")
    .input("data", "array of any shape")
    .output("out", "shape and type of data")
    .on("nd sym", "identity")
    .on("nd sym", "_copy")
    .on("np", "copy")
    .on("nd sym", "_copyto")
    .infer(infer_same)
    .cpu(copy_kernel)
    .portable()
    .takes_complex()
    .strided()
    .elementwise()
    .grad([](const NoAttrs&, const GradArgs& g) -> Values { return {g.dout()}; },
          op::saves_nothing());

PLAIT_OP(stop_gradient, NoAttrs)
    .doc("The data; no gradient flows back.")
    .input("data", "array of any shape")
    .output("out", "shape and type of data")
    .on("nd sym npx", "stop_gradient")
    .on("nd sym", "BlockGrad")
    .infer(infer_same)
    .cpu(copy_kernel)
    .portable()
    .takes_complex()
    .strided()
    .elementwise()
    .grad([](const NoAttrs&,
             const GradArgs& g) -> Values { return {op::full_of(g.in_spec(0), 0.0)}; },
          op::saves_nothing());

struct LossAttrs {
  double grad_scale, valid_thresh;
  std::string normalization;
};

// What `grad_scale` is divided by, as a Value of no axes, or nothing.
Values make_loss_grad(const LossAttrs& a, const GradArgs& g) {
  static const OpCall sum("sum");
  const Spec& spec = g.in_spec(0);
  if (a.normalization == "batch" && !spec.shape.empty()) {
    return {op::full_of(spec, a.grad_scale / static_cast<double>(spec.shape[0]))};
  }
  Value scale = op::full_of(spec, a.grad_scale);
  if (a.normalization != "valid") return {scale};
  return {scale / maximum(sum({greater(g.in(0), a.valid_thresh)}), 1.0)};
}

PLAIT_OP(make_loss, LossAttrs)
    .doc("The data; marks it as a loss: its gradient is grad_scale whatever comes from behind.")
    .input("data", "array of any shape")
    .output("out", "shape and type of data")
    .attr("grad_scale", &LossAttrs::grad_scale, 1.0, "the gradient")
    .attr("valid_thresh", &LossAttrs::valid_thresh, 0.0,
          "with normalization 'valid', elements above it are counted")
    .attr("normalization", &LossAttrs::normalization, "null",
          "divisor of the gradient: none, the first axis, or the number of valid elements")
    .choices({"null", "batch", "valid"})
    .on("nd sym", "MakeLoss")
    .on("nd sym", "make_loss")
    .infer([](const LossAttrs&, const Specs& in) -> Spec { return in[0]; })
    .cpu([](const LossAttrs&, const op::KernelArgs& k) {
      if (k.in[0].data != k.out[0].data) kernels::copy(k.in[0], k.out[0], k.threads);
    })
    .portable()
    .strided()
    .elementwise()
    .grad(make_loss_grad, op::saves_input(0));

struct CastAttrs {
  DType dtype;
};

PLAIT_OP(cast, CastAttrs)
    .doc(
        "The data in another type. Whole numbers wrap around, fractions are cut off.\n"
        "Real types take the real part of complex numbers.")
    .input("data", "array of any shape")
    .output("out", "shape of data, the given type")
    .required_attr("dtype", &CastAttrs::dtype, "type of the result")
    .on("nd sym", "Cast")
    .on("nd sym npx", "cast")
    .infer([](const CastAttrs& a, const Specs& in) -> Spec {
      return {in[0].shape, a.dtype};
    })
    .cpu([](const CastAttrs&, const op::KernelArgs& k) {
      kernels::copy(k.in[0], k.out[0], k.threads);
    })
    .portable()
    .strided()
    .takes_complex()
    .grad(
        [](const CastAttrs&, const GradArgs& g) -> Values {
          if (!is_inexact(g.in_spec(0).dtype)) return {Value{}};
          return {op::cast_to(g.dout(), g.in_spec(0).dtype)};
        },
        op::saves_nothing());

}  // namespace
}  // namespace plait::ops
