"""Counting, shares of sorted numbers, and interpolation."""

from __future__ import annotations

from typing import Any

import numpy as _np

from .._array import invoke, operator
from . import _operands as _o
from ._axes import broadcast_to, expand_dims, moveaxis, ravel, reshape
from ._choice import clip, take, where
from ._joining import concatenate
from ._order import argsort, searchsorted, sort
from ._reduction import diff, sum
from ._reduction import max as _max
from ._reduction import min as _min
from .multiarray import ndarray

__all__ = [
    "bincount", "histogram_bin_edges", "histogram", "histogram2d", "histogramdd", "quantile",
    "percentile", "median", "interp",
]  # fmt: skip

_TAKE, _BINCOUNT, _IS_NAN = operator("take"), operator("bincount"), operator("np_isnan")
_HISTOGRAM = operator("histogram_counts")
range_ = range  # a parameter of some functions has this name


def _finish(result: Any, out: Any) -> Any:
    return result if out is None else _o.store(result, out)


def bincount(x: Any, weights: Any = None, minlength: int = 0) -> Any:
    """How often each whole number from 0 occurs, or the sum of the weights of its places.

    Raises
    ------
    ValueError
        There is a negative number.
    """
    x = _o.array_of(x)
    if _o.is_floating(x):
        x = _o.cast(x, "int64")
    longest = int(_max(x)) + 1 if x.size else 0
    if longest < 0 or (x.size and int(_min(x)) < 0):
        raise ValueError("bincount: x has negative numbers, must be >= 0")
    length = longest if longest > minlength else int(minlength)
    inputs = (x,) if weights is None else (x, _o.array_of(weights))
    result = invoke(_BINCOUNT, inputs, (length,), None, ndarray)
    return result if weights is None else _o.cast(result, _o.float_name())


def histogram_bin_edges(a: Any, bins: Any = 10, range: Any = None, weights: Any = None) -> Any:
    """The bounds of the intervals that `histogram` counts in."""
    a = _o.array_of(a)
    kind = a.dtype_name if _o.is_floating(a) else _o.float_name()
    if isinstance(bins, str):
        data = _np.histogram_bin_edges(a.asnumpy(), bins, range)
        return _o.cast(_o.from_numpy(_np.asarray(data, "float64")), kind)
    if not _o.is_scalar(bins):
        return _o.array_of(bins)
    if bins < 1:
        raise ValueError(f"histogram: bins is {bins}, must be >= 1")
    if range is None:
        range = (float(_min(a)), float(_max(a))) if a.size else (0.0, 1.0)
    low, high = range
    if not (_np.isfinite(low) and _np.isfinite(high)) or low > high:
        raise ValueError(f"histogram: range is {range}, must be finite and ascending")
    if low == high:
        low, high = low - 0.5, high + 0.5
    from ._creation import linspace

    return linspace(low, high, int(bins) + 1, dtype=kind)


def histogram(a: Any, bins: Any = 10, range: Any = None, density: bool | None = None,
              weights: Any = None) -> tuple[Any, Any]:  # fmt: skip
    """How many numbers lie in each interval, and the bounds of the intervals.

    Parameters
    ----------
    bins : int, str or array_like
        Number of equal intervals, a rule of NumPy's, or ascending bounds.
    weights : array_like, optional
        Counts for each number instead of 1.
    density : bool
        Divide so that the integral is 1.
    """
    a = ravel(_o.array_of(a))
    edges = histogram_bin_edges(a, bins, range)
    if weights is None:
        counts = invoke(_HISTOGRAM, tuple(_o.operands(edges, a)), (), None, ndarray)
    else:
        weights = ravel(_o.floating(_o.array_of(weights)))
        counts = invoke(_HISTOGRAM, (*_o.operands(edges, a), weights), (), None, ndarray)
        counts = _o.cast(counts, weights.dtype_name)
    if density:
        counts = counts / _o.cast(diff(edges), _o.float_name()) / sum(counts)
    return counts, edges


def histogram2d(x: Any, y: Any, bins: Any = 10, range: Any = None, density: bool | None = None,
                weights: Any = None) -> Any:  # fmt: skip
    """`histogram` of points in the plane; computed by NumPy."""
    from ._dispatch import by_numpy

    return by_numpy(_np.histogram2d, x, y, bins, range, density, weights)


def histogramdd(sample: Any, bins: Any = 10, range: Any = None, density: bool | None = None,
                weights: Any = None) -> Any:  # fmt: skip
    """`histogram` of points with several coordinates; computed by NumPy."""
    from ._dispatch import by_numpy

    return by_numpy(_np.histogramdd, sample, bins, range, density, weights)


_ROUNDING = {
    "lower": _np.floor,
    "higher": _np.ceil,
    "nearest": _np.rint,
    "linear": None,
    "midpoint": None,
}


def quantile(a: Any, q: Any, axis: Any = None, out: Any = None, overwrite_input: bool = False,
             method: str | None = None, keepdims: bool = False, *,
             interpolation: str = "linear") -> Any:  # fmt: skip
    """The value below which the share `q` of the elements lies, over axes.

    Parameters
    ----------
    q : float or array_like
        In [0, 1]; its axes come first in the result.
    method, interpolation : str
        Between two elements: "linear", "lower", "higher", "midpoint" or "nearest".
    """
    rule = method or interpolation
    if rule not in _ROUNDING:
        raise ValueError(f"quantile: method is {rule!r}, must be one of {list(_ROUNDING)}")
    a = _o.floating(_o.array_of(a))
    share = _np.asarray(_o.to_numpy(q), "float64")
    if not ((share >= 0) & (share <= 1)).all():
        raise ValueError(f"quantile: q is {q}, must be in [0, 1]")
    axes = _o.axes_of(axis, a.ndim)
    kept = [n for i, n in enumerate(a.shape) if i not in axes]
    lines = moveaxis(a, axes, tuple(range_(a.ndim - len(axes), a.ndim))) if axes else a
    lines = sort(reshape(lines, (*kept, -1)))
    n = lines.shape[-1]
    if n == 0:
        raise ValueError("quantile: a has no elements along axis")
    at = share * (n - 1)
    rounded = _ROUNDING[rule]
    if rounded is not None:
        result = _columns(lines, rounded(at))
    else:
        low = _columns(lines, _np.floor(at))
        high = _columns(lines, _np.ceil(at))
        part = at - _np.floor(at) if rule == "linear" else _np.where(at == _np.floor(at), 0, 0.5)
        weight = _o.cast(_o.from_numpy(_np.asarray(part)), a.dtype_name)
        result = low + (high - low) * weight
    nan = invoke(_IS_NAN, (lines[..., -1:],), (), None, ndarray)
    result = where(reshape(nan, (*kept, *(1,) * share.ndim)), _np.nan, result)
    for i in range_(share.ndim):  # the axes of q come first
        result = moveaxis(result, len(kept) + i, i)
    if keepdims:
        for i in sorted(axes):
            result = expand_dims(result, share.ndim + i)
    return _finish(result, out)


def _columns(lines: Any, at: Any) -> Any:
    places = _o.from_numpy(_np.asarray(at).astype("int64"))
    return invoke(_TAKE, (lines, places), (lines.ndim - 1, "clip"), None, ndarray)


def percentile(a: Any, q: Any, axis: Any = None, out: Any = None, overwrite_input: bool = False,
               method: str | None = None, keepdims: bool = False, *,
               interpolation: str = "linear") -> Any:  # fmt: skip
    """`quantile` with `q` in percent."""
    share = _o.to_numpy(q)
    if not ((share >= 0) & (share <= 100)).all():
        raise ValueError(f"percentile: q is {q}, must be in [0, 100]")
    return quantile(a, share / 100, axis, out, False, method, keepdims, interpolation=interpolation)


def median(a: Any, axis: Any = None, out: Any = None, overwrite_input: bool = False,
           keepdims: bool = False) -> Any:  # fmt: skip
    """The middle element over axes, or the mean of the two in the middle."""
    return quantile(a, 0.5, axis, out, keepdims=keepdims)


def interp(
    x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None, period: Any = None
) -> Any:
    """Values at `x` of the piecewise linear function through the points (xp, fp).

    Parameters
    ----------
    xp : vector
        Ascending.
    left, right : float, optional
        Values outside; default: those of the first and the last point.
    period : float, optional
        Not 0: the function repeats.
    """
    x, xp, fp = (_o.floating(v) for v in _o.operands(x, xp, fp))
    if xp.ndim != 1 or xp.shape != fp.shape or not xp.size:
        raise ValueError(
            f"interp: xp has shape {xp.shape}, fp {fp.shape}, must be vectors of one length"
        )
    if period is not None:
        x, xp = x % abs(period), xp % abs(period)
        order = argsort(xp)
        xp, fp = take(xp, order), take(fp, order)
        xp = concatenate([xp[-1:] - abs(period), xp, xp[:1] + abs(period)])
        fp = concatenate([fp[-1:], fp, fp[:1]])
    n = xp.size
    if n == 1:
        result = broadcast_to(fp, x.shape or (1,)).reshape(x.shape).copy()
    else:
        i = clip(searchsorted(xp, x, "right") - 1, 0, n - 2)
        x0, y0 = take(xp, i), take(fp, i)
        slope = (take(fp, i + 1) - y0) / (take(xp, i + 1) - x0)
        result = y0 + slope * (x - x0)
        result = where(x >= xp[-1], fp[-1], result)
    result = where(x < xp[0], fp[0] if left is None else left, result)
    return result if right is None else where(x > xp[-1], right, result)
