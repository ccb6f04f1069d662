"""Entry of core/ops/custom."""

from harness import REALS, Spec, normal

import plait as mx


class Product(mx.operator.CustomOp):
    def forward(self, is_train, req, in_data, out_data, aux):
        self.assign(out_data[0], req[0], in_data[0] * in_data[1])
        self.assign(out_data[1], req[1], in_data[0] + in_data[1])

    def backward(self, req, out_grad, in_data, out_data, in_grad, aux):
        for i in range(2):
            self.assign(in_grad[i], req[i], out_grad[0] * in_data[1 - i] + out_grad[1])


@mx.operator.register("spec_product")
class ProductProp(mx.operator.CustomOpProp):
    def list_arguments(self):
        return ["lhs", "rhs"]

    def list_outputs(self):
        return ["product", "sum"]

    def infer_shape(self, in_shape):
        return [in_shape[0]] * 2, [in_shape[0]] * 2, []

    def create_operator(self, ctx, shapes, dtypes):
        return Product()


Spec(
    "custom",
    lambda lhs, rhs, op_type: (lhs * rhs, lhs + rhs),
    [((normal(3, 4), normal(4, 3).T.copy()), {"op_type": "spec_product"})],
    dtypes=REALS,
    grad=(0, 1),
    raises=[
        ((normal(3),), {"op_type": "spec_product"}, ValueError, "got 1 input arrays, must be 2"),
        ((normal(3),), {"op_type": "none"}, KeyError, "op_type is 'none', must be the name"),
        (
            (normal(3), normal(4)),
            {"op_type": "spec_product"},
            ValueError,
            "spec_product: rhs has shape",
        ),
    ],
)
