"""Converters of operators that order elements, or read them at places that are computed."""

import numpy as np

from .converters import converts, refuse


def _ordered(w, node, x, axis, count, ascending, outputs):
    """The first elements in order, and their places, along an axis that is known."""
    w.add("TopK", [x, w.ints(count)], outputs, axis=axis, largest=int(not ascending), sorted=1)


def _line(w, node):
    """(array, axis, number of its elements); the flattened array for no axis."""
    [x], axis = node.inputs, node["axis"]
    if axis is None:
        if None in x.shape:
            refuse(node, "all elements of an array whose size changes")
        return w.add("Reshape", [x, w.ints(-1)]), 0, int(np.prod(x.shape))
    if x.shape[axis] is None:
        refuse(node, "a size that changes")
    return x, axis % x.ndim, x.shape[axis]


@converts("topk")
def _(w, node):
    x, axis, size = _line(w, node)
    values, places = w.fresh("values"), w.fresh("places")
    kind = node["ret_typ"]
    if kind == "mask":
        refuse(node, f"ret_typ = {kind!r}")
    _ordered(w, node, x, axis, node["k"] or size, node["is_ascend"], [values, places])
    found = [values, places] if kind == "both" else [values if kind == "value" else places]
    for name, out in zip(found, node.outputs, strict=False):
        w.cast(name, out.dtype, out)


@converts("sort")
def _(w, node):
    x, axis, size = _line(w, node)
    outputs = [node.outputs[0], w.fresh("places")]
    _ordered(w, node, x, axis, size, node["is_ascend"], outputs)


@converts("argsort")
def _(w, node):
    x, axis, size = _line(w, node)
    places = w.fresh("places")
    _ordered(w, node, x, axis, size, node["is_ascend"], [w.fresh("values"), places])
    w.cast(places, node.outputs[0].dtype, node.outputs[0])


@converts("pick")
def _(w, node):
    x, index = node.inputs
    axis = node["axis"]
    if axis is None or node["mode"] == "wrap" or x.shape[axis] is None:
        refuse(node, f"axis = {axis}, mode = {node['mode']!r}")
    place = w.cast(index, np.int64)
    bounds = w.constant(0, np.int64), w.constant(x.shape[axis] - 1, np.int64)
    place = w.add("Clip", [place, *bounds])
    if index.ndim < x.ndim:
        place = w.add("Unsqueeze", [place, w.ints(axis % x.ndim)])
    if node["keepdims"] or index.ndim == x.ndim and node.outputs[0].ndim == x.ndim:
        w.add("GatherElements", [x, place], node.outputs[0], axis=axis)
        return
    found = w.add("GatherElements", [x, place], axis=axis)
    w.add("Squeeze", [found, w.ints(axis)], node.outputs[0])


@converts("gather_nd")
def _(w, node):
    x, index = node.inputs
    order = [*range(1, index.ndim), 0]
    place = w.add("Transpose", [w.cast(index, np.int64)], perm=order)
    w.add("GatherND", [x, place], node.outputs[0])


def _steps(w, node):
    """Numbers of the steps along an axis, in a shape that broadcasts; None if they change."""
    x, axis = node.inputs[0], node["axis"]
    if x.shape[axis] is None:
        refuse(node, "a number of steps that changes")
    line = [1] * x.ndim
    line[axis] = x.shape[axis]
    return w.constant(np.arange(x.shape[axis]).reshape(line), np.int64)


@converts("sequence_mask")
def _(w, node):
    x, axis = node.inputs[0], node["axis"]
    if not node["use_sequence_length"]:
        w.add("Identity", [x], node.outputs[0])
        return
    line = [1] * x.ndim
    line[1 - axis] = -1
    lengths = w.add("Reshape", [w.cast(node.inputs[1], np.int64), w.ints(*line)])
    shown = w.add("Less", [_steps(w, node), lengths])
    w.add("Where", [shown, x, w.scalar(node["value"], x)], node.outputs[0])


@converts("sequence_reverse")
def _(w, node):
    x = node.inputs[0]
    if node["use_sequence_length"]:
        lengths = w.cast(node.inputs[1], np.int64)
        w.add("ReverseSequence", [x, lengths], node.outputs[0], time_axis=0, batch_axis=1)
        return
    last = np.iinfo(np.int64).max
    w.add("Slice", [x, w.ints(-1), w.ints(-last), w.ints(0), w.ints(-1)], node.outputs[0])
