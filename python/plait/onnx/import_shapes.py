"""Importers of operators that move elements, or make them from nothing."""

import math

import numpy as np

from .importers import call, imports


@imports("Shape")
def _(s):
    shape = s.shape()
    return np.array(shape[s.get("start", 0) : s.get("end")], np.int64)


@imports("Size")
def _(s):
    return np.array(math.prod(s.shape()), np.int64)


@imports("Flatten")
def _(s):
    axis = s.get("axis", 1)
    if axis == 1:
        return call("flatten", s[0])
    shape = s.shape()
    axis = axis if axis >= 0 else axis + len(shape)
    return call("reshape", s[0], shape=(math.prod(shape[:axis]), math.prod(shape[axis:])))


@imports("Reshape")
def _(s):
    sizes = s.ints(1, "shape")
    shape = s.sizes()
    zeros = s.get("allowzero", 0) and 0 in sizes or 0 in shape
    if s.reader.traces and zeros:
        s.needs_values("an array without elements")
    if not s.get("allowzero", 0):
        if 0 in sizes and (sizes.count(-1) or 0 in shape):
            shape = s.shape()
        sizes = [shape[i] if size == 0 and shape[i] is not None else size
                 for i, size in enumerate(sizes)]  # fmt: skip
    if -1 in sizes and None not in shape:
        known = math.prod(size for size in sizes if size != -1)
        if 0 not in sizes or s.get("allowzero", 0):
            sizes[sizes.index(-1)] = math.prod(shape) // known if known else 0
    if not sizes or 0 in shape:
        return call("view_shape", s[0], shape=tuple(sizes))
    return call("reshape", s[0], shape=tuple(sizes))


@imports("Transpose")
def _(s):
    return call("transpose", s[0], axes=tuple(s.get("perm") or ()))


@imports("Unsqueeze")
def _(s):
    axes, x = s.ints(1, "axes"), s[0]
    axes = [a % (s.ndim() + len(axes)) for a in axes]
    for axis in sorted(axes):
        x = call("expand_dims", x, axis=axis)
    return x


@imports("Squeeze")
def _(s):
    axes = s.ints(1, "axes")
    if axes is None and None in s.sizes():
        s.shape()
    if axes is not None and not axes or 1 not in s.sizes():
        return call("copy", s[0])
    return call("squeeze", s[0], axis=None if axes is None else tuple(axes))


@imports("Concat")
def _(s):
    return call("concat", *s.all(), dim=s.get("axis"))


@imports("Split")
def _(s):
    axis, count = s.get("axis", 0), len(s.node.output)
    sizes = s.ints(1, "split")
    if sizes is None:
        whole = s.shape()[axis]
        part = -(-whole // count)
        sizes = [min(part, whole - i * part) for i in range(count)]
    if 0 in sizes:
        s.needs_values("a part without elements")
    return tuple(parts(s[0], axis, sizes))


def parts(x, axis, sizes):
    """Consecutive parts of an array along an axis."""
    ends = np.cumsum(sizes)
    return [
        call("slice_axis", x, axis=axis, begin=int(end - size), end=int(end))
        for size, end in zip(sizes, ends, strict=True)
    ]


@imports("Slice")
def _(s):
    starts, ends = s.ints(1, "starts"), s.ints(2, "ends")
    sizes = s.sizes()
    axes = s.ints(3, "axes") or list(range(len(starts)))
    steps = s.ints(4, "steps") or [1] * len(starts)
    begin, end, step = [None] * len(sizes), [None] * len(sizes), [1] * len(sizes)
    empty = False
    for axis, first, last, stride in zip(axes, starts, ends, steps, strict=True):
        size = sizes[axis]
        if size is None:
            if first >= 0 and last >= np.iinfo(np.int32).max and stride == 1:
                begin[axis] = first
                continue
            s.shape()
        low, high, _ = slice(first, last, stride).indices(size)
        begin[axis], end[axis], step[axis] = low, None if high < 0 else high, stride
        empty = empty or (high - low) * stride <= 0
    if empty:
        s.needs_values("a part without elements")
        return s.known(0)[tuple(map(slice, begin, end, step))]
    return call("slice", s[0], begin=tuple(begin), end=tuple(end), step=tuple(step))


@imports("Pad")
def _(s):
    mode, ndim = s.get("mode", "constant"), s.ndim()
    given = s.ints(1, "pads")
    axes = [a % ndim for a in (s.ints(3, "axes") or range(ndim))]
    before, after = [0] * ndim, [0] * ndim
    for i, axis in enumerate(axes):
        before[axis], after[axis] = given[i], given[i + len(axes)]
    value = s.number(2, 0) if s.opset >= 11 else s.get("value", 0.0)
    x = s[0]
    for axis in range(ndim):
        if before[axis] < 0 or after[axis] < 0:
            low, high = max(-before[axis], 0), min(after[axis], 0)
            x = call("slice_axis", x, axis=axis, begin=low, end=high or None)
    before, after = ([max(n, 0) for n in side] for side in (before, after))
    if mode == "constant" or mode != "wrap" and s.is_floating():
        width = tuple(n for pair in zip(before, after, strict=True) for n in pair)
        if s.dtype().kind == "b":
            out = call("pad", s.cast(x, np.uint8), mode=mode, pad_width=width, constant_value=value)
            return s.cast(out, bool)
        return call("pad", x, mode=mode, pad_width=width, constant_value=float(value))
    for axis, size in enumerate(s.shape_of(x)):
        if before[axis] or after[axis]:
            place = np.pad(np.arange(size), (before[axis], after[axis]), mode)
            x = call("take", x, s.constant(place), axis=axis)
    return x


@imports("Expand")
def _(s):
    shape = np.broadcast_shapes(s.shape(), tuple(s.ints(1, "shape")))
    if 0 in shape:
        s.needs_values("an array without elements")
        return np.broadcast_to(s.known(0), shape)
    lead, x = len(shape) - s.ndim(), s[0]
    for _ in range(lead):
        x = call("expand_dims", x, axis=0)
    return call("broadcast_to", x, shape=shape)


@imports("Tile")
def _(s):
    return call("tile", s[0], reps=tuple(s.ints(1, "repeats")))


@imports("ConstantOfShape")
def _(s):
    value = s.get("value")
    value = np.zeros(1, np.float32) if value is None else s.onnx.numpy_helper.to_array(value)
    return np.full(s.ints(0, None), value[0], value.dtype)


@imports("Range")
def _(s):
    start, limit, delta = (s.number(i) for i in range(3))
    return np.arange(start, limit, delta, s.dtype())


@imports("Trilu")
def _(s):
    op = "triu" if s.get("upper", 1) else "tril"
    return call(op, s[0], k=int(s.number(1, 0)))


@imports("DepthToSpace", "SpaceToDepth")
def _(s):
    block = s.get("blocksize")
    if s.node.op_type == "SpaceToDepth":
        if s.get("mode", "DCR") != "DCR":
            s.refuse("mode CRD")
        return call("space_to_depth", s[0], block_size=block)
    if s.get("mode", "DCR") == "DCR":
        return call("depth_to_space", s[0], block_size=block)
    n, c, h, w = s.shape()
    x = call("reshape", s[0], shape=(n, c // block**2, block, block, h, w))
    x = call("transpose", x, axes=(0, 1, 4, 2, 5, 3))
    return call("reshape", x, shape=(n, c // block**2, h * block, w * block))


@imports("EyeLike")
def _(s):
    rows, columns = s.shape()
    code = s.get("dtype")
    dtype = s.dtype() if code is None else s.onnx.helper.tensor_dtype_to_np_dtype(code)
    return np.eye(rows, columns, s.get("k", 0), dtype)
