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
PADS = {"constant": {"constant_values": 1.5}, "edge": {}, "reflect": {}}
Spec(
    "pad",
    lambda x, mode, pad_width, constant_value=0: np.pad(
        x, np.reshape(pad_width, (-1, 2)), mode, **PADS[mode]
    ),
    [
        (
            (X,),
            {
                "mode": m,
                "pad_width": (0, 0, 1, 2, 2, 1),
                **({"constant_value": 1.5} if m == "constant" else {}),
            },
        )
        for m in PADS
    ],
    grad=(0,),
    raises=[
        ((X,), {"mode": "edge", "pad_width": (1, 1)}, ValueError, "pad: pad_width is"),
        ((X,), {"mode": "reflect", "pad_width": (2, 0) * 3}, ValueError, "must have at least 3"),
    ],
)
Spec(
    "tile",
    lambda x, reps: np.tile(x, reps),
    [((X,), {"reps": (2, 1, 3)}), ((normal(3),), {"reps": (2, 2)}), ((X,), {"reps": (0,)})],
    dtypes=NUMBERS,
    grad=(0,),
    raises=[((X,), {"reps": (-1,)}, ValueError, r"tile: reps is \(-1,\), must be >= 0")],
)
Spec(
    "repeat",
    lambda x, repeats, axis=None: np.repeat(x, repeats, axis),
    [((X,), {"repeats": 2}), ((X,), {"repeats": 3, "axis": 1}), ((X,), {"repeats": 2, "axis": -1})],
    grad=(0,),
    raises=[((X,), {"repeats": 2, "axis": 3}, IndexError, "repeat: axis is 3")],
)
Spec(
    "reshape_like",
    lambda x, y, lhs_begin=0, lhs_end=None, rhs_begin=0, rhs_end=None: x.reshape(
        x.shape[:lhs_begin]
        + y.shape[rhs_begin:rhs_end]
        + (() if lhs_end is None else x.shape[lhs_end:])
    ),
    [
        ((X, normal(6, 4)), {}),
        ((X, normal(5, 3, 2)), {"lhs_begin": 0, "lhs_end": 2, "rhs_begin": 1, "rhs_end": 3}),
    ],
    grad=(0,),
    raises=[((X, normal(5)), {}, ValueError, "reshape_like: lhs has shape")],
)
Spec(
    "identity_with_attr_like_rhs",
    lambda x, y: x,
    [((X, X), {})],
    grad=(0,),
)
Spec(
    "slice_like",
    lambda x, y, axes=(): x[
        tuple(slice(y.shape[i]) if not axes or i in axes else slice(None) for i in range(x.ndim))
    ],
    [((X, normal(1, 2, 4)), {}), ((X, normal(2, 2)), {"axes": (1,)})],
    grad=(0,),
    raises=[
        ((X, normal(1, 4, 4)), {}, ValueError, "slice_like: shape_like has shape"),
        ((X, normal(1)), {"axes": (3,)}, IndexError, "slice_like: axes is 3"),
    ],
)
Spec(
    "broadcast_like",
    lambda x, y, lhs_axes=None, rhs_axes=None: np.broadcast_to(
        x, y.shape if lhs_axes is None else (3, 4)
    ),
    [
        ((normal(3, 1), normal(3, 5)), {}),
        ((normal(3, 1), normal(4, 2)), {"lhs_axes": (1,), "rhs_axes": (0,)}),
    ],
    grad=(0,),
    raises=[((normal(3, 2), normal(3, 4)), {}, ValueError, "broadcast_like: lhs has shape")],
)
Spec("shape_array", lambda x: np.array(x.shape), [((X,), {}), ((np.array(1.0),), {})])
Spec("size_array", lambda x: np.array([x.size]), [((X,), {})])


def depth_to_space(x, block_size):
    n, c, h, w = x.shape
    b = block_size
    x = x.reshape(n, b, b, c // (b * b), h, w).transpose(0, 3, 4, 1, 5, 2)
    return x.reshape(n, c // (b * b), h * b, w * b)


def space_to_depth(x, block_size):
    n, c, h, w = x.shape
    b = block_size
    x = x.reshape(n, c, h // b, b, w // b, b).transpose(0, 3, 5, 1, 2, 4)
    return x.reshape(n, c * b * b, h // b, w // b)


Spec(
    "depth_to_space",
    depth_to_space,
    [((normal(2, 8, 2, 3),), {"block_size": 2})],
    dtypes=NUMBERS,
    grad=(0,),
    raises=[((normal(1, 6, 2, 2),), {"block_size": 2}, ValueError, "data has 6 channels")],
)
Spec(
    "space_to_depth",
    space_to_depth,
    [((normal(2, 3, 4, 6),), {"block_size": 2})],
    dtypes=NUMBERS,
    grad=(0,),
    raises=[((normal(1, 1, 3, 2),), {"block_size": 2}, ValueError, "height and width must be")],
)


def diag(x, k=0, axis1=0, axis2=1):
    return np.diag(x, k) if x.ndim == 1 else np.diagonal(x, k, axis1, axis2)


Spec(
    "diag",
    diag,
    [
        ((normal(3, 4),), {"k": 1}),
        ((normal(3),), {"k": -1}),
        ((X,), {"axis1": 2, "axis2": 0}),
    ],
    dtypes=NUMBERS,
    grad=(0,),
    raises=[
        ((normal(2, 2),), {"k": 2}, ValueError, "diag: k is 2"),
        ((normal(2, 2),), {"axis1": 1}, ValueError, "axis1 and axis2 are 1 and 1, must differ"),
    ],
)


def place_diag(x, k, axis1, axis2, shape):
    out = np.zeros(shape)
    for i in range(x.shape[-1]):
        out[max(-k, 0) + i, max(k, 0) + i] = x[..., i]
    return out


Spec(
    "place_diag",
    place_diag,
    [((normal(4, 2),), {"k": 1, "axis1": 0, "axis2": 1, "shape": (2, 3, 4)})],
    grad=(0,),
)
Spec(
    "split_v2",
    lambda x, indices=(), axis=1, squeeze_axis=False, sections=0: [
        y.squeeze(axis) if squeeze_axis else y
        for y in np.split(x, sections or list(indices[1:]), axis)
    ],
    [
        ((X,), {"indices": (0, 2), "axis": 2}),
        ((X,), {"indices": (), "sections": 3}),
        ((X,), {"indices": (0, 1, 2), "axis": 1, "squeeze_axis": True}),
    ],
    grad=(0,),
    raises=[
        ((X,), {"indices": (), "sections": 2}, ValueError, "split_v2: sections is 2"),
        ((X,), {"indices": (0, 5)}, ValueError, "split_v2: indices is"),
    ],
)
IMAGE = normal(2, 3, 5, 6)
Spec(
    "crop_like",
    lambda x, y=None, **_: x[:, :, 1:4, 2:5],
    [
        ((IMAGE,), {"offset": (1, 2), "h_w": (3, 3)}),
        ((IMAGE, normal(1, 1, 3, 3)), {"offset": (1, 2)}),
    ],
    grad=(0,),
    raises=[((IMAGE,), {}, ValueError, "crop_like: the part has size 0")],
)


def im2col(x, kernel, stride=(1, 1), dilate=(1, 1), pad=(0, 0)):
    x = np.pad(x, [(0, 0), (0, 0), *[(p, p) for p in pad]])
    size = [(x.shape[2 + i] - dilate[i] * (kernel[i] - 1) - 1) // stride[i] + 1 for i in range(2)]
    parts = [
        x[
            :,
            :,
            r * dilate[0] :: stride[0],
            c * dilate[1] :: stride[1],
        ][:, :, : size[0], : size[1]]
        for r in range(kernel[0])
        for c in range(kernel[1])
    ]
    return np.stack(parts, 2).reshape(len(x), -1, size[0] * size[1])


def col2im(columns, output_size, **window):
    """The transpose of im2col, found by applying that to unit images."""
    n = int(np.prod(output_size))
    basis = im2col(np.eye(n).reshape(n, 1, *output_size), **window).reshape(n, -1)
    y = columns.reshape(-1, basis.shape[1]) @ basis.T
    return y.reshape(len(columns), -1, *output_size)


STEPS = {"kernel": (2, 3), "stride": (1, 2), "pad": (1, 0), "dilate": (2, 1)}
Spec(
    "im2col",
    im2col,
    [((IMAGE,), STEPS), ((IMAGE,), {"kernel": (1, 2)})],
    grad=(0,),
    raises=[((IMAGE,), {"kernel": (9, 1)}, ValueError, "im2col: kernel is")],
)
Spec(
    "col2im",
    col2im,
    [((normal(2, 12, 10),), {"output_size": (5, 6), **STEPS})],
    grad=(0,),
    tolerance=(1e-5, 1e-5),
    raises=[
        ((normal(2, 12, 4),), {"output_size": (5, 6), **STEPS}, ValueError, "col2im: data has")
    ],
)
