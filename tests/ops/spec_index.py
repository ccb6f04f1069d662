"""Entries of core/ops/index."""

import numpy as np
from harness import NUMBERS, Spec, normal

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
    whole[tuple(slice(f, f + s * c, s) for f, s, c in zip(first, step, count, strict=False))] = (
        x.reshape(count)
    )
    return whole


BOX = {"first": (1, 0), "step": (1, 2), "count": (2, 3), "shape": (4, 6)}
Spec("place_region", placed, [((normal(2, 3),), BOX)], grad=(0,))
Spec("take_region", lambda x, **box: x[1:3, 0:6:2], [((normal(4, 6),), BOX)], grad=(0,))

POINTS = np.array([[0, 3, -1], [4, 0, 2]], dtype="int32")


def scatter(data, indices, shape, add=False):
    out = np.zeros(shape, data.dtype)
    if add:
        np.add.at(out, tuple(indices), data)
    else:
        out[tuple(indices)] = data
    return out


Spec(
    "gather_nd",
    lambda x, i: x[tuple(i)],
    [((X, POINTS), {}), ((X, np.array([[1, 1]], "int32")), {})],
    dtypes=NUMBERS,
    grad=(0,),
    raises=[
        ((X, POINTS + 3), {}, IndexError, "gather_nd: indices has 6, must be in"),
        ((normal(3), POINTS), {}, ValueError, "gather_nd: indices has shape"),
    ],
)
Spec(
    "scatter_nd",
    scatter,
    [((normal(3, 6), POINTS), {"shape": (4, 5, 6)})],
    dtypes=NUMBERS,
    grad=(0,),
    raises=[((normal(2), POINTS), {"shape": (4, 5)}, ValueError, "scatter_nd: data has shape")],
)
Spec(
    "scatter_add_nd",
    lambda x, i, shape: scatter(x, i, shape, add=True),
    [((normal(2, 5, 6), np.array([[1, 1]], "int32")), {"shape": (4, 5, 6)})],
    grad=(0,),
)


def set_nd(x, y, i):
    x = x.copy()
    x[tuple(i)] = y
    return x


Spec("scatter_set_nd", set_nd, [((X, normal(3, 6), POINTS), {})], grad=(0, 1))
SHAPE = {"shape": (4, 5)}
Spec(
    "ravel_multi_index",
    lambda x, shape: np.ravel_multi_index(tuple(x.astype(int)), shape),
    [((np.array([[0, 3], [4, 2]], "int32"),), SHAPE), ((np.array([[1.0, 2], [3, 4]]),), SHAPE)],
    raises=[((np.zeros((3, 2)),), SHAPE, ValueError, "ravel_multi_index: data has shape")],
)
Spec(
    "unravel_index",
    lambda x, shape: np.array(np.unravel_index(x.astype(int), shape)),
    [((np.array([4, 17], "int32"),), SHAPE), ((np.array([[1.0, 19.0]]),), SHAPE)],
    raises=[((np.zeros(2),), {"shape": (3, 0)}, ValueError, "unravel_index: shape is")],
)


def index_array(x, axes=None):
    grid = np.stack(np.meshgrid(*map(np.arange, x.shape), indexing="ij"), -1)
    return grid if axes is None else grid[..., list(axes)]


Spec("index_array", index_array, [((normal(2, 3),), {}), ((normal(2, 3, 2),), {"axes": (2, 0)})])
ROWS = np.array([2, 0], dtype="int32")


def index_copy(x, i, y):
    x = x.copy()
    x[i] = y
    return x


Spec(
    "index_copy",
    index_copy,
    [((normal(3, 4), ROWS, normal(2, 4)), {})],
    dtypes=NUMBERS,
    grad=(0, 2),
    raises=[
        ((normal(2, 4), ROWS, normal(2, 4)), {}, IndexError, "index_copy: index_vector has 2"),
        ((normal(3, 4), ROWS, normal(3, 4)), {}, ValueError, "index_copy: new_tensor has shape"),
    ],
)


def fill_element(x, v, i):
    x = x.copy()
    x[np.arange(len(x)), i] = v
    return x


Spec(
    "fill_element_0index",
    fill_element,
    [((normal(2, 4), normal(2), ROWS), {})],
    raises=[((normal(2, 2), normal(2), ROWS), {}, IndexError, "rhs has 2, must be in")],
)
PART = {"begin": (1, 4), "end": (3, None), "step": (1, -2)}


def slice_assign(x, value, begin, end, step):
    x = x.copy()
    x[1:3, 4::-2] = value
    return x


Spec(
    "slice_assign",
    slice_assign,
    [((normal(4, 5), normal(2, 3)), PART)],
    grad=(0, 1),
    raises=[((normal(4, 5), normal(2, 2)), PART, ValueError, "slice_assign: rhs has shape")],
)
Spec(
    "slice_assign_scalar",
    lambda x, scalar, **part: slice_assign(x, scalar, **part),
    [((normal(4, 5),), {**PART, "scalar": 2.5})],
    grad=(0,),
)
Spec(
    "batch_take",
    lambda x, i: x[np.arange(len(x)), np.clip(i, 0, 3)],
    [((normal(2, 4), ROWS), {}), ((normal(2, 4), ROWS * 3), {})],
    dtypes=NUMBERS,
    grad=(0,),
    raises=[((normal(3, 4), ROWS), {}, ValueError, "batch_take: indices has shape")],
)
