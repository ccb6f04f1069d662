"""Choosing elements by conditions and indices."""

from __future__ import annotations

from typing import Any

import numpy as _np

from .. import _gen
from .._array import invoke, operator
from . import _indexing
from . import _operands as _o
from ._axes import broadcast_arrays, broadcast_to, expand_dims, ravel, reshape
from ._creation import arange, empty
from ._reduction import all
from ._reduction import max as _max
from ._reduction import min as _min
from .multiarray import ndarray

__all__ = [
    "where", "nonzero", "argwhere", "flatnonzero", "extract", "compress", "choose", "select",
    "take", "take_along_axis", "put_along_axis", "put", "place", "clip", "tril_indices",
    "triu_indices", "tril_indices_from", "triu_indices_from", "diag_indices", "diag_indices_from",
    "unravel_index", "ravel_multi_index",
]  # fmt: skip

_TAKE, _CLIP = operator("take"), operator("clip")


def _finish(result: Any, out: Any) -> Any:
    return result if out is None else _o.store(result, out)


def where(condition: Any, x: Any = None, y: Any = None) -> Any:
    """`x` where the condition is true, else `y`; without them the places where it is true."""
    condition = _o.array_of(condition)
    if x is None and y is None:
        return nonzero(condition)
    if x is None or y is None:
        raise ValueError("where: x and y must both be given, or none of them")
    x, y = _o.operands(x, y)
    _o.joint_shape("where", condition.shape, x.shape, y.shape)
    return invoke(_o._WHERE, (condition, x, y), (), None, ndarray)


def nonzero(a: Any) -> tuple[Any, ...]:
    """For each axis the indices of the elements that are not 0."""
    return tuple(_indexing.nonzero(_o.array_of(a)))


def argwhere(a: Any) -> Any:
    """The indices of the elements that are not 0, one in each row."""
    a = _o.array_of(a)
    if a.ndim == 0:
        return empty((int(bool(a)), 0), "int64")
    from ._joining import stack

    return stack(nonzero(a), 1)


def flatnonzero(a: Any) -> Any:
    """Places in the flattened array of the elements that are not 0."""
    return nonzero(ravel(_o.array_of(a)))[0]


def extract(condition: Any, arr: Any) -> Any:
    """The elements where the condition is true, as a vector."""
    return take(ravel(_o.array_of(arr)), flatnonzero(condition))


def compress(condition: Any, a: Any, axis: int | None = None, out: Any = None) -> Any:
    """The parts along an axis where a vector of conditions is true."""
    return take(a, flatnonzero(condition), axis, out=out)


def choose(a: Any, choices: Any, out: Any = None, mode: str = "raise") -> Any:
    """For each place the element of the array whose number `a` says."""
    from ._joining import stack

    a, *arrays = broadcast_arrays(a, *choices)
    n = len(arrays)
    if mode == "raise" and a.size and (bool(_min(a) < 0) or bool(_max(a) >= n)):
        raise ValueError(f"choose: a must have numbers in [0, {n - 1}]")
    which = a % n if mode == "wrap" else clip(a, 0, n - 1)
    joint = stack(_o.same_dtype(*arrays))
    return _finish(take_along_axis(joint, expand_dims(which, 0), 0)[0], out)


def select(condlist: Any, choicelist: Any, default: Any = 0) -> Any:
    """For each place the element of the first array whose condition is true there."""
    if len(condlist) != len(choicelist) or not len(condlist):
        raise ValueError("select: condlist and choicelist must have one length, at least 1")
    *arrays, result = _o.operands(*choicelist, default)
    for condition, array in zip(reversed(condlist), reversed(arrays), strict=True):
        result = where(condition, array, result)
    return result


def take(
    a: Any, indices: Any, axis: int | None = None, out: Any = None, mode: str = "raise"
) -> Any:
    """Elements along an axis at the given indices; None: of the flattened array.

    Parameters
    ----------
    mode : str
        Indices out of range: "raise" refuses, "wrap" counts round, "clip" takes the border.
    """
    a = _o.array_of(a)
    if axis is None:
        a, axis = ravel(a), 0
    indices = (
        _indexing._index_array(indices)
        if not _o.is_scalar(indices)
        else _o.number(indices, "int64")
    )
    result = invoke(_TAKE, (a, indices), (_o.axes_of(axis, a.ndim)[0], mode), None, ndarray)
    return _finish(result, out)


def _along(a: Any, indices: Any, axis: int) -> tuple[Any, ...]:
    """The index that picks `indices` along an axis and the same places of the others."""
    index: list[Any] = [
        reshape(arange(n, dtype="int64"), [-1 if i == j else 1 for j in range(a.ndim)])
        for i, n in enumerate(a.shape)
    ]
    index[axis] = indices
    return tuple(index)


def take_along_axis(arr: Any, indices: Any, axis: int | None = -1) -> Any:
    """For each place the element at the index that is given for it along an axis."""
    arr, indices = _o.array_of(arr), _o.array_of(indices)
    if axis is None:
        arr, axis = ravel(arr), 0
    if indices.ndim != arr.ndim:
        raise ValueError(f"take_along_axis: indices has {indices.ndim} axes, must have {arr.ndim}")
    (axis,) = _o.axes_of(axis, arr.ndim)
    shape = [
        i if n == 1 and k != axis else n
        for k, (n, i) in enumerate(zip(arr.shape, indices.shape, strict=True))
    ]
    shape[axis] = arr.shape[axis]
    return _indexing.get(broadcast_to(arr, shape), _along(broadcast_to(arr, shape), indices, axis))


def put_along_axis(arr: Any, indices: Any, values: Any, axis: int | None) -> None:
    """Write values where `take_along_axis` would read, in place."""
    if axis is None:
        arr, axis = _flat_view(arr, "put_along_axis"), 0
    (axis,) = _o.axes_of(axis, arr.ndim)
    arr[_along(arr, _o.array_of(indices), axis)] = values


def _flat_view(a: Any, name: str) -> Any:
    flat = ravel(a)
    if not flat.shares_memory(a):
        raise ValueError(f"{name}: array has gaps in memory, must be contiguous")
    return flat


def put(a: Any, ind: Any, v: Any, mode: str = "raise") -> None:
    """Write values at places of the flattened array, in place."""
    a = _o.ours(a, "put")
    ind = ravel(_o.array_of(_np.asarray(ind)) if not isinstance(ind, _o.Array) else ind)
    if mode != "raise":
        ind = ind % a.size if mode == "wrap" else clip(ind, 0, a.size - 1)
    if not _o.is_scalar(v):
        from ._axes import resize

        v = resize(_o.array_of(v), (ind.size,))
    _flat_view(a, "put")[ind] = v


def place(arr: Any, mask: Any, vals: Any) -> None:
    """Write values one after another where the mask is true, in place."""
    put(arr, flatnonzero(mask), vals)


def clip(a: Any, a_min: Any = None, a_max: Any = None, out: Any = None, *, min: Any = None,
         max: Any = None) -> Any:  # fmt: skip
    """Numbers moved into [a_min, a_max]; None: no bound on this side."""
    low = min if a_min is None else a_min
    high = max if a_max is None else a_max
    a = _o.array_of(a)
    if _o.is_floating(a) and _o.is_scalar(low) and _o.is_scalar(high):
        result = invoke(_CLIP, (a,), (float(low), float(high)), None, ndarray)
    else:
        result = a if low is None else _gen.np.maximum(a, low)
        result = result if high is None else _gen.np.minimum(result, high)
        result = result.copy() if result is a else result
    return _finish(result, out)


def _both(grid: Any) -> tuple[Any, ...]:
    return tuple(_o.from_numpy(g.astype("int64")) for g in grid)


def tril_indices(n: int, k: int = 0, m: int | None = None) -> tuple[Any, ...]:
    """Rows and columns on and below diagonal `k` of an (n, m) matrix."""
    return _both(_np.tril_indices(n, k, m))


def triu_indices(n: int, k: int = 0, m: int | None = None) -> tuple[Any, ...]:
    """Rows and columns on and above diagonal `k` of an (n, m) matrix."""
    return _both(_np.triu_indices(n, k, m))


def tril_indices_from(arr: Any, k: int = 0) -> tuple[Any, ...]:
    """`tril_indices` for a matrix."""
    arr = _o.array_of(arr)
    return tril_indices(arr.shape[-2], k, arr.shape[-1])


def triu_indices_from(arr: Any, k: int = 0) -> tuple[Any, ...]:
    """`triu_indices` for a matrix."""
    arr = _o.array_of(arr)
    return triu_indices(arr.shape[-2], k, arr.shape[-1])


def diag_indices(n: int, ndim: int = 2) -> tuple[Any, ...]:
    """The index of the main diagonal of an array of `ndim` axes of size `n`."""
    return (arange(n, dtype="int64"),) * ndim


def diag_indices_from(arr: Any) -> tuple[Any, ...]:
    """`diag_indices` for an array."""
    if arr.ndim < 2 or len(set(arr.shape)) != 1:
        raise ValueError(
            f"diag_indices_from: arr has shape {arr.shape}, must have axes of one size"
        )
    return diag_indices(arr.shape[0], arr.ndim)


def unravel_index(indices: Any, shape: Any, order: str = "C") -> Any:
    """Places of the flattened array as one index for each axis."""
    if order != "C":
        raise NotImplementedError(f"unravel_index: order is {order!r}, must be 'C'")
    if _o.is_scalar(indices):
        return _np.unravel_index(indices, shape)
    indices = _o.array_of(indices)
    sizes = _o.shape_of(shape)
    total = int(_np.prod(sizes, dtype="int64"))
    if indices.size and not bool(all((indices >= 0) & (indices < total))):
        raise ValueError(f"unravel_index: indices must be in [0, {total - 1}]")
    found = []
    for n in reversed(sizes):
        found.append(indices % n)
        indices = indices // n
    return tuple(reversed(found))


def ravel_multi_index(multi_index: Any, dims: Any, mode: str = "raise", order: str = "C") -> Any:
    """The reverse of `unravel_index`."""
    from ._dispatch import by_numpy

    return by_numpy(_np.ravel_multi_index, tuple(multi_index), tuple(dims), mode, order)
