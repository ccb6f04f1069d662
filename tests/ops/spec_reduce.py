"""Entries of core/ops/reduce."""

import numpy as np
from harness import FLOATS, Spec, between, normal

AXES = [
    {},
    {"axis": 0},
    {"axis": (0, 2)},
    {"axis": -1, "keepdims": True},
    {"axis": (1,), "exclude": True},
]


def reduction(name, reference, low=0.5, high=1.5, grad=(0,)):
    def with_exclude(x, axis=None, keepdims=False, exclude=False):
        if exclude:
            axis = tuple(i for i in range(x.ndim) if i not in axis)
        return reference(x, axis=axis, keepdims=keepdims)

    samples = [((between(low, high, 3, 4, 5),), a) for a in AXES]
    raises = [
        ((normal(2, 3),), {"axis": 2}, IndexError, f"{name}: axis is 2, must be in"),
        ((normal(2, 3),), {"axis": (0, 0)}, ValueError, "must not repeat"),
    ]
    Spec(name, with_exclude, samples, dtypes=FLOATS, grad=grad, raises=raises)


for name in ["sum", "mean", "prod", "max", "min", "nansum", "nanprod"]:
    reduction(name, getattr(np, name))
Spec(
    "norm",
    lambda x, ord=2, axis=None, keepdims=False: (
        np.abs(x).sum(axis=axis, keepdims=keepdims)
        if ord == 1
        else np.sqrt(np.square(x).sum(axis=axis, keepdims=keepdims))
    ),
    [
        ((normal(3, 4),), {}),
        ((normal(3, 4),), {"ord": 1, "axis": 1}),
        ((normal(3, 4),), {"axis": 0, "keepdims": True}),
    ],
    grad=(0,),
    raises=[((normal(2),), {"ord": 3}, ValueError, "norm: ord is 3")],
)
Spec(
    "sum_to_shape",
    lambda x, shape: x.sum(axis=(0,)).sum(axis=1, keepdims=True).reshape(shape),
    [((normal(2, 3, 4),), {"shape": (3, 1)})],
    grad=(0,),
)
for name in ["argmax", "argmin"]:
    for prefix in ["", "np_"]:
        Spec(
            prefix + name,
            lambda x, axis=None, f=getattr(np, name): f(x, axis=axis),
            [
                ((normal(4, 5),), {}),
                ((normal(4, 5),), {"axis": 0}),
                ((normal(3, 4, 5),), {"axis": 1}),
            ],
            raises=[((np.zeros((2, 0)),), {"axis": 1}, ValueError, "must have elements")],
        )
Spec(
    "sort",
    lambda x, axis=-1, is_ascend=True: np.sort(x, axis) if is_ascend else -np.sort(-x, axis),
    [((normal(4, 5),), {}), ((normal(4, 5),), {"axis": 0, "is_ascend": False})],
    grad=(0,),
)
Spec(
    "argsort",
    lambda x, axis=-1: np.argsort(x, axis),
    [((normal(4, 5),), {}), ((normal(4, 5),), {"axis": 0})],
)
Spec(
    "topk",
    lambda x, k, axis=-1, ret_typ="indices": (
        -np.sort(-x, axis).take(range(k), axis)
        if ret_typ == "value"
        else np.argsort(-x, axis).take(range(k), axis)
    ),
    [
        ((normal(4, 5),), {"k": 2, "ret_typ": "value"}),
        ((normal(3, 4, 5),), {"k": 3, "axis": 1, "ret_typ": "value"}),
    ],
    grad=(0,),
    raises=[((normal(2),), {"k": 3}, ValueError, "topk: k is 3")],
)
Spec("argmax_channel", lambda x: x.argmax(1), [((normal(3, 4),), {}), ((normal(2, 3, 4),), {})])
