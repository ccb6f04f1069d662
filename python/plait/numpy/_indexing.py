"""Reading and writing parts of arrays: slices are views, arrays of indices are gathered."""

from __future__ import annotations

from typing import Any

import numpy as _np

from .._array import invoke, operator
from .._indexing import basic_view
from ..ndarray.ndarray import check_writable
from . import _operands as _o

_FULL = slice(None)
_INDEX, _RESHAPE = operator("basic_index"), operator("view_shape")
_COUNT, _PLACES = operator("count_nonzero"), operator("nonzero_places")
_GATHER, _ASSIGN = operator("gather_axes"), operator("assign_axes")
_FULL_OF = operator("full")
_EXACT = 2**53  # whole numbers up to here are exact as float64


def _is_int(k: Any) -> bool:
    return isinstance(k, (int, _np.integer)) and not isinstance(k, (bool, _np.bool_))


def _is_bool(k: Any) -> bool:
    return isinstance(k, (bool, _np.bool_))


def nonzero(x: Any) -> list[Any]:
    """For each axis the indices of the elements that are not 0; waits for the content."""
    if x.ndim == 0:
        raise ValueError("nonzero: array has no axes, must have at least 1")
    n = int(invoke(_COUNT, (x,), (), None, _o.cls).asnumpy())
    places = invoke(_PLACES, (x,), (n,), None, _o.cls)
    return [get(places, axis) for axis in range(x.ndim)]


def _expand(key: Any, x: Any) -> list[Any]:
    """Entries that stand for all axes: slices, None, integers, bools and arrays; no ellipsis."""
    entries = list(key) if isinstance(key, tuple) else [key]
    used, dots = 0, None
    for i, k in enumerate(entries):
        if isinstance(k, (list, range, _np.ndarray)) or (
            hasattr(k, "__array__") and not _o.is_scalar(k)
        ):
            k = entries[i] = _index_array(k)
            used += k.ndim if k.dtype_name == "bool" else 1
        elif k is Ellipsis:
            if dots is not None:
                raise IndexError("index has two ellipses, must have at most one")
            dots = i
        elif isinstance(k, slice) or _is_int(k):
            used += 1
        elif k is not None and not _is_bool(k):
            raise IndexError(
                f"index is {k!r}, must be an integer, slice, ellipsis, None or an array of "
                "integers or bools"
            )
    if used > x.ndim:
        raise IndexError(f"index has {used} entries, must be at most {x.ndim} for shape {x.shape}")
    missing = [_FULL] * (x.ndim - used)
    if dots is None:
        return entries + missing
    return entries[:dots] + missing + entries[dots + 1 :]


def _index_array(k: Any) -> Any:
    """An array of whole numbers or bools; floating ones are cut to whole numbers, as in MXNet."""
    if not isinstance(k, _o.Array):
        data = _np.asarray(k)
        if data.size == 0 and data.dtype != bool:
            data = data.astype("int64")
        return _o.from_numpy(data)
    k = _o.array_of(k)
    return _o.cast(k, "int64") if _o.is_floating(k) else k


def _inside(k: Any, x: Any, axis: int) -> int:
    """An integer index after a look at the size of its axis."""
    n = x.shape[axis]
    if not -n <= k < n:
        raise IndexError(
            f"index is {k}, must be in [{-n}, {n - 1}] for axis {axis} of shape {x.shape}"
        )
    return int(k)


def _view(x: Any, entries: list[Any]) -> Any:
    """The view for slices, integers and None that stand for all axes."""
    begin: list[int] = []
    end: list[int] = []
    step: list[int] = []
    squeeze: list[int] = []
    shape: list[int] = []
    for k in entries:
        if k is None:
            shape.append(1)
            continue
        axis = len(begin)
        n = x.shape[axis]
        if isinstance(k, slice):
            b, e, s = k.indices(n)
            shape.append(len(range(b, e, s)))
        else:
            b, s = _inside(k, x, axis) % n, 1
            e = b + 1
            squeeze.append(axis)
        begin.append(b)
        end.append(e)
        step.append(s)
    if None not in entries and not squeeze and all(k == _FULL for k in entries):
        return invoke(_RESHAPE, (x,), (x.shape,), None, type(x), True)
    attrs = (tuple(begin), tuple(end), tuple(step), tuple(squeeze))
    part = invoke(_INDEX, (x,), attrs, None, type(x), True)
    return (
        invoke(_RESHAPE, (part,), (tuple(shape),), None, type(x), True) if None in entries else part
    )


class _Selection:
    """An index with arrays: a view, arrays of indices, the axes of the view that they select from,
    and whether their axes come first in the result."""

    def __init__(self, x: Any, entries: list[Any]) -> None:
        view: list[Any] = []
        self.axes: list[int] = []
        self.indices: list[Any] = []
        axis = 0  # of x
        for k in entries:
            if _is_bool(k):  # a new axis of size 1 from which all or nothing is taken
                self._add(view, None, _o.from_numpy(_np.zeros(int(bool(k)), "int64")))
                continue
            if k is None or isinstance(k, slice):
                view.append(k)
            elif _is_int(k):
                self._add(view, _FULL, _o.number(_inside(k, x, axis), "int64"))
            elif k.dtype_name == "bool":
                if k.shape != x.shape[axis : axis + k.ndim]:
                    raise IndexError(
                        f"mask has shape {k.shape}, must be {x.shape[axis : axis + k.ndim]}"
                    )
                for places in nonzero(k):
                    self._add(view, _FULL, places)
                axis += k.ndim - 1
            else:
                self._add(view, _FULL, k)
            axis += k is not None
        self.part = _view(x, view)
        self.front = self.axes[-1] - self.axes[0] >= len(self.axes)

    def _add(self, view: list[Any], entry: Any, indices: Any) -> None:
        self.axes.append(len(view))
        self.indices.append(indices)
        view.append(entry)


def _is_basic(entries: list[Any]) -> bool:
    return all(k is None or isinstance(k, slice) or _is_int(k) for k in entries)


def _plain(k: Any) -> Any:
    """An array of no axes as the integer or bool that it holds; other entries stay."""
    if not isinstance(k, _o.Array) or k.ndim:
        return k
    value = _o.to_numpy(k)
    return bool(value) if k.dtype_name == "bool" else int(value)


def _entries(x: Any, key: Any) -> list[Any]:
    return [_plain(k) for k in _expand(key, x)]


def get(x: Any, key: Any) -> Any:
    """`x[key]`: a view for integers, slices, None and an ellipsis, else a copy."""
    view = basic_view(x, key)
    if view is not None:
        return view
    entries = _entries(x, key)
    if _is_basic(entries):
        return _view(x, entries)
    x, entries = _flattened(x, entries)
    s = _Selection(x, entries)
    return invoke(_GATHER, (s.part, *s.indices), (tuple(s.axes), s.front), None, type(x))


def _flattened(x: Any, entries: list[Any]) -> tuple[Any, list[Any]]:
    """The same with one axis and a vector for a mask of several axes that stands alone in front."""
    mask, n = entries[0], getattr(entries[0], "ndim", 0)
    if n < 2 or mask.dtype_name != "bool" or mask.shape != x.shape[:n]:
        return x, entries
    if not all(isinstance(k, slice) and k == _FULL for k in entries[1:]):
        return x, entries
    flat = invoke(_RESHAPE, (x,), ((mask.size, *x.shape[n:]),), None, type(x), True)
    vector = invoke(_RESHAPE, (mask,), ((mask.size,),), None, type(mask), True)
    return flat, [vector, *entries[1:]]


def _fitting(value: Any, shape: tuple[int, ...]) -> Any:
    """`value` without leading axes of size 1 that `shape` does not have."""
    own = value.shape
    while len(own) > len(shape) and own[0] == 1:
        own = own[1:]
    return value if own == value.shape else invoke(_RESHAPE, (value,), (own,), None, _o.cls, True)


def put(x: Any, key: Any, value: Any) -> None:
    """`x[key] = value`.

    Raises
    ------
    ValueError
        If the array is part of a recording, or the shape of the value does not fit.
    """
    check_writable(x)
    whole = x.detached()
    target = basic_view(whole, key)
    if target is not None and type(value) in (int, float) and abs(value) <= _EXACT:
        attrs = (target.shape, None, target.dtype_name, float(value))
        invoke(_FULL_OF, (), attrs, target, _o.cls)
        return
    if not isinstance(value, _o.Array):
        value = _o.from_numpy(
            _np.asarray(value, dtype=None if x.dtype_name == "bfloat16" else x.dtype_name)
        )
    if _o.is_complex(value) and not _o.is_complex(x):
        raise TypeError(
            f"index: value has dtype {value.dtype_name}, must be real for an array of "
            f"{x.dtype_name}"
        )
    value = value.detached()
    entries = _entries(whole, key) if target is None else []
    if _is_basic(entries):
        _write(value, _view(whole, entries) if target is None else target)
        return
    if len(entries) == 1 and value.size == 1 and value.ndim <= 1:
        mask = entries[0]
        if isinstance(mask, _o.Array) and mask.dtype_name == "bool" and mask.shape == x.shape:
            chosen = _o.cast(invoke(_RESHAPE, (value,), ((),), None, _o.cls, True), x.dtype_name)
            invoke(_o._WHERE, (mask, chosen, whole), (), None, _o.cls).copy_into(whole)
            return
    s = _Selection(whole, entries)
    joint = _o.joint_shape("index", *[i.shape for i in s.indices])
    rest = [n for axis, n in enumerate(s.part.shape) if axis not in s.axes]
    value = _fitting(value, (*joint, *rest))
    invoke(_ASSIGN, (s.part, value, *s.indices), (tuple(s.axes), s.front), s.part, _o.cls)


def _write(value: Any, target: Any) -> None:
    value = _fitting(value, target.shape)
    if value.shape != target.shape:
        value = invoke(_o._BROADCAST, (value,), (target.shape,), None, _o.cls, True)
    if value.shares_memory(target):
        value = value.copy()
    value.copy_into(target)
