"""Functions that keep the elements and change the axes."""

from __future__ import annotations

from typing import Any

import numpy as _np

from .._array import invoke, operator
from . import _operands as _o
from .multiarray import ndarray

__all__ = [
    "reshape", "ravel", "transpose", "permute_dims", "matrix_transpose", "moveaxis", "rollaxis",
    "swapaxes", "expand_dims", "squeeze", "broadcast_to", "broadcast_arrays", "broadcast_shapes",
    "atleast_1d", "atleast_2d", "atleast_3d", "flip", "fliplr", "flipud", "rot90", "roll", "tril",
    "triu", "diagonal", "trace", "resize", "unstack", "tile", "repeat", "fill_diagonal",
    "shape", "ndim", "size", "shares_memory", "may_share_memory",
]  # fmt: skip

_RESHAPE, _TRANSPOSE, _FLIP = operator("view_shape"), operator("transpose"), operator("flip")
_EXPAND, _DIAGONAL = operator("expand_dims"), operator("diagonal")
_TRIL, _TRIU, _TAKE = operator("tril"), operator("triu"), operator("take")
_TILE, _REPEAT = operator("tile"), operator("repeat")


def _view(op: Any, x: Any, *attrs: Any) -> Any:
    return invoke(op, (_o.array_of(x),), attrs, None, ndarray, True)


def shape(a: Any) -> tuple[int, ...]:
    """Sizes of the axes."""
    return tuple(a.shape) if hasattr(a, "shape") else _np.shape(a)


def ndim(a: Any) -> int:
    """Number of axes."""
    return len(shape(a))


def size(a: Any, axis: Any = None) -> int:
    """Number of elements, of all or along an axis."""
    sizes = shape(a)
    return int(_np.prod([sizes[i] for i in _o.axes_of(axis, len(sizes))], dtype="int64"))


def reshape(a: Any, newshape: Any = None, order: str = "C", *, shape: Any = None,
            copy: bool | None = None) -> Any:  # fmt: skip
    """The elements in another shape; one size may be -1. A view where the memory allows it.

    Raises
    ------
    ValueError
        The shape does not hold the elements, or `order` is not "C".
    """
    if order not in ("C", "K", "A"):
        raise NotImplementedError(f"reshape: order is {order!r}, must be 'C'")
    wanted = _o.shape_of(shape if newshape is None else newshape)
    a = _o.array_of(a)
    result = _view(_RESHAPE, a, wanted)
    if copy:
        return result.copy()
    if copy is False and not result.shares_memory(a):
        raise ValueError("reshape: copy is False, must be True for this memory layout")
    return result


def ravel(a: Any, order: str = "C") -> Any:
    """The elements as a vector; a view where the memory allows it."""
    return reshape(a, -1, order)


def transpose(a: Any, axes: Any = None) -> Any:
    """A view with the axes in another order; default: reversed."""
    return _view(_TRANSPOSE, a, () if axes is None else tuple(axes))


def permute_dims(a: Any, axes: Any = None) -> Any:
    """A view with the axes in another order."""
    return transpose(a, axes)


def matrix_transpose(x: Any, /) -> Any:
    """A view with the last two axes exchanged."""
    return _o.array_of(x).mT


def moveaxis(a: Any, source: Any, destination: Any) -> Any:
    """A view with some axes moved to other places."""
    a = _o.array_of(a)
    origin = _o.axes_of(source, a.ndim, "source")
    target = _o.axes_of(destination, a.ndim, "destination")
    if len(origin) != len(target):
        raise ValueError("moveaxis: source and destination must name equally many axes")
    order = [n for n in range(a.ndim) if n not in origin]
    for to, axis in sorted(zip(target, origin, strict=True)):
        order.insert(to, axis)
    return transpose(a, order) if a.ndim else a


def rollaxis(a: Any, axis: int, start: int = 0) -> Any:
    """A view with one axis moved before the place `start`."""
    a = _o.array_of(a)
    (axis,) = _o.axes_of(axis, a.ndim)
    start += a.ndim if start < 0 else 0
    if not 0 <= start <= a.ndim:
        raise ValueError(f"rollaxis: start is {start}, must be in [0, {a.ndim}]")
    return moveaxis(a, axis, start - 1 if start > axis else start)


def swapaxes(a: Any, axis1: int, axis2: int) -> Any:
    """A view with two axes exchanged."""
    a = _o.array_of(a)
    first, second = _o.axes_of(axis1, a.ndim)[0], _o.axes_of(axis2, a.ndim)[0]
    order = list(range(a.ndim))
    order[first], order[second] = second, first
    return transpose(a, order)


def expand_dims(a: Any, axis: Any = 0) -> Any:
    """A view with new axes of size 1 at the given places of the result."""
    a = _o.array_of(a)
    count = 1 if hasattr(axis, "__index__") else len(tuple(axis))
    for place in sorted(_o.axes_of(axis, a.ndim + count)):
        a = _view(_EXPAND, a, place)
    return a


def squeeze(a: Any, axis: Any = None) -> Any:
    """A view without axes of size 1: all, or the given ones.

    Raises
    ------
    ValueError
        An axis that is named has another size.
    """
    a = _o.array_of(a)
    if axis is None:
        gone = {i for i, n in enumerate(a.shape) if n == 1}
    else:
        gone = set(_o.axes_of(axis, a.ndim))
        for i in gone:
            if a.shape[i] != 1:
                raise ValueError(f"squeeze: axis {i} has size {a.shape[i]}, must have size 1")
    return _view(_RESHAPE, a, tuple(n for i, n in enumerate(a.shape) if i not in gone))


def broadcast_to(array: Any, shape: Any, subok: bool = False) -> Any:
    """A view stretched to a shape."""
    array, shape = _o.array_of(array), _o.shape_of(shape)
    if _o.joint_shape("broadcast_to", array.shape, shape) != shape:
        raise ValueError(f"broadcast_to: array has shape {array.shape}, must broadcast to {shape}")
    return _view(_o._BROADCAST, array, shape) if 0 not in shape else _empty_view(array, shape)


def _empty_view(array: Any, shape: tuple[int, ...]) -> Any:
    from ._creation import empty

    return empty(shape, array.dtype_name)


def broadcast_shapes(*shapes: Any) -> tuple[int, ...]:
    """The shape that all of the shapes broadcast to."""
    return _o.joint_shape("broadcast_shapes", *shapes)


def broadcast_arrays(*args: Any, subok: bool = False) -> list[Any]:
    """Views of the arrays stretched to their common shape."""
    arrays = [_o.array_of(a) for a in args]
    joint = _o.joint_shape("broadcast_arrays", *[a.shape for a in arrays])
    return [broadcast_to(a, joint) for a in arrays]


def _at_least(arrays: tuple[Any, ...], grow: Any) -> Any:
    results = [grow(_o.array_of(a)) for a in arrays]
    return results[0] if len(results) == 1 else results


def atleast_1d(*arys: Any) -> Any:
    """The arrays with at least one axis."""
    return _at_least(arys, lambda a: a if a.ndim else reshape(a, 1))


def atleast_2d(*arys: Any) -> Any:
    """The arrays with at least two axes; vectors become rows."""
    return _at_least(arys, lambda a: a if a.ndim > 1 else reshape(a, (1, -1)))


def atleast_3d(*arys: Any) -> Any:
    """The arrays with at least three axes; matrices get one behind."""

    def grow(a: Any) -> Any:
        if a.ndim > 2:
            return a
        return reshape(a, (*a.shape, 1) if a.ndim == 2 else (1, -1, 1))

    return _at_least(arys, grow)


def flip(m: Any, axis: Any = None, out: Any = None) -> Any:
    """A view with the elements along axes in reverse order."""
    m = _o.array_of(m)
    result = _view(_FLIP, m, _o.axes_of(axis, m.ndim)) if m.ndim else m
    return result if out is None else _o.store(result, out)


def flipud(m: Any) -> Any:
    """A view with the first axis in reverse order."""
    return flip(m, 0)


def fliplr(m: Any) -> Any:
    """A view with the second axis in reverse order."""
    return flip(m, 1)


def rot90(m: Any, k: int = 1, axes: Any = (0, 1)) -> Any:
    """A view turned by `k` times 90 degrees, from the first axis towards the second."""
    m = _o.array_of(m)
    first, second = _o.axes_of(axes, m.ndim, "axes")
    turns = k % 4
    if turns == 0:
        return m
    if turns == 2:
        return flip(m, (first, second))
    return swapaxes(flip(m, second), first, second) if turns == 1 else flip(
        swapaxes(m, first, second), second
    )  # fmt: skip


def roll(a: Any, shift: Any, axis: Any = None) -> Any:
    """The elements moved on by `shift` places along axes; the last ones come first."""
    from ._joining import concatenate

    a = whole = _o.array_of(a)
    if axis is None:
        return reshape(roll(ravel(a), shift, 0), a.shape)
    axes = _o.axes_of(axis, a.ndim) if hasattr(axis, "__index__") else tuple(axis)
    shifts = (shift,) * len(axes) if hasattr(shift, "__index__") else tuple(shift)
    if len(axes) == 1:
        axes = axes * len(shifts)
    if len(axes) != len(shifts):
        raise ValueError(f"roll: shift is {shift}, must have one entry for each of axis {axis}")
    for s, x in zip(shifts, axes, strict=True):
        n = a.shape[x]
        cut = -int(s) % n if n else 0
        if cut:
            left = [slice(None)] * a.ndim
            right = list(left)
            left[x], right[x] = slice(cut, None), slice(None, cut)
            a = concatenate([a[tuple(left)], a[tuple(right)]], x)
    return a.copy() if a is whole else a


def tril(m: Any, k: int = 0) -> Any:
    """The elements on and below diagonal `k`, 0 above it."""
    return _o.run(_TRIL, (m,), (int(k),))


def triu(m: Any, k: int = 0) -> Any:
    """The elements on and above diagonal `k`, 0 below it."""
    return _o.run(_TRIU, (m,), (int(k),))


def diagonal(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """A view of the diagonals of two axes, as the last axis."""
    return _view(_DIAGONAL, a, int(offset), int(axis1), int(axis2))


def trace(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: Any = None,
          out: Any = None) -> Any:  # fmt: skip
    """Sum of the diagonals of two axes."""
    from ._reduction import sum

    return sum(diagonal(a, offset, axis1, axis2), -1, dtype, out)


def fill_diagonal(a: Any, val: Any, wrap: bool = False) -> None:
    """Write `val` on the main diagonal, in place."""
    if _o.ours(a, "fill_diagonal").ndim < 2:
        raise ValueError(f"fill_diagonal: a has shape {a.shape}, must have at least 2 axes")
    if a.ndim == 2 and not wrap:
        diagonal(a)[...] = (
            _o.array_of(val).reshape(-1)[: min(a.shape)] if not _o.is_scalar(val) else val
        )
        return
    if a.ndim > 2 and len(set(a.shape)) != 1:
        raise ValueError(f"fill_diagonal: a has shape {a.shape}, must have axes of one size")
    step = (
        a.shape[1] + 1
        if a.ndim == 2
        else sum(int(_np.prod(a.shape[i:])) for i in range(1, a.ndim)) + 1
    )
    flat = ravel(a)
    if not flat.shares_memory(a):
        raise ValueError("fill_diagonal: a has gaps in memory, must be contiguous")
    flat[::step] = val


def resize(a: Any, new_shape: Any) -> Any:
    """The elements over and over again until the new shape is full."""
    a, wanted = ravel(a), _o.shape_of(new_shape)
    total = int(_np.prod(wanted, dtype="int64"))
    if total == 0 or a.size == 0:
        from ._creation import zeros

        return zeros(wanted, a.dtype_name)
    return reshape(tile(a, -(-total // a.size))[:total], wanted)


def unstack(x: Any, /, *, axis: int = 0) -> tuple[Any, ...]:
    """The parts of an array along an axis, without it."""
    return tuple(moveaxis(x, axis, 0))


def tile(A: Any, reps: Any) -> Any:
    """The array repeated as a whole along each axis."""
    return _o.run(_TILE, (A,), (_o.shape_of(reps),))


def repeat(a: Any, repeats: Any, axis: int | None = None) -> Any:
    """Each element several times along an axis; default: of the flattened array."""
    a = _o.array_of(a)
    if axis is None:
        a, axis = ravel(a), 0
    (axis,) = _o.axes_of(axis, a.ndim)
    if hasattr(repeats, "__index__"):
        n = repeats.__index__()
        if n < 0:
            raise ValueError(f"repeat: repeats is {n}, must be >= 0")
        return invoke(_REPEAT, (a,), (n, axis), None, ndarray)
    counts = _o.to_numpy(repeats)
    counts = _np.broadcast_to(counts.astype("int64"), (a.shape[axis],))
    places = _o.from_numpy(_np.repeat(_np.arange(a.shape[axis]), counts))
    return invoke(_TAKE, (a, places), (axis, "clip"), None, ndarray)


def shares_memory(a: Any, b: Any, max_work: Any = None) -> bool:
    """True if the two arrays have elements in common memory."""
    a, b = _o.ours(a, "shares_memory"), _o.ours(b, "shares_memory")
    if not a.shares_memory(b) or a.size == 0 or b.size == 0:
        return False
    return bool(_np.shares_memory(_np.asarray(memoryview(a)), _np.asarray(memoryview(b)), max_work))


def may_share_memory(a: Any, b: Any, max_work: Any = None) -> bool:
    """True if the two arrays lie in the same piece of memory."""
    return bool(_o.ours(a, "may_share_memory").shares_memory(_o.ours(b, "may_share_memory")))
