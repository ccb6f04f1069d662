"""Converters of operators that move elements, or make them from nothing."""

import numpy as np

from .converters import converts, refuse


@converts("flatten")
def _(w, node):
    w.add("Flatten", node.inputs, node.outputs[0], axis=1)


@converts("reshape", "reshape_like", "np_reshape")
def _(w, node):
    w.reshape(node, node.inputs[0], node.outputs[0], node.inputs[0])


@converts("expand_dims")
def _(w, node):
    w.add("Unsqueeze", [node.inputs[0], w.ints(node["axis"])], node.outputs[0])


@converts("squeeze")
def _(w, node):
    [x] = node.inputs
    axis = node["axis"]
    axis = (axis,) if isinstance(axis, int) else tuple(axis or ())
    axes = axis or [i for i, size in enumerate(x.shape) if size == 1]
    w.add("Squeeze", [x, w.ints(*axes)], node.outputs[0])


@converts("transpose")
def _(w, node):
    [x] = node.inputs
    axes = list(node["axes"] or range(x.ndim - 1, -1, -1))
    w.add("Transpose", [x], node.outputs[0], perm=[a % x.ndim for a in axes])


@converts("swap_axes")
def _(w, node):
    [x] = node.inputs
    perm = list(range(x.ndim))
    a, b = node["dim1"], node["dim2"]
    perm[a], perm[b] = perm[b], perm[a]
    w.add("Transpose", [x], node.outputs[0], perm=perm)


@converts("concat")
def _(w, node):
    axis = node.attrs.get("dim", node.attrs.get("axis"))
    w.add("Concat", node.inputs, node.outputs[0], axis=axis)


@converts("stack")
def _(w, node):
    axis = node["axis"] % node.outputs[0].ndim
    parts = [w.add("Unsqueeze", [x, w.ints(axis)]) for x in node.inputs]
    w.add("Concat", parts, node.outputs[0], axis=axis)


@converts("split")
def _(w, node):
    axis, squeeze = node["axis"], node["squeeze_axis"]
    if len(node.outputs) == 1:
        parts = [w.add("Identity", node.inputs)]
    else:
        parts = [w.fresh("part") for _ in node.outputs]
        w.add("Split", node.inputs, parts, axis=axis)
    for part, out in zip(parts, node.outputs, strict=True):
        if squeeze:
            w.add("Squeeze", [part, w.ints(axis)], out)
        else:
            w.add("Identity", [part], out)


def _slice(w, x, out, begin, end, axes, steps=None):
    w.add(
        "Slice",
        [x, w.ints(*begin), w.ints(*end), w.ints(*axes), w.ints(*(steps or [1] * len(axes)))],
        out,
    )


_END = np.iinfo(np.int64).max


@converts("slice_axis")
def _(w, node):
    end = _END if node["end"] is None else node["end"]
    _slice(w, node.inputs[0], node.outputs[0], [node["begin"] or 0], [end], [node["axis"]])


@converts("slice")
def _(w, node):
    begin, end, step = node["begin"], node["end"], node["step"] or ()
    step = [s or 1 for s in step] + [1] * (len(begin) - len(step))
    begin = [(_END if s < 0 else 0) if b is None else b for b, s in zip(begin, step, strict=True)]
    end = [(-_END if s < 0 else _END) if e is None else e for e, s in zip(end, step, strict=True)]
    _slice(w, node.inputs[0], node.outputs[0], begin, end, list(range(len(begin))), step)


@converts("slice_like")
def _(w, node):
    x, like = node.inputs
    axes = node["axes"] or range(x.ndim)
    axes = sorted(a % x.ndim for a in axes)
    sizes = [like.shape[a] for a in axes]
    if None in sizes:
        refuse(node, "a size that changes")
    _slice(w, x, node.outputs[0], [0] * len(axes), sizes, axes)


@converts("flip")
def _(w, node):
    axis = node["axis"]
    axes = [axis] if isinstance(axis, int) else list(axis)
    count = len(axes)
    _slice(w, node.inputs[0], node.outputs[0], [-1] * count, [-_END] * count, axes, [-1] * count)


@converts("pad")
def _(w, node):
    width = list(node["pad_width"])
    pads = w.ints(*width[::2], *width[1::2])
    mode, [x] = node["mode"], node.inputs
    inputs = [x, pads]
    if mode == "constant":
        inputs.append(w.scalar(node["constant_value"], x))
    w.add("Pad", inputs, node.outputs[0], mode=mode)


@converts("tile")
def _(w, node):
    [x] = node.inputs
    reps = node["reps"]
    reps = [reps] if isinstance(reps, int) else list(reps)
    if len(reps) > x.ndim:
        x = w.add("Unsqueeze", [x, w.ints(*range(len(reps) - x.ndim))])
    else:
        reps = [1] * (node.inputs[0].ndim - len(reps)) + reps
    w.add("Tile", [x, w.ints(*reps)], node.outputs[0])


@converts("broadcast_to", "broadcast_axis", "broadcast_like")
def _(w, node):
    x, out = node.inputs[0], node.outputs[0]
    if None not in out.shape:
        w.add("Expand", [x, w.ints(*out.shape)], out)
        return
    # A size that changes is that of x already, or that of the second array.
    known = all(b is not None or a is None for a, b in zip(x.shape, out.shape, strict=True))
    if known:
        w.add("Expand", [x, w.ints(*[1 if s is None else s for s in out.shape])], out)
    elif node.op == "broadcast_like" and node["lhs_axes"] is None:
        w.add("Expand", [x, w.add("Shape", [node.inputs[1]])], out)
    else:
        refuse(node, "a size that changes")


@converts("take")
def _(w, node):
    x, index = node.inputs
    if node["mode"] == "wrap":
        refuse(node, "mode = 'wrap'")
    index = w.cast(index, np.int64)
    size = x.shape[node["axis"]]
    if node["mode"] == "clip" and size is not None:
        bounds = w.constant(0, np.int64), w.constant(size - 1, np.int64)
        index = w.add("Clip", [index, *bounds])
    w.add("Gather", [x, index], node.outputs[0], axis=node["axis"])


@converts("one_hot")
def _(w, node):
    values = w.constant([node["off_value"], node["on_value"]], node.outputs[0].dtype)
    depth = w.constant(node["depth"], np.int64)
    w.add("OneHot", [w.cast(node.inputs[0], np.int64), depth, values], node.outputs[0], axis=-1)


@converts("depth_to_space", "space_to_depth")
def _(w, node):
    name = "DepthToSpace" if node.op == "depth_to_space" else "SpaceToDepth"
    extra = {"mode": "DCR"} if name == "DepthToSpace" else {}
    w.add(name, node.inputs, node.outputs[0], blocksize=node["block_size"], **extra)


def _filled(w, node, value):
    out = node.outputs[0]
    if None not in out.shape:
        w.add("Identity", [w.constant(np.full(out.shape, value), out.dtype)], out)
        return
    number = w.onnx.numpy_helper.from_array(np.array([value], out.dtype))
    w.add("ConstantOfShape", [w.add("Shape", [node.inputs[0]])], out, value=number)


@converts("zeros_like", "zeros")
def _(w, node):
    _filled(w, node, 0)


@converts("ones_like", "ones")
def _(w, node):
    _filled(w, node, 1)


@converts("full", "full_like")
def _(w, node):
    _filled(w, node, node.attrs.get("value", node.attrs.get("fill_value")))


@converts("arange", "arange_like")
def _(w, node):
    out = node.outputs[0]
    if None in out.shape:
        refuse(node, "a range of changing length")
    start, step = node["start"], node["step"]
    repeat = node.attrs.get("repeat") or 1
    size = int(np.prod(out.shape))
    numbers = start + step * (np.arange(size) // repeat)
    w.add("Identity", [w.constant(numbers.reshape(out.shape), out.dtype)], out)


@converts("repeat")
def _(w, node):
    x, out = node.inputs[0], node.outputs[0]
    axis = node["axis"]
    if axis is None or x.shape[axis] is None:
        refuse(node, "repetition of all elements in one line")
    index = np.repeat(np.arange(x.shape[axis]), node["repeats"])
    w.add("Gather", [x, w.constant(index, np.int64)], out, axis=axis)
