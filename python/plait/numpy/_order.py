"""Sorting, places in sorted numbers, and sets."""

from __future__ import annotations

from collections import namedtuple
from typing import Any

import numpy as _np

from .._array import invoke, operator
from . import _indexing
from . import _operands as _o
from ._axes import flip, ravel, reshape
from ._choice import take_along_axis
from ._creation import empty, full
from ._joining import concatenate
from ._reduction import cumsum, diff
from .multiarray import ndarray

__all__ = [
    "sort", "msort", "argsort", "lexsort", "partition", "argpartition", "searchsorted",
    "digitize", "unique", "unique_all", "unique_counts", "unique_inverse", "unique_values",
    "isin", "in1d", "intersect1d", "union1d", "setdiff1d", "setxor1d",
]  # fmt: skip

_SORT, _ARGSORT, _TAKE = operator("sort"), operator("argsort"), operator("take")
_SEARCH, _STARTS = operator("searchsorted"), operator("run_starts")


def _taken(a: Any, places: Any) -> Any:
    """Elements of a vector at places that are known to be inside."""
    return invoke(_TAKE, (a, places), (0, "clip"), None, ndarray)


def sort(a: Any, axis: int | None = -1, kind: str | None = None, order: None = None, *,
         descending: bool = False, stable: bool = True) -> Any:  # fmt: skip
    """The elements in order along an axis, NaN last; None: of the flattened array."""
    a = ravel(a) if axis is None else _o.array_of(a)
    place = _o.axes_of(-1 if axis is None else axis, a.ndim)[0]
    return invoke(_SORT, (a,), (place, not descending), None, ndarray)


def msort(a: Any) -> Any:
    """The elements in order along the first axis."""
    return sort(a, 0)


def argsort(a: Any, axis: int | None = -1, kind: str | None = None, order: None = None, *,
            descending: bool = False, stable: bool = True) -> Any:  # fmt: skip
    """Places of the elements in order along an axis, as int64; equal ones keep their order."""
    a = ravel(a) if axis is None else _o.array_of(a)
    place = _o.axes_of(-1 if axis is None else axis, a.ndim)[0]
    return invoke(_ARGSORT, (a,), (place, not descending, "int64"), None, ndarray)


def lexsort(keys: Any, axis: int = -1) -> Any:
    """Places in the order of the last key, of equal ones in that of the key before, and so on."""
    keys = [_o.array_of(k) for k in keys]
    order = argsort(keys[0], axis)
    for key in keys[1:]:
        order = take_along_axis(order, argsort(take_along_axis(key, order, axis), axis), axis)
    return order


def partition(
    a: Any, kth: Any, axis: int | None = -1, kind: str = "introselect", order: None = None
) -> Any:
    """An array whose element `kth` along an axis is in its place: here all are, it is sorted."""
    return sort(a, axis)


def argpartition(
    a: Any, kth: Any, axis: int | None = -1, kind: str = "introselect", order: None = None
) -> Any:
    """Places of what `partition` gives."""
    return argsort(a, axis)


def searchsorted(a: Any, v: Any, side: str = "left", sorter: Any = None) -> Any:
    """Where numbers belong in a sorted vector: before ("left") or behind ("right") equal ones."""
    a, v = _o.operands(a, v)
    if sorter is not None:
        a = _taken(a, _o.array_of(sorter))
    return invoke(_SEARCH, (a, v), (side,), None, ndarray)


def digitize(x: Any, bins: Any, right: bool = False) -> Any:
    """Which of the intervals between ascending or descending bounds each number is in."""
    bins = _o.array_of(bins)
    if bins.size and bool(bins[0] > bins[-1]):
        return bins.size - searchsorted(flip(bins), x, "right" if right else "left")
    return searchsorted(bins, x, "left" if right else "right")


def unique(ar: Any, return_index: bool = False, return_inverse: bool = False,
           return_counts: bool = False, axis: int | None = None, *, equal_nan: bool = True,
           sorted: bool = True) -> Any:  # fmt: skip
    """The different elements in order, of the flattened array or along an axis.

    Parameters
    ----------
    return_index, return_inverse, return_counts : bool
        Also give the place of the first of each, what each element became, and how many there are.

    Returns
    -------
    ndarray, or a tuple of them
    """
    ar = _o.array_of(ar)
    if axis is not None or _o.is_complex(ar):  # complex numbers have no order here
        from ._dispatch import by_numpy

        flags = (return_index, return_inverse, return_counts)
        return by_numpy(_np.unique, ar, *flags, axis, equal_nan=equal_nan)
    flat = ravel(ar)
    if not (return_index or return_inverse):
        s = sort(flat)
    else:
        order = argsort(flat)
        s = _taken(flat, order)
    flags = invoke(_STARTS, (s,), (equal_nan,), None, ndarray)
    (first,) = _indexing.nonzero(flags)
    results = [_taken(s, first)]
    if return_index:
        results.append(_taken(order, first))
    if return_inverse:
        inverse = empty((flat.size,), "int64")
        inverse[order] = cumsum(flags, dtype="int64") - 1
        results.append(reshape(inverse, ar.shape))
    if return_counts:
        results.append(diff(concatenate([first, full((1,), flat.size, "int64")])))
    return tuple(results) if len(results) > 1 else results[0]


UniqueAllResult = namedtuple("UniqueAllResult", "values indices inverse_indices counts")
UniqueCountsResult = namedtuple("UniqueCountsResult", "values counts")
UniqueInverseResult = namedtuple("UniqueInverseResult", "values inverse_indices")


def unique_all(x: Any) -> Any:
    """(values, indices, inverse_indices, counts) of the different elements; NaNs all differ."""
    return UniqueAllResult(*unique(x, True, True, True, equal_nan=False))


def unique_counts(x: Any) -> Any:
    """(values, counts) of the different elements; NaNs all differ."""
    return UniqueCountsResult(*unique(x, return_counts=True, equal_nan=False))


def unique_inverse(x: Any) -> Any:
    """(values, inverse_indices) of the different elements; NaNs all differ."""
    return UniqueInverseResult(*unique(x, return_inverse=True, equal_nan=False))


def unique_values(x: Any) -> Any:
    """The different elements; NaNs all differ."""
    return unique(x, equal_nan=False)


def isin(element: Any, test_elements: Any, assume_unique: bool = False, invert: bool = False, *,
         kind: str | None = None) -> Any:  # fmt: skip
    """True where an element is one of the others."""
    element, test = _o.operands(element, test_elements)
    test = sort(ravel(test))
    if test.size == 0:
        return full(element.shape, bool(invert))
    at = searchsorted(test, element)
    found = _taken(test, at) == element
    return ~found if invert else found


def in1d(ar1: Any, ar2: Any, assume_unique: bool = False, invert: bool = False) -> Any:
    """`isin` of the flattened array."""
    return isin(ravel(_o.array_of(ar1)), ar2, assume_unique, invert)


def intersect1d(
    ar1: Any, ar2: Any, assume_unique: bool = False, return_indices: bool = False
) -> Any:
    """The different elements that both arrays have, in order."""
    ar1, ar2 = _o.operands(ar1, ar2)
    if not return_indices:
        a = unique(ar1)
        return a[isin(a, ar2)]
    a, first = unique(ar1, return_index=True)
    b, second = unique(ar2, return_index=True)
    return a[isin(a, b)], first[isin(a, b)], second[isin(b, a)]


def union1d(ar1: Any, ar2: Any) -> Any:
    """The different elements that one of the arrays has, in order."""
    ar1, ar2 = _o.operands(ar1, ar2)
    return unique(concatenate([ar1, ar2], None))


def setdiff1d(ar1: Any, ar2: Any, assume_unique: bool = False) -> Any:
    """The different elements of the first array that the second has not."""
    a = ravel(_o.array_of(ar1)) if assume_unique else unique(ar1)
    return a[isin(a, ar2, invert=True)]


def setxor1d(ar1: Any, ar2: Any, assume_unique: bool = False) -> Any:
    """The different elements that exactly one of the arrays has, in order."""
    ar1, ar2 = _o.operands(ar1, ar2)
    a, b = unique(ar1), unique(ar2)
    return sort(concatenate([a[isin(a, b, invert=True)], b[isin(b, a, invert=True)]]))
