"""Entries of core/ops/shape."""

import numpy as np
from harness import NUMBERS, Spec, normal

X = normal(2, 3, 4)
Spec(
    "reshape",
    lambda x, shape, reverse=False: x.reshape(
        {(0, -1): (2, 12), (-3, 0): (6, 4), (-4, 1, 2, -2): (1, 2, 3, 4), (-1, 0): (6, 4)}[shape]
    ),
    [
        ((X,), {"shape": (0, -1)}),
        ((X,), {"shape": (-3, 0)}),
        ((X,), {"shape": (-4, 1, 2, -2)}),
        ((X,), {"shape": (-1, 0), "reverse": True}),
    ],
    grad=(0,),
    raises=[((X,), {"shape": (5, 5)}, ValueError, "reshape: shape is")],
)
Spec(
    "view_shape",
    lambda x, shape: x.reshape(shape),
    [((X,), {"shape": (4, -1)}), ((np.array(1.0),), {"shape": (1, 1)})],
    grad=(0,),
)
Spec(
    "flatten",
    lambda x: x.reshape(len(x), -1),
    [((X,), {}), ((np.zeros((2, 0, 3)),), {})],
    grad=(0,),
)
Spec(
    "expand_dims",
    np.expand_dims,
    [((X,), {"axis": 1}), ((X,), {"axis": -1})],
    grad=(0,),
    raises=[((X,), {"axis": 5}, IndexError, "expand_dims: axis is 5")],
)
Spec(
    "squeeze",
    lambda x, axis=None: np.squeeze(x, axis),
    [((normal(1, 3, 1),), {}), ((normal(1, 3, 1),), {"axis": 0})],
    grad=(0,),
    raises=[((X,), {"axis": 1}, ValueError, "must have size 1")],
)
Spec(
    "transpose",
    lambda x, axes=(): np.transpose(x, axes or None),
    [((X,), {}), ((X,), {"axes": (1, 0, 2)}), ((normal(70, 50),), {}), ((normal(0, 3),), {})],
    dtypes=NUMBERS,
    grad=(0,),
)
Spec(
    "swap_axes",
    lambda x, dim1, dim2: np.swapaxes(x, dim1, dim2),
    [((X,), {"dim1": 0, "dim2": 2})],
    grad=(0,),
)
Spec("flip", lambda x, axis=None: np.flip(x, axis), [((X,), {"axis": 1}), ((X,), {})], grad=(0,))
Spec(
    "broadcast_to",
    lambda x, shape: np.broadcast_to(x, shape),
    [((normal(3, 1),), {"shape": (2, 3, 4)})],
    grad=(0,),
    raises=[((normal(3),), {"shape": (4,)}, ValueError, "broadcast_to: shape is")],
)
Spec(
    "broadcast_axis",
    lambda x, axis, size: np.broadcast_to(x, (3, 5)),
    [((normal(3, 1),), {"axis": 1, "size": 5})],
    grad=(0,),
)
Spec(
    "concat",
    lambda *x, dim=1: np.concatenate(x, dim),
    [((X, normal(2, 2, 4)), {}), ((normal(2), normal(3)), {"dim": 0})],
    grad=(0, 1),
    raises=[((normal(2, 3), normal(3, 3)), {}, ValueError, "concat: array 1")],
)
Spec(
    "stack",
    lambda *x, axis=0: np.stack(x, axis),
    [((normal(2, 3), normal(2, 3) * 2), {}), ((X, X), {"axis": -1})],
    grad=(0, 1),
)
Spec(
    "split",
    lambda x, num_outputs, axis=1: np.split(x, num_outputs, axis),
    [((X,), {"num_outputs": 3}), ((X,), {"num_outputs": 2, "axis": 2})],
    grad=(0,),
    raises=[((X,), {"num_outputs": 2}, ValueError, "must divide")],
)
