"""Importers of branches, loops, lists of arrays and values that may be missing."""

import numpy as np

from .import_shapes import parts
from .importers import call, imports


def _outputs(found):
    return tuple(found)


@imports("If")
def _(s):
    if not s.is_known(0):
        s.needs_values("the branch that is taken")
    branch = "then_branch" if s.number(0) else "else_branch"
    return _outputs(s.subgraph(s.get(branch), []))


def _as_value(s, value):
    """A value of a loop in the form that the outputs of nodes have."""
    return s.constant(value) if isinstance(value, np.ndarray) else value


@imports("Loop")
def _(s):
    if not (not s.has(0) or s.is_known(0)) or s.has(1) and not s.is_known(1):
        s.needs_values("a number of rounds")
    body = s.get("body")
    most = s.number(0) if s.has(0) else None
    states = [s.raw(i) for i in range(2, len(s))]
    goes_on = bool(s.number(1, True))
    rows, i = [[] for _ in range(len(body.output) - 1 - len(states))], 0
    while goes_on and (most is None or i < most):
        number = np.array(i, np.int64)
        found = s.subgraph(body, [number, np.array(goes_on), *states])
        states = found[1 : 1 + len(states)]
        for row, value in zip(rows, found[1 + len(states) :], strict=True):
            row.append(_as_value(s, value))
        i += 1
        if not isinstance(found[0], np.ndarray):
            s.needs_values("a number of rounds")
            goes_on = bool(found[0].asnumpy().ravel()[0])
        else:
            goes_on = bool(np.ravel(found[0])[0])
    stacked = [_stacked(s, row, out) for row, out in zip(rows, body.output[-len(rows) :] if rows
                                                         else [], strict=True)]  # fmt: skip
    return _outputs([*states, *stacked])


def _stacked(s, row, output, axis=0):
    """The values of all rounds along a new axis."""
    if row:
        return call("stack", *row, axis=axis)
    tensor = output.type.tensor_type
    s.needs_values("an array without elements")
    shape = [d.dim_value for d in tensor.shape.dim]
    return np.zeros([0, *shape], s.onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type or 1))


@imports("Scan")
def _(s):
    body, count = s.get("body"), s.get("num_scan_inputs")
    if s.opset < 9:
        return _scan_of_batches(s, body, count)
    states = [s.raw(i) for i in range(len(s) - count)]
    first = len(states)
    ways = s.get("scan_input_directions") or [0] * count
    axes = s.get("scan_input_axes") or [0] * count
    axes = [a % s.ndim(first + i) for i, a in enumerate(axes)]
    steps = s.shape(first)[axes[0]]
    data = [s[first + i] for i in range(count)]
    rows = [[] for _ in range(len(body.output) - first)]
    for step in range(steps):
        items = [
            _row(x, axis, steps - 1 - step if way else step)
            for x, axis, way in zip(data, axes, ways, strict=True)
        ]
        found = s.subgraph(body, [*states, *items])
        states = found[:first]
        for row, value in zip(rows, found[first:], strict=True):
            row.append(_as_value(s, value))
    ways = s.get("scan_output_directions") or [0] * len(rows)
    axes = s.get("scan_output_axes") or [0] * len(rows)
    stacked = []
    for row, way, axis, output in zip(rows, ways, axes, body.output[first:], strict=True):
        stacked.append(_stacked(s, row[::-1] if way else row, output, axis))
    return _outputs([*states, *stacked])


def _row(x, axis, i):
    return call("squeeze", call("slice_axis", x, axis=axis, begin=i, end=i + 1), axis=(axis,))


def _scan_of_batches(s, body, count):
    """Scan of opset 8: each sample of the first axis is a sequence of its own."""
    if s.has(0) or any(s.get("directions") or []):
        s.refuse("sequences of different lengths, or backwards,")
    first = len(s) - count - 1
    outputs = []
    for n in range(s.shape(1)[0]):
        given = [_row(s[1 + i], 0, n) for i in range(first + count)]
        states, data = given[:first], given[first:]
        rows = [[] for _ in range(len(body.output) - first)]
        for step in range(s.shape(1 + first)[1]):
            found = s.subgraph(body, [*states, *(_row(x, 0, step) for x in data)])
            states = found[:first]
            for row, value in zip(rows, found[first:], strict=True):
                row.append(_as_value(s, value))
        stacked = [call("stack", *row, axis=0) for row in rows]
        outputs.append([*(_as_value(s, state) for state in states), *stacked])
    return _outputs([call("stack", *column, axis=0) for column in zip(*outputs, strict=True)])


# --- sequences ----------------------------------------------------------------------------------


@imports("SequenceEmpty")
def _(s):
    return []


@imports("SequenceConstruct")
def _(s):
    return s.all()


def _place(s, i, size, fallback):
    place = s.number(i, fallback)
    if not -size <= place < max(size, 1) and place != size:
        raise IndexError(
            f"onnx: {s.node.op_type} {s.node.name!r}: position is {place}, must be in "
            f"[{-size}, {size}]"
        )
    return place + size if place < 0 else place


@imports("SequenceInsert")
def _(s):
    found = list(s.raw(0))
    found.insert(_place(s, 2, len(found), len(found)), s[1])
    return found


@imports("SequenceErase")
def _(s):
    found = list(s.raw(0))
    del found[_place(s, 1, len(found), -1)]
    return found


@imports("SequenceAt")
def _(s):
    found = s.raw(0)
    return found[_place(s, 1, len(found), None)]


@imports("SequenceLength")
def _(s):
    return np.array(len(s.raw(0)), np.int64)


@imports("ConcatFromSequence")
def _(s):
    axis, found = s.get("axis"), s.raw(0)
    if s.get("new_axis", 0):
        return call("stack", *found, axis=axis)
    return call("concat", *found, dim=axis)


@imports("SplitToSequence")
def _(s):
    axis, keep = s.axis(default=0), s.get("keepdims", 1)
    size = s.shape()[axis]
    sizes = [1] * size
    if s.has(1):
        given = s.known(1)
        sizes = [int(n) for n in given] if given.ndim else None
        if sizes is None:
            step = int(given)
            sizes = [min(step, size - i) for i in range(0, size, step)]
    found = parts(s[0], axis, sizes)
    if not s.has(1) and not keep:
        found = [call("squeeze", x, axis=(axis,)) for x in found]
    return found


# --- values that may be missing -----------------------------------------------------------------


@imports("Optional")
def _(s):
    return s.raw(0) if s.has(0) else None


@imports("OptionalHasElement")
def _(s):
    return np.array(s.has(0) and s.raw(0) is not None)


@imports("OptionalGetElement")
def _(s):
    found = s.raw(0)
    if found is None:
        raise ValueError(f"onnx: {s.node.op_type} {s.node.name!r}: the value is not there")
    return found
