"""Entries of the operators that the graph compiler makes for data with channels last."""

import math

import numpy as np
from harness import Spec, normal
from spec_layers import (
    GEOMETRIES,
    conv,
    conv_data,
    conv_weight,
    out_of,
    weight_of,
)
from spec_nn import deconv


def last(x):
    return np.moveaxis(x, 1, -1)


def first(x):
    return np.moveaxis(x, -1, 1)


def last_shape(shape):
    return (shape[0], *shape[2:], shape[1])


for name, function in (("channels_last", last), ("channels_first", first)):
    Spec(
        name,
        function,
        [((normal(2, 3, 4, 5),), {}), ((normal(2, 17, 33),), {}), ((normal(3, 2),), {})],
        raises=[((normal(3),), {}, ValueError, "data has 1 axes")],
    )


def convolution_last(x, w, *rest, no_bias=False, epilogue="", **a):
    bias = None if no_bias else rest[0]
    y = last(conv(first(x), w, bias, no_bias=no_bias, **a))
    return finished(y, epilogue, rest[not no_bias :])


def depthwise(shape, kernel, **attrs):
    return shape, dict(kernel=kernel, num_filter=shape[1], num_group=shape[1], **attrs)


# Channels that fill vectors of all widths and leave some; rows shorter and longer than tiles.
DEPTHWISE = [
    depthwise((2, 29, 7, 13), (3, 3), pad=(1, 1)),
    depthwise((1, 68, 6, 5), (5, 5), pad=(2, 2), stride=(2, 2)),
    depthwise((1, 17, 9, 20), (2, 4), pad=(3, 1), dilate=(2, 3), stride=(1, 2)),
    depthwise((2, 5, 30), (3,), pad=(4,), dilate=(3,)),
    depthwise((1, 3, 1100), (5,), pad=(2,)),
]
NARROW = [
    ((2, 5, 6, 19), dict(kernel=(3, 5), num_filter=7, pad=(1, 2))),
    ((1, 3, 9, 8), dict(kernel=(3, 3), num_filter=1, stride=(2, 2), dilate=(2, 1), pad=(2, 0))),
    ((1, 4, 1100), dict(kernel=(3,), num_filter=8, pad=(9,), dilate=(9,))),
    ((1, 2, 4, 4), dict(kernel=(4, 4), num_filter=4)),
]
PLAIN = dict(kernel=(2, 2), num_filter=2)
WIDE = [*GEOMETRIES, ((2, 20, 5, 5), dict(kernel=(3, 3), num_filter=33, pad=(1, 1), stride=(2, 2)))]
# Enough tiles of Winograd's method that it pays to transform the weights in each call.
TILED = [
    ((2, 32, 35, 33), dict(kernel=(3, 3), num_filter=48, pad=(1, 1))),
    ((1, 32, 47, 48), dict(kernel=(3, 3), num_filter=32, pad=(0, 2))),
]
WIDE += TILED
Spec(
    "convolution_last",
    lambda *inputs, **a: convolution_last(*inputs, **a),
    [
        ((last(normal(*s)), normal(*weight_of(s, a)), normal(a["num_filter"])), a)
        for s, a in [*WIDE, *DEPTHWISE, *NARROW]
    ]
    + [((normal(2, 5, 2), normal(3, 2, 2)), dict(kernel=(2,), num_filter=3, no_bias=True))]
    + [
        (
            (last(normal(*s)), normal(*weight_of(s, a)), last(normal(*out_of(s, a)))),
            dict(a, no_bias=True, epilogue="add; relu"),
        )
        for s, a in [*WIDE, *DEPTHWISE, *NARROW]
    ]
    + [
        (
            (normal(2, 9, 9, 20), normal(33, 20, 3, 3), normal(33)),
            dict(kernel=(3, 3), num_filter=33, epilogue="leaky 0.2; scale 3"),
        )
    ],
    dtypes=("float32",),
    tolerance=(2e-5, 2e-5),
    raises=[
        ((normal(1, 3), normal(2, 1, 2, 2), normal(2)), PLAIN, ValueError, "data has shape"),
        ((normal(1, 3, 3, 1), normal(2, 1, 2, 2), normal(2)), PLAIN, TypeError, "float64"),
    ],
)


def convolution_first(x, w, *rest, no_bias=False, epilogue="", **a):
    y = conv(x, w, None if no_bias else rest[0], no_bias=no_bias, **a)
    return finished(y, epilogue, rest[not no_bias :])


FEW = [((17, 3, 5, 6), dict(kernel=(3, 3), num_filter=5, pad=(1, 1))), WIDE[-1]]
Spec(
    "convolution_first",
    convolution_first,
    [
        (
            (normal(*s), normal(*weight_of(s, a)), normal(a["num_filter"])),
            dict(a, epilogue=f"scale 0.2; {step}"),
        )
        for s, a in FEW
        for step in (
            "tanh",
            "elu 0.5",
            "gelu",
            "silu",
            "sigmoid",
            "softrelu",
            "clip -0.5 0.3",
            "hardswish 0.2 0.5",
            "hardsigmoid 0.2 0.5",
        )  # fmt: skip
    ]
    + [
        (
            (normal(*s), normal(*weight_of(s, a)), normal(*out_of(s, a))),
            dict(a, no_bias=True, epilogue="relu; add; leaky 0.3"),
        )
        for s, a in FEW
    ],
    dtypes=("float32",),
    tolerance=(2e-5, 2e-5),
    raises=[
        ((normal(1, 3), normal(2, 1, 2, 2), normal(2)), PLAIN, ValueError, "data has shape"),
        ((normal(1, 1, 3, 3), normal(2, 1, 2, 2), normal(2)), PLAIN, TypeError, "float64"),
    ],
)


def erf(x):
    return np.vectorize(math.erf)(x)


STEPS = {
    "scale": lambda x, a: x * a,
    "clip": lambda x, a, b: np.clip(x, a, b),
    "leaky": lambda x, a: np.where(x > 0, x, a * x),
    "elu": lambda x, a: np.where(x > 0, x, a * np.expm1(np.minimum(x, 0))),
    "relu": lambda x: np.maximum(x, 0),
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "tanh": np.tanh,
    "softrelu": lambda x: np.log1p(np.exp(x)),
    "gelu": lambda x: x * (1 + erf(x / np.sqrt(2))) / 2,
    "silu": lambda x: x / (1 + np.exp(-x)),
    "hardsigmoid": lambda x, a, b: np.clip(a * x + b, 0, 1),
    "hardswish": lambda x, a, b: x * np.clip(a * x + b, 0, 1),
}


def finished(y, epilogue, operands):
    """The result `y` of a product after the steps of its epilogue."""
    operands = list(operands)
    for step in filter(None, epilogue.split("; ")):
        word, *numbers = step.split()
        y = y + operands.pop(0) if word == "add" else STEPS[word](y, *map(float, numbers))
    return y


def product(a, b, *rest, transpose_a=False, transpose_b=False, has_bias=False, epilogue=""):
    a = np.swapaxes(a, -1, -2) if transpose_a else a
    y = a @ (np.swapaxes(b, -1, -2) if transpose_b else b)
    return finished(y + rest[0] if has_bias else y, epilogue, rest[has_bias:])


A, B, ROW = normal(5, 7), normal(7, 9), normal(9)
Spec(
    "product",
    product,
    [
        ((A, B), {"epilogue": step})
        for step in ("relu", "sigmoid", "tanh", "softrelu", "gelu", "silu")
    ]
    + [
        ((A, B), {"epilogue": step})
        for step in (
            "scale 0.5",
            "clip -1 1.5",
            "leaky 0.1",
            "elu 0.7",
            "hardswish 0.2 0.5",
            "hardsigmoid 0.2 0.5",
        )  # fmt: skip
    ]
    + [
        ((A, B), {}),
        ((A, B, ROW, normal(5, 9)), {"has_bias": True, "epilogue": "tanh; add; relu"}),
        ((normal(3, 5, 7), normal(9, 7), ROW), {"transpose_b": True, "has_bias": True}),
        ((normal(7, 5), B, normal(5, 9)), {"transpose_a": True, "epilogue": "add"}),
        ((normal(3, 7, 5), normal(3, 7, 9)), {"transpose_a": True, "epilogue": "relu; scale -2"}),
    ],
    dtypes=("float32",),
    tolerance=(2e-5, 2e-5),
    raises=[
        ((A, B), {}, TypeError, "float64, must be float32"),
        ((A, normal(6, 9)), {}, TypeError, "float64"),
    ]
    + [
        (tuple(x.astype("float32") for x in inputs), attrs, ValueError, text)
        for inputs, attrs, text in [
            ((A, normal(6, 9)), {}, "a has shape"),
            ((A, ROW), {}, "must have at least 2 axes"),
            ((A, B, A), {"epilogue": "add"}, "operand has shape"),
            ((A, B, A), {}, "got 3 arrays"),
            ((A, B, A), {"has_bias": True}, "bias has shape"),
            ((A, B), {"epilogue": "relu; cube"}, "epilogue has the step 'cube'"),
            ((A, B), {"epilogue": "clip 1"}, "epilogue has the step 'clip 1'"),
        ]
    ],
)
Spec(
    "convolution_last_backward_data",
    lambda dy, w, shape=(), **a: last(conv_data(first(dy), w, shape=first_shape(shape), **a)),
    [
        ((last(normal(*out_of(s, a))), normal(*weight_of(s, a))), dict(a, shape=last_shape(s)))
        for s, a in WIDE
    ],
    dtypes=("float32",),
    tolerance=(2e-5, 2e-5),
)
Spec(
    "convolution_last_backward_weight",
    lambda x, dy, **a: conv_weight(first(x), first(dy), **a),
    [((last(normal(*s)), last(normal(*out_of(s, a)))), a) for s, a in WIDE],
    dtypes=("float32",),
    tolerance=(2e-5, 5e-5),
)


def first_shape(shape):
    return (shape[0], shape[-1], *shape[1:-1])


Spec(
    "convolution_pack",
    None,  # the layout depends on the processor
    [((normal(3, 2, 2),), dict(kernel=(2,), num_filter=3, shape=(2, 5, 2)))],
    dtypes=("float32",),
    raises=[
        (
            (np.ones((3, 2, 1), "float32"),),
            dict(kernel=(2,), num_filter=3, shape=(2, 5, 2)),
            ValueError,
            "weight has shape",
        )
    ],
)


def deconvolution_last(x, w, *rest, no_bias=True, epilogue="", kernel=(), num_filter=0, **a):
    y = last(deconv(first(x), w, None if no_bias else rest[0], **a))
    return finished(y, epilogue, rest[not no_bias :])


UP = [
    ((normal(2, 4, 3, 20), normal(20, 7, 3, 2)), dict(stride=(2, 1), pad=(1, 0), adj=(1, 0))),
    ((normal(1, 5, 6, 3), normal(3, 17, 2, 2)), dict(stride=(2, 2))),
    ((normal(3, 1, 1, 5), normal(5, 4, 4, 4)), dict(stride=(1, 1))),
    ((normal(1, 1, 1, 5), normal(5, 4, 4, 4)), dict(stride=(1, 1))),
    ((normal(2, 4, 2), normal(2, 3, 2)), dict(stride=(3,), adj=(2,))),
    ((normal(1, 5, 4, 2), normal(2, 3, 3, 3)), dict(dilate=(2, 1), pad=(2, 2), stride=(1, 2))),
    ((normal(1, 70, 80, 2), normal(2, 10, 5, 5)), dict(stride=(2, 2), pad=(2, 2))),
    ((normal(9, 30, 40, 2), normal(2, 4, 4, 4)), dict(stride=(2, 2), pad=(1, 1))),
]


def up(attrs, w, **more):
    return dict(attrs, kernel=w.shape[2:], num_filter=w.shape[1], **more)


Spec(
    "deconvolution_last",
    deconvolution_last,
    [((x, w), up(a, w)) for (x, w), a in UP[:2]]
    + [((x, w, normal(w.shape[1])), up(a, w, no_bias=False)) for (x, w), a in UP]
    + [
        (
            (x, w, normal(w.shape[1]), deconvolution_last(x, w, **up(a, w)) * 0.5),
            up(a, w, no_bias=False, epilogue="relu; add; scale 0.5"),
        )
        for (x, w), a in UP
    ],
    dtypes=("float32",),
    tolerance=(2e-5, 2e-5),
    raises=[
        ((normal(1, 3), normal(2, 1, 2, 2)), PLAIN, ValueError, "data has shape"),
        ((normal(1, 3, 3, 1), normal(1, 2, 2, 2)), PLAIN, TypeError, "float64"),
        (
            (normal(1, 3, 3, 2), normal(2, 1, 2, 2)),
            dict(PLAIN, num_group=2),
            ValueError,
            "num_group is 2",
        ),
    ],
)
Spec(
    "deconvolution_pack",
    None,  # the layout depends on the processor
    [((normal(2, 3, 2),), dict(kernel=(2,), num_filter=3, shape=(2, 5, 2)))],
    dtypes=("float32",),
    raises=[
        (
            (np.ones((3, 2, 2), "float32"),),
            dict(kernel=(2,), num_filter=3, shape=(2, 5, 2)),
            ValueError,
            "weight has shape",
        )
    ],
)
Spec(
    "product_pack",
    None,
    [((normal(5, 7),), dict(rows=3)), ((normal(5, 7),), dict(rows=3, transpose_b=True))],
    dtypes=("float32",),
    raises=[
        ((np.ones((3, 2, 2), "float32"),), dict(rows=3), ValueError, "b has shape"),
        ((np.ones((3, 2), "float32"),), dict(rows=0), ValueError, "rows is 0"),
        ((normal(3, 2),), dict(rows=2), TypeError, "float64"),
    ],
)
