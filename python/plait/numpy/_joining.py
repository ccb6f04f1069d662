"""Joining arrays and taking them apart."""

from __future__ import annotations

from typing import Any

import numpy as _np

from .._array import invoke, operator
from . import _operands as _o
from ._axes import atleast_1d, atleast_2d, atleast_3d, moveaxis, ravel, reshape
from .multiarray import ndarray

__all__ = [
    "concatenate", "concat", "stack", "vstack", "row_stack", "hstack", "dstack", "column_stack",
    "block", "split", "array_split", "vsplit", "hsplit", "dsplit", "append", "insert", "delete",
    "trim_zeros",
]  # fmt: skip

_CONCAT, _STACK, _TAKE = operator("concat"), operator("stack"), operator("take")


def _given(arrays: Any) -> list[Any]:
    return [_o.array_of(a) for a in arrays]


def concatenate(seq: Any, axis: int | None = 0, out: Any = None, dtype: Any = None,
                casting: str = "same_kind") -> Any:  # fmt: skip
    """Arrays joined along an axis; None: flattened first."""
    arrays = _given(seq)
    if axis is None:
        arrays, axis = [ravel(a) for a in arrays], 0
    if not arrays:
        raise ValueError("concatenate: seq is empty, must have at least one array")
    if any(a.ndim == 0 for a in arrays):
        raise ValueError("concatenate: an array has no axes, must have at least 1")
    if dtype is not None:
        arrays = [_o.cast(a, _o.named(dtype)) for a in arrays]
    result = invoke(_CONCAT, tuple(arrays), (int(axis),), None, ndarray)
    return result if out is None else _o.store(result, out)


def concat(arrays: Any, /, *, axis: int | None = 0) -> Any:
    """Arrays joined along an axis; None: flattened first."""
    return concatenate(arrays, axis)


def stack(arrays: Any, axis: int = 0, out: Any = None) -> Any:
    """Arrays of one shape joined along a new axis."""
    result = invoke(_STACK, tuple(_given(arrays)), (int(axis),), None, ndarray)
    return result if out is None else _o.store(result, out)


def _listed(result: Any) -> list[Any]:
    return result if isinstance(result, list) else [result]


def vstack(arrays: Any, out: Any = None) -> Any:
    """Arrays joined along the first axis; vectors are rows."""
    return concatenate(_listed(atleast_2d(*arrays)), 0, out)


row_stack = vstack


def hstack(arrays: Any) -> Any:
    """Arrays joined along the second axis; vectors along the first."""
    arrays = _listed(atleast_1d(*arrays))
    return concatenate(arrays, 0 if arrays and arrays[0].ndim == 1 else 1)


def dstack(arrays: Any) -> Any:
    """Arrays joined along the third axis."""
    return concatenate(_listed(atleast_3d(*arrays)), 2)


def column_stack(tup: Any) -> Any:
    """Vectors as columns of a matrix, next to matrices."""
    arrays = [a if a.ndim > 1 else reshape(a, (-1, 1)) for a in _given(tup)]
    return concatenate(arrays, 1)


def block(arrays: Any) -> Any:
    """An array from nested lists of blocks: the innermost lists are joined along the last axis."""

    def depth(item: Any) -> int:
        return 1 + max((depth(i) for i in item), default=0) if isinstance(item, list) else 0

    levels = depth(arrays)

    def leaves(item: Any) -> list[Any]:
        return (
            [x for i in item for x in leaves(i)] if isinstance(item, list) else [_o.array_of(item)]
        )

    rank = max(levels, max(a.ndim for a in leaves(arrays)))

    def join(item: Any, level: int) -> Any:
        if not isinstance(item, list):
            a = _o.array_of(item)
            return reshape(a, (1,) * (rank - a.ndim) + tuple(a.shape))
        return concatenate([join(i, level + 1) for i in item], rank - levels + level)

    return join(arrays, 0)


def _pieces(ary: Any, bounds: list[int], axis: int) -> list[Any]:
    key = [slice(None)] * ary.ndim
    pieces = []
    for begin, end in zip(bounds[:-1], bounds[1:], strict=True):
        key[axis] = slice(begin, end)
        pieces.append(ary[tuple(key)])
    return pieces


def array_split(ary: Any, indices_or_sections: Any, axis: int = 0) -> list[Any]:
    """Views of the parts of an array along an axis; their sizes may differ by one."""
    ary = _o.array_of(ary)
    (axis,) = _o.axes_of(axis, ary.ndim)
    n = ary.shape[axis]
    if not hasattr(indices_or_sections, "__index__"):
        cuts = [int(i) for i in indices_or_sections]
        return _pieces(ary, [0, *cuts, n], axis)
    sections = int(indices_or_sections)
    if sections < 1:
        raise ValueError(f"array_split: indices_or_sections is {sections}, must be >= 1")
    short, longer = divmod(n, sections)
    sizes = [short + 1] * longer + [short] * (sections - longer)
    return _pieces(ary, [0, *_np.cumsum(sizes).tolist()], axis)


def split(ary: Any, indices_or_sections: Any, axis: int = 0) -> list[Any]:
    """Views of the parts of an array along an axis: equal ones, or cut at the given places.

    Raises
    ------
    ValueError
        The number of sections does not divide the size of the axis.
    """
    ary = _o.array_of(ary)
    (place,) = _o.axes_of(axis, ary.ndim)
    if hasattr(indices_or_sections, "__index__"):
        n = int(indices_or_sections)
        if n < 1 or ary.shape[place] % n:
            raise ValueError(
                f"split: indices_or_sections is {n}, must divide the size "
                f"{ary.shape[place]} of axis {axis}"
            )
    return array_split(ary, indices_or_sections, axis)


def vsplit(ary: Any, indices_or_sections: Any) -> list[Any]:
    """`split` along the first axis of an array with at least two."""
    if _o.array_of(ary).ndim < 2:
        raise ValueError("vsplit: ary must have at least 2 axes")
    return split(ary, indices_or_sections, 0)


def hsplit(ary: Any, indices_or_sections: Any) -> list[Any]:
    """`split` along the second axis; of vectors along the first."""
    ary = _o.array_of(ary)
    if ary.ndim < 1:
        raise ValueError("hsplit: ary must have at least 1 axis")
    return split(ary, indices_or_sections, 0 if ary.ndim == 1 else 1)


def dsplit(ary: Any, indices_or_sections: Any) -> list[Any]:
    """`split` along the third axis."""
    if _o.array_of(ary).ndim < 3:
        raise ValueError("dsplit: ary must have at least 3 axes")
    return split(ary, indices_or_sections, 2)


def append(arr: Any, values: Any, axis: int | None = None) -> Any:
    """Values joined behind an array along an axis; None: both flattened."""
    arr, values = _o.operands(arr, values)
    return concatenate([arr, values], axis)


def _places(obj: Any, n: int) -> Any:
    """An index as NumPy indices on [0, n)."""
    if isinstance(obj, slice):
        return _np.arange(*obj.indices(n))
    data = _o.to_numpy(obj)
    return data if data.dtype == bool else data.astype("int64")


def _taken(a: Any, places: Any, axis: int) -> Any:
    index = _o.from_numpy(_np.ascontiguousarray(places))
    return invoke(_TAKE, (a, index), (axis, "clip"), None, ndarray)


def delete(arr: Any, obj: Any, axis: int | None = None) -> Any:
    """The array without the given indices of an axis; None: of the flattened array."""
    arr = _o.array_of(arr)
    if axis is None:
        arr, axis = ravel(arr), 0
    (axis,) = _o.axes_of(axis, arr.ndim)
    kept = _np.delete(_np.arange(arr.shape[axis]), _places(obj, arr.shape[axis]))
    return _taken(arr, kept, axis)


def insert(arr: Any, obj: Any, values: Any, axis: int | None = None) -> Any:
    """The array with values put before indices of an axis; None: of the flattened array."""
    arr = _o.array_of(arr)
    if axis is None:
        arr, axis = ravel(arr), 0
    (axis,) = _o.axes_of(axis, arr.ndim)
    n = arr.shape[axis]
    places = _places(obj, n)
    single = places.ndim == 0
    new = _o.cast(_o.array_of(values), arr.dtype_name)
    # Where the elements of [arr, values] come to lie, as NumPy finds it for their numbers.
    count = int(places.sum()) if places.dtype == bool else places.size
    rest = [d for i, d in enumerate(arr.shape) if i != axis]
    if single and new.ndim and axis == 0 and new.ndim == arr.ndim:
        count = new.shape[0]
    if single:
        new = moveaxis(reshape(new, (1,) * (arr.ndim - new.ndim) + tuple(new.shape)), 0, axis)
        count = new.shape[axis]
        places = _np.full(count, int(places))
    shape = rest[:axis] + [count] + rest[axis:]
    from ._axes import broadcast_to

    both = concatenate([arr, broadcast_to(new, shape)], axis)
    order = _np.insert(_np.arange(n), places, n + _np.arange(count))
    return _taken(both, order, axis)


def trim_zeros(filt: Any, trim: str = "fb") -> Any:
    """A vector without zeros at the front ("f") and the back ("b")."""
    filt = _o.array_of(filt)
    (places,) = _np.nonzero(filt.asnumpy())
    begin = int(places[0]) if places.size and "f" in trim.lower() else 0
    end = int(places[-1]) + 1 if places.size and "b" in trim.lower() else len(filt)
    return filt[begin:end] if places.size else filt[:0]
