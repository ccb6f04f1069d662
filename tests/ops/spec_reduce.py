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
    Spec(
        f"nd_{name}",
        lambda x, **attrs: at_least_1d(with_exclude(x, **attrs)),
        [*samples, ((np.array(2.0),), {})],
        dtypes=FLOATS,
        grad=grad,
    )


def at_least_1d(x):
    """MXNet has no arrays without axes."""
    return np.reshape(x, np.shape(x) or (1,))


for name in ["sum", "mean", "prod", "max", "min", "nansum", "nanprod"]:
    reduction(name, getattr(np, name))


def norm(x, ord=2, axis=None, keepdims=False):
    if ord == 1:
        return np.abs(x).sum(axis=axis, keepdims=keepdims)
    return np.sqrt(np.square(x).sum(axis=axis, keepdims=keepdims))


for name, reference in [("norm", norm), ("nd_norm", lambda x, **a: at_least_1d(norm(x, **a)))]:
    Spec(
        name,
        reference,
        [
            ((normal(3, 4),), {}),
            ((normal(3, 4),), {"ord": 1, "axis": 1}),
            ((normal(3, 4),), {"axis": 0, "keepdims": True}),
        ],
        grad=(0,),
        raises=[((normal(2),), {"ord": 3}, ValueError, f"{name}: ord is 3")],
    )
Spec(
    "sum_to_shape",
    lambda x, shape: x.sum(axis=(0,)).sum(axis=1, keepdims=True).reshape(shape),
    [((normal(2, 3, 4),), {"shape": (3, 1)})],
    grad=(0,),
)
for name in ["argmax", "argmin"]:
    for prefix, whole in (("", at_least_1d), ("np_", np.array)):
        place = getattr(np, name)
        Spec(
            prefix + name,
            lambda x, axis=None, place=place, whole=whole: whole(place(x, axis=axis)),
            [
                ((normal(4, 5),), {}),
                ((normal(4, 5),), {"axis": 0}),
                ((normal(3, 4, 5),), {"axis": 1}),
                ((np.where(normal(4, 5) > 0.5, np.nan, normal(4, 5)),), {"axis": 1}),
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


def square_sum(x, axis=None, keepdims=False):
    total = np.square(x).sum(axis, keepdims=keepdims)
    return total.reshape(1) if axis is None and not keepdims else total


Spec(
    "square_sum",
    square_sum,
    [
        ((normal(3, 4),), {}),
        ((normal(3, 4),), {"axis": 1, "keepdims": True}),
        ((normal(2, 3, 4),), {"axis": (0, 2)}),
    ],
    grad=(0,),
)


def moments(x, axes=None, keepdims=False):
    return [
        np.reshape(
            f(x, axis=axes, keepdims=keepdims),
            -1 if axes is None else np.shape(f(x, axis=axes, keepdims=keepdims)),
        )
        for f in (np.mean, np.var)
    ]


Spec(
    "moments",
    moments,
    [
        ((normal(3, 4),), {}),
        ((normal(2, 3, 4),), {"axes": (0, 2)}),
        ((normal(2, 3, 4),), {"axes": (-1,), "keepdims": True}),
    ],
    grad=(0,),
    raises=[((normal(2, 3),), {"axes": (2,)}, IndexError, "moments: axes is 2")],
)
