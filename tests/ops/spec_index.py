"""Entries of core/ops/index."""

import numpy as np
from harness import Spec, normal

X = normal(4, 5, 6)
I = np.array([[0, 3], [3, 1]], dtype="int32")


def slices(x, begin, end, step=()):
    step = step or (None,) * len(begin)
    return x[tuple(slice(*s) for s in zip(begin, end, step, strict=False))]


Spec(
    "slice",
    slices,
    [
        ((X,), {"begin": (1, None), "end": (3, -1)}),
        ((X,), {"begin": (None, 4), "end": (None, 0), "step": (-1, -2)}),
    ],
    grad=(0,),
)
Spec(
    "slice_axis",
    lambda x, axis, begin, end: x[:, begin:end],
    [((X,), {"axis": 1, "begin": 1, "end": -1})],
    grad=(0,),
)
Spec(
    "basic_index",
    lambda x, begin, end, step, squeeze: x[1, 4::-2, 0:6:3],
    [((X,), {"begin": (1, 4, 0), "end": (2, -1, 6), "step": (1, -2, 3), "squeeze": (0,)})],
    grad=(0,),
)
Spec(
    "take",
    lambda x, i, axis=0: np.take(x, i, axis),
    [((X, I), {}), ((X, I), {"axis": 1})],
    grad=(0,),
)
Spec(
    "pick",
    lambda x, i: np.take_along_axis(x, i[..., None].astype(int), -1)[..., 0],
    [((normal(3, 4), np.array([1, 3, 0], dtype="int32")), {})],
    grad=(0,),
)
Spec(
    "one_hot",
    lambda i, depth: np.eye(depth)[i],
    [((np.array([0, 2, 1], dtype="int32"),), {"depth": 4})],
    raises=[((np.array([0], dtype="int32"),), {"depth": -1}, ValueError, "one_hot: depth is -1")],
)


def placed(x, first, step, count, shape):
    whole = np.zeros(shape)
    whole[tuple(slice(f, f + s * c, s) for f, s, c in zip(first, step, count, strict=False))] = x.reshape(count)
    return whole


BOX = {"first": (1, 0), "step": (1, 2), "count": (2, 3), "shape": (4, 6)}
Spec("place_region", placed, [((normal(2, 3),), BOX)], grad=(0,))
Spec("take_region", lambda x, **box: x[1:3, 0:6:2], [((normal(4, 6),), BOX)], grad=(0,))
