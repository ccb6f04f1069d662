"""Entries of the operators that the graph compiler makes for data with channels last."""

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

PLAIN = dict(kernel=(2, 2), num_filter=2)
WIDE = [*GEOMETRIES, ((2, 20, 5, 5), dict(kernel=(3, 3), num_filter=33, pad=(1, 1), stride=(2, 2)))]
Spec(
    "convolution_last",
    lambda x, w, b=None, **a: last(conv(first(x), w, b, **a)),
    [((last(normal(*s)), normal(*weight_of(s, a)), normal(a["num_filter"])), a) for s, a in WIDE]
    + [((normal(2, 5, 2), normal(3, 2, 2)), dict(kernel=(2,), num_filter=3, no_bias=True))],
    dtypes=("float32",),
    tolerance=(2e-5, 2e-5),
    raises=[
        ((normal(1, 3), normal(2, 1, 2, 2), normal(2)), PLAIN, ValueError, "data has shape"),
        ((normal(1, 3, 3, 1), normal(2, 1, 2, 2), normal(2)), PLAIN, TypeError, "float64"),
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
