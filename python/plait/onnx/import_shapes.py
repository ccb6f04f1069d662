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
    if s.get("allowzero", 0) and 0 in sizes:
        s.refuse("allowzero")
    if 0 in sizes and sizes.count(-1) or not sizes:
        shape = s.shape()
        sizes = [shape[i] if size == 0 else size for i, size in enumerate(sizes)]
        if -1 in sizes:
            known = math.prod(size for size in sizes if size != -1)
            sizes[sizes.index(-1)] = math.prod(shape) // known
    if not sizes:
        return call("squeeze", s[0])
    return call("reshape", s[0], shape=tuple(sizes))


@imports("Transpose")
def _(s):
    return call("transpose", s[0], axes=tuple(s.get("perm") or ()))


@imports("Unsqueeze")
def _(s):
    axes, x = s.ints(1, "axes"), s[0]
    if len(axes) > 1 and min(axes) < 0:
        axes = [a % (s.ndim() + len(axes)) for a in axes]
    for axis in sorted(axes):
        x = call("expand_dims", x, axis=axis)
    return x


@imports("Squeeze")
def _(s):
    axes = s.ints(1, "axes")
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
    ends = np.cumsum(sizes)
    return [
        call("slice_axis", s[0], axis=axis, begin=int(end - size), end=int(end))
        for size, end in zip(sizes, ends, strict=True)
    ]


@imports("Slice")
def _(s):
    starts, ends = s.ints(1, "starts"), s.ints(2, "ends")
    sizes = s.sizes()
    axes = s.ints(3, "axes") or list(range(len(starts)))
    steps = s.ints(4, "steps") or [1] * len(starts)
    begin, end, step = [None] * len(sizes), [None] * len(sizes), [1] * len(sizes)
    for axis, first, last, stride in zip(axes, starts, ends, steps, strict=True):
        size = sizes[axis]
        if size is None:
            s.refuse("a part of a size that is left open")
        low, high, _ = slice(first, last, stride).indices(size)
        begin[axis], end[axis], step[axis] = low, None if high < 0 else high, stride
        if (high - low) * stride <= 0:
            s.refuse("an empty slice")
    return call("slice", s[0], begin=tuple(begin), end=tuple(end), step=tuple(step))


@imports("Pad")
def _(s):
    mode = s.get("mode", "constant")
    pads = s.ints(1, "pads")
    if s.has(3) or mode == "wrap" or min(pads) < 0:
        s.refuse(f"mode {mode!r} with the pads {pads}")
    ndim = s.ndim()
    count = len(pads) // 2
    width = tuple(v for pair in zip(pads[:count], pads[count:], strict=True) for v in pair)
    value = s.known(2) if s.opset >= 11 else s.get("value", 0.0)
    options = {"mode": mode, "constant_value": 0.0 if value is None else float(np.ravel(value)[0])}
    lead = 0  # the operator takes arrays of 4 or 5 axes and leaves the first two alone
    x = s[0]
    while ndim + lead < 4 or any(width[: max(2 * (2 - lead), 0)]):
        lead += 1
        if ndim + lead > 5:
            s.refuse("pads of the first axes of so many")
        x = call("expand_dims", x, axis=0)
    out = call("pad", x, pad_width=(0, 0) * lead + width, **options)
    for _ in range(lead):
        out = call("squeeze", out, axis=(0,))
    return out


@imports("Expand")
def _(s):
    shape = np.broadcast_shapes(s.shape(), tuple(s.ints(1, "shape")))
    lead, x = len(shape) - s.ndim(), s[0]
    for _ in range(lead):
        x = call("expand_dims", x, axis=0)
    return call("broadcast_to", x, shape=shape)


@imports("Tile")
def _(s):
    return call("tile", s[0], reps=tuple(s.ints(1, "repeats")))


@imports("Gather")
def _(s):
    return call("take", s[0], s[1], axis=s.get("axis", 0), mode="wrap")


@imports("OneHot")
def _(s):
    depth, (off, on) = int(np.ravel(s.known(1))[0]), s.known(2)
    dtype = s.known(2).dtype.name
    from_end = call("add_scalar", s[0], scalar=float(depth))
    index = call("where", call("less_scalar", s[0], scalar=0.0), from_end, s[0])
    out = call("one_hot", index, depth=depth, on_value=float(on), off_value=float(off), dtype=dtype)
    ndim = s.ndim() + 1
    axis = s.get("axis", -1) % ndim
    if axis == ndim - 1:
        return out
    order = [*range(axis), ndim - 1, *range(axis, ndim - 1)]
    return call("transpose", out, axes=tuple(order))


@imports("ConstantOfShape")
def _(s):
    s.refuse("a computed shape")


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


@imports("GatherND")
def _(s):
    if s.get("batch_dims", 0):
        s.refuse("batch_dims")
    last = s.ndim(1) - 1
    order = (last, *range(last))
    return call("gather_nd", s[0], call("transpose", s[1], axes=order))


@imports("EyeLike")
def _(s):
    rows, columns = s.shape()
    code = s.get("dtype")
    dtype = s.dtype() if code is None else s.importer.onnx.helper.tensor_dtype_to_np_dtype(code)
    return np.eye(rows, columns, s.get("k", 0), dtype)
