"""Importers of operators that read and write elements at given places."""

import math

import numpy as np

from .importers import call, first, imports


@imports("Gather")
def _(s):
    if s.is_known(1) and not s.shape(1) and s.sizes()[s.axis(default=0)] is not None:
        axis = s.axis(default=0)
        i = int(s.number(1)) % s.sizes()[axis]
        return call(
            "squeeze", call("slice_axis", s[0], axis=axis, begin=i, end=i + 1), axis=(axis,)
        )
    return call("take", s[0], s[1], axis=s.get("axis", 0), mode="wrap")


@imports("OneHot")
def _(s):
    depth, (off, on) = int(s.number(1)), s.known(2)
    dtype = s.known(2).dtype.name
    index = call("mod_scalar", s[0], scalar=depth) if s.dtype().kind != "u" else s[0]
    if s.dtype().kind != "u":  # what lies outside of [-depth, depth) gets no place
        outside = call("np_logical_or", call("np_less_scalar", s[0], scalar=-depth),
                       call("np_greater_equal_scalar", s[0], scalar=depth))  # fmt: skip
        index = call("where", outside, call("full_like", index, fill_value=-1.0), index)
    out = call("one_hot", index, depth=depth, on_value=float(on), off_value=float(off), dtype=dtype)
    ndim = s.ndim() + 1
    axis = s.get("axis", -1) % ndim
    if axis == ndim - 1:
        return out
    order = [*range(axis), ndim - 1, *range(axis, ndim - 1)]
    return call("transpose", out, axes=tuple(order))


def _offsets(shape, axis, sizes):
    """Places in a flattened array of `sizes` of the elements of `shape`, but for one axis."""
    steps = [math.prod(sizes[i + 1 :]) for i in range(len(sizes))]
    found = np.zeros([1] * len(shape), np.int64)
    for i, size in enumerate(shape):
        if i != axis:
            line = [1] * len(shape)
            line[i] = size
            found = found + np.arange(size).reshape(line) * steps[i]
    return found


def _linear(s, index, shape, axis, sizes):
    """Places in the flattened data that indices of one axis mean."""
    index = call("mod_scalar", s.cast(index, np.int64), scalar=sizes[axis])
    step = math.prod(sizes[axis + 1 :])
    if step != 1:
        index = call("multiply_scalar", index, scalar=step)
    return call("add", index, s.constant(_offsets(shape, axis, sizes)))


@imports("GatherElements")
def _(s):
    axis, sizes = s.axis(default=0), s.shape()
    flat = call("reshape", s[0], shape=(-1,))
    return call("take", flat, _linear(s, s[1], s.shape(1), axis, sizes), axis=0, mode="clip")


def _scatter(s, data, index, updates, reduction, sizes):
    """Data (n, ...) with updates (k, ...) at places (k,) of the first axis."""
    place = call("reshape", index, shape=(1, -1))
    if reduction == "none":
        return call("scatter_set_nd", data, updates, place, shape=sizes)
    if reduction == "add" and s.is_floating():
        return call("add", data, call("scatter_add_nd", updates, place, shape=sizes))
    s.needs_values(f"a scatter with the reduction {reduction!r}, which runs on the host,")
    made, at = data.asnumpy().copy(), index.asnumpy().reshape(-1)
    function = {"add": np.add, "mul": np.multiply, "max": np.maximum, "min": np.minimum}[reduction]
    function.at(made, at, updates.asnumpy())
    return made


@imports("ScatterElements", "Scatter")
def _(s):
    axis, sizes = s.axis(default=0), s.shape()
    flat = call("reshape", s[0], shape=(-1,))
    index = call("reshape", _linear(s, s[1], s.shape(1), axis, sizes), shape=(-1,))
    updates = call("reshape", s[2], shape=(-1,))
    total = (math.prod(sizes),)
    out = _scatter(s, flat, index, updates, s.get("reduction", "none"), total)
    return out.reshape(sizes) if isinstance(out, np.ndarray) else call("reshape", out, shape=sizes)


@imports("ScatterND")
def _(s):
    sizes, (*lead, depth) = s.shape(), s.shape(1)
    front, rest = sizes[:depth], sizes[depth:]
    index = _joined(s, s[1], front, len(lead))
    n, k = math.prod(front), math.prod(lead)
    data = call("reshape", s[0], shape=(n, *rest))
    updates = call("reshape", s[2], shape=(k, *rest))
    index = call("reshape", index, shape=(k,))
    out = _scatter(s, data, index, updates, s.get("reduction", "none"), (n, *rest))
    return out.reshape(sizes) if isinstance(out, np.ndarray) else call("reshape", out, shape=sizes)


def _joined(s, index, sizes, axis):
    """Places in flattened axes of `sizes`, from coordinates along axis number `axis` of `index`."""
    steps = [math.prod(sizes[i + 1 :]) for i in range(len(sizes))]
    index = call("mod", s.cast(index, np.int64), s.constant(np.array(sizes, np.int64)))
    index = call("multiply", index, s.constant(np.array(steps, np.int64)))
    return call("sum", index, axis=(axis,))


@imports("GatherND")
def _(s):
    batch, sizes, shape = s.get("batch_dims", 0), s.shape(), s.shape(1)
    depth = shape[-1]
    lead, front, rest = sizes[:batch], sizes[batch : batch + depth], sizes[batch + depth :]
    index = _joined(s, s[1], front, len(shape) - 1)
    total = math.prod(front)
    if batch:
        start = np.arange(math.prod(lead)).reshape(*lead, *[1] * (len(shape) - 1 - batch)) * total
        index = call("add", index, s.constant(start))
    data = call("reshape", s[0], shape=(math.prod(lead) * total, *rest))
    return call("take", data, index, axis=0, mode="clip")


@imports("TensorScatter")
def _(s):
    axis, sizes, new = s.axis(default=-2), s.shape(), s.shape(1)
    starts = s[2] if s.has(2) else s.constant(np.zeros(sizes[0], np.int64))
    line = [1] * len(new)
    line[axis] = new[axis]
    index = call("reshape", s.cast(starts, np.int64), shape=(-1, *[1] * (len(new) - 1)))
    index = call("add", index, s.constant(np.arange(new[axis]).reshape(line)))
    index = call("broadcast_to", index, shape=new)  # "circular": counted round, as _linear does
    flat = call("reshape", s[0], shape=(-1,))
    index = call("reshape", _linear(s, index, new, axis, sizes), shape=(-1,))
    updates = call("reshape", s[1], shape=(-1,))
    out = _scatter(s, flat, index, updates, "none", (math.prod(sizes),))
    return call("reshape", out, shape=sizes)


@imports("TopK")
def _(s):
    count = int(s.number(1)) if s.has(1) else s.get("k")
    axis = s.axis(default=-1)
    values = call("topk", s[0], axis=axis, k=count, ret_typ="both", dtype="int64",
                  is_ascend=not s.get("largest", 1))  # fmt: skip
    return first(values), first(values, 1)


@imports("NonZero")
def _(s):
    s.needs_values()
    return np.stack(np.nonzero(np.atleast_1d(s.known(0)))).astype(np.int64)


@imports("Unique")
def _(s):
    s.needs_values()
    axis = s.get("axis")
    values, index, inverse, counts = np.unique(s.known(0), True, True, True, axis=axis)
    inverse = np.ravel(inverse)
    if not s.get("sorted", 1):
        order = np.argsort(index)
        values, index, counts = np.take(values, order, axis or 0), index[order], counts[order]
        inverse = np.argsort(order)[inverse]
    return values, *(x.astype(np.int64) for x in (index, inverse, counts))


@imports("Compress")
def _(s):
    if not s.is_known(1):
        s.needs_values()
    axis, x = s.get("axis"), s[0]
    if axis is None:
        x, axis = call("reshape", x, shape=(-1,)), 0
    places = np.flatnonzero(s.known(1))
    if not len(places):
        s.needs_values("a part without elements")
        return np.take(s.known(0) if s.get("axis") is not None else np.ravel(s.known(0)),
                       places, axis)  # fmt: skip
    return call("take", x, s.constant(places), axis=axis, mode="clip")


@imports("ReverseSequence")
def _(s):
    time, batch = s.get("time_axis", 0), s.get("batch_axis", 1)
    ndim = s.ndim()
    order = [time, batch, *(i for i in range(ndim) if i not in (time, batch))]
    x = call("transpose", s[0], axes=tuple(order))
    out = call("sequence_reverse", x, s[1], use_sequence_length=True)
    return call("transpose", out, axes=tuple(int(i) for i in np.argsort(order)))
