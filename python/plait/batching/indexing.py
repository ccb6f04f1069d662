"""Rules of operators that take elements at given places, or put them there."""

from .rules import rule
from .step import Operand, apply, move_axis, with_shape


def _numbers(step, shape, dtype):
    """0, 1, ... along the batch axis, in an array of the given shape."""
    array = apply("arange", start=0.0, stop=float(step.size), dtype=dtype)[0]
    first = with_shape(array, (step.size,) + (1,) * (len(shape) - 1))
    return apply("broadcast_to", first, shape=tuple(shape))[0]


def _whole(array):
    return apply("cast", array, dtype="int64")[0]


@rule("take")
def _take(step):
    data, indices = step.operands
    axis, mode = step.attr("axis") % max(data.ndim, 1), step.attr("mode")
    if not indices.batched:
        return step.run(data.array, indices.array, axis=axis + 1)
    if not data.batched:
        return [move_axis(step.run(data.array, indices.array, axis=axis)[0], axis, 0)]
    if mode == "raise" or data.ndim == 0:
        return None
    # All samples as one array of step.size * n rows.
    n = data.shape[axis]
    rows = move_axis(data.array, axis + 1, 1)
    rest = rows.shape[2:]
    rows = with_shape(rows, (step.size * n, *rest))
    places = _whole(indices.array)
    if mode == "clip":
        places = apply("clip", places, a_min=0.0, a_max=float(n - 1))[0]
    else:
        places = apply("mod_scalar", places, scalar=float(n))[0]
    start = apply("multiply_scalar", _numbers(step, places.shape, "int64"), scalar=float(n))[0]
    (found,) = step.run(rows, apply("add", places, start)[0], axis=0)
    for _ in range(indices.ndim if axis else 0):  # the axes of the indices go where the axis was
        found = move_axis(found, 1, indices.ndim + axis)
    return [found]


@rule("pick")
def _pick(step):
    return _picked(step, step.operands[0].ndim)


@rule("pick_backward")
def _pick_backward(step):
    shape = step.attr("shape")
    return _picked(step, len(shape), shape=(step.size, *shape))


def _picked(step, ndim, **changed):
    axis = step.attr("axis")
    axis = ndim if axis is None else step.axis(axis, ndim)
    return step.run(*(o.full(step.size) for o in step.operands), axis=axis, **changed)


@rule("one_hot")
def _one_hot(step):
    return step.run(step.operands[0].array)


@rule("embedding")
def _embedding(step):
    data, weight = step.operands
    return None if weight.batched else step.run(data.array, weight.array)


@rule("searchsorted")
def _searchsorted(step):
    ordered, values = step.operands
    return None if ordered.batched else step.run(ordered.array, values.array)


def _coordinates(step, indices):
    """Coordinates (m, ...) of samples with the number of the sample as the first one."""
    array = move_axis(_whole(indices.full(step.size)), 0, 1)
    first = _numbers(step, array.shape[1:], "int64")
    return apply("concat", with_shape(first, (1, *first.shape)), array, dim=0)[0]


@rule("gather_nd")
def _gather_nd(step):
    data, indices = step.operands
    if not data.batched:
        return step.run(data.array, move_axis(indices.array, 0, 1))
    return step.run(data.array, _coordinates(step, indices))


@rule("scatter_nd", "scatter_add_nd")
def _scatter_nd(step):
    data, indices = step.operands
    shape = (step.size, *step.attr("shape"))
    return step.run(data.full(step.size), _coordinates(step, indices), shape=shape)


@rule("scatter_set_nd")
def _scatter_set_nd(step):
    left, right, indices = step.operands
    whole = left.full(step.size)
    return step.run(
        whole, right.full(step.size), _coordinates(step, indices), shape=tuple(whole.shape)
    )


@rule("gather_axes")
def _gather_axes(step):
    data, *indices = step.operands
    axes, front = step.attr("axes"), step.attr("front")
    count = max(i.ndim for i in indices)
    at = 0 if front else axes[0]
    if not any(i.batched for i in indices):
        arrays = [i.array for i in indices]
        (found,) = step.run(data.array, *arrays, axes=step.axes(axes, data.ndim))
        return [move_axis(found, count if front else 0, 0)]
    arrays = [Operand(_whole(i.array), i.batched).aligned(count) for i in indices]
    if not data.batched:
        return [move_axis(step.run(data.array, *arrays)[0], at, 0)]
    first = _numbers(step, (step.size,) + (1,) * count, "int64")
    shifted = (0, *step.axes(axes, data.ndim))
    (found,) = step.run(data.array, first, *arrays, axes=shifted, front=True)
    for _ in range(count if at else 0):  # (size, indices, rest) to (size, rest, indices, rest)
        found = move_axis(found, 1, count + at)
    return [found]


@rule("gather_axes_backward")
def _gather_axes_backward(step):
    dout, *indices = step.operands
    if step.attr("front") or any(i.batched for i in indices):
        return None
    shape = step.attr("shape")
    axes = step.axes(step.attr("axes"), len(shape))
    arrays = [i.array for i in indices]
    return step.run(dout.array, *arrays, axes=axes, shape=(step.size, *shape))


@rule("assign_axes")
def _assign_axes(step):
    data, value, *indices = step.operands
    if step.attr("front") or any(i.batched for i in indices):
        return None
    axes = step.axes(step.attr("axes"), data.ndim)
    count = max(i.ndim for i in indices) + data.ndim - len(axes)
    arrays = [i.array for i in indices]
    return step.run(data.full(step.size), value.aligned(count), *arrays, axes=axes)


@rule("where")
def _where(step):
    condition, x, y = step.operands
    ndim = len(step.shapes[0])
    shape = step.shapes[0]
    n = condition.shape[0] if condition.ndim == 1 else 1
    if condition.ndim == 1 and ndim > 1 and n == shape[0] and n != shape[-1] and n != 1:
        axis = (n,) + (1,) * (ndim - 1)  # chooses rows
        array = condition.array
        array = with_shape(array, (step.size, *axis) if condition.batched else axis)
        condition = Operand(array, condition.batched)
    elif ndim == 0 and not condition.batched:
        condition = Operand(condition.full(step.size), True)
    return step.finish(step.run(*(o.aligned(ndim) for o in (condition, x, y))))
