"""Sums, means, extremes and other functions of all elements or along axes."""

from __future__ import annotations

from typing import Any

import numpy as _np

from .. import _gen
from .._array import invoke, operator
from ..util import is_np_default_dtype
from . import _operands as _o
from ._axes import broadcast_to, expand_dims, moveaxis, ravel, reshape
from .multiarray import ndarray

__all__ = [
    "sum", "prod", "mean", "std", "var", "max", "min", "amax", "amin", "ptp", "all", "any",
    "argmax", "argmin", "cumsum", "cumprod", "cumulative_sum", "cumulative_prod", "count_nonzero",
    "average", "nansum", "nanprod", "nanmax", "nanmin", "nanmean", "nanvar", "nanstd",
    "nanargmax", "nanargmin", "nancumsum", "nancumprod", "diff", "ediff1d", "trapezoid", "trapz",
    "cov", "corrcoef", "product", "alltrue", "sometrue",
]  # fmt: skip

_OPS = {n: operator(n) for n in ("sum", "prod", "mean", "max", "min", "cumsum", "cumprod")}
_ARG = {"argmax": operator("np_argmax"), "argmin": operator("np_argmin")}
_NOT_ZERO, _IS_NAN = operator("np_not_equal_scalar"), operator("np_isnan")
_ABOVE = operator("np_greater_scalar")
_Axis = Any


def _wide(x: Any, dtype: Any) -> str | None:
    """The dtype of a sum: as asked for; NumPy adds up small integers in 64 bits."""
    if dtype is not None:
        return _o.result_dtype(dtype)
    if _o.is_inexact(x) or not is_np_default_dtype():
        return None
    return "uint64" if x.dtype_name.startswith("uint") else "int64"


def _masked(x: Any, where: Any, neutral: Any) -> Any:
    if where is True or where is None:
        return x
    return invoke(
        _o._WHERE, (_o.array_of(where), x, _o.number(neutral, x.dtype_name)), (), None, ndarray
    )


def _reduce(name: str, x: Any, axis: _Axis, keepdims: bool, dtype: str | None = None) -> Any:
    axes = () if axis is None else _o.axes_of(axis, x.ndim)
    if not axes and not (axis is None and x.ndim):  # the core takes () for all axes
        return _o.cast(x, dtype) if dtype else x.copy()
    return invoke(_OPS[name], (x,), (axes, bool(keepdims), False, dtype), None, ndarray)


def _finish(result: Any, out: Any) -> Any:
    return result if out is None else _o.store(result, out)


def sum(a: Any, axis: _Axis = None, dtype: Any = None, out: Any = None, keepdims: bool = False,
        initial: Any = None, where: Any = True) -> Any:  # fmt: skip
    """Sum of the elements over axes; floating numbers are added up in float64."""
    a = _masked(_o.array_of(a), where, 0)
    if not a.ndim and a.dtype_name == "bool":
        a = _o.cast(a, "int64")
    result = _reduce("sum", a, axis, keepdims, _wide(a, dtype))
    return _finish(result if initial is None else result + initial, out)


def prod(a: Any, axis: _Axis = None, dtype: Any = None, out: Any = None, keepdims: bool = False,
         initial: Any = None, where: Any = True) -> Any:  # fmt: skip
    """Product of the elements over axes."""
    a = _masked(_o.array_of(a), where, 1)
    if not a.ndim and a.dtype_name == "bool":
        a = _o.cast(a, "int64")
    result = _reduce("prod", a, axis, keepdims, _wide(a, dtype))
    return _finish(result if initial is None else result * initial, out)


product = prod


def _count(shape: tuple[int, ...], axes: tuple[int, ...]) -> int:
    return int(_np.prod([shape[i] for i in axes], dtype="int64"))


def mean(a: Any, axis: _Axis = None, dtype: Any = None, out: Any = None, keepdims: bool = False, *,
         where: Any = True) -> Any:  # fmt: skip
    """Mean of the elements over axes; NaN over none."""
    a = _o.floating(_o.array_of(a))
    kind = _o.result_dtype(dtype)
    if where is not True:
        mask = broadcast_to(_o.array_of(where), a.shape)
        total = sum(a, axis, kind, None, keepdims, where=mask)
        return _finish(
            total / sum(mask, axis, "float64", None, keepdims).astype(total.dtype_name), out
        )
    return _finish(_reduce("mean", a, axis, keepdims, kind), out)


def var(
    a: Any,
    axis: _Axis = None,
    dtype: Any = None,
    out: Any = None,
    ddof: float = 0,
    keepdims: bool = False,
    *,
    correction: float | None = None,
    where: Any = True,
) -> Any:
    """Mean square distance from the mean over axes.

    Parameters
    ----------
    ddof, correction : float
        The sum of squares is divided by their number minus this.
    """
    a = _o.floating(_o.array_of(a))
    if dtype is not None:
        a = _o.cast(a, _o.named(dtype))
    less = ddof if correction is None else correction
    centred = a - mean(a, axis, keepdims=True, where=where)
    squares = sum(centred * centred, axis, None, None, keepdims, where=where)
    if where is True:
        n: Any = _np.maximum(_count(a.shape, _o.axes_of(axis, a.ndim)) - less, 0).item()
    else:
        mask = broadcast_to(_o.array_of(where), a.shape)
        n = sum(mask, axis, "float64", None, keepdims).astype(a.dtype_name) - less
    return _finish(squares / n, out)


def std(
    a: Any,
    axis: _Axis = None,
    dtype: Any = None,
    out: Any = None,
    ddof: float = 0,
    keepdims: bool = False,
    *,
    correction: float | None = None,
    where: Any = True,
) -> Any:
    """Root of the variance over axes; see `var`."""
    squares = var(a, axis, dtype, None, ddof, keepdims, correction=correction, where=where)
    return _finish(_gen.np.sqrt(squares), out)


def _extreme(
    name: str, a: Any, axis: _Axis, out: Any, keepdims: bool, initial: Any, where: Any
) -> Any:
    a = _o.array_of(a)
    if where is not True:
        if initial is None:
            raise ValueError(f"{name}: initial is None, must be given with where")
        a = _masked(a, where, initial)
    combine = _gen.np.maximum if name == "max" else _gen.np.minimum
    axes = _o.axes_of(axis, a.ndim)
    if initial is not None and 0 in [a.shape[i] for i in axes]:
        from ._creation import full

        kept = [1 if i in axes else n for i, n in enumerate(a.shape) if keepdims or i not in axes]
        return _finish(full(kept, initial, a.dtype_name), out)
    result = _reduce(name, a, axis, keepdims)
    return _finish(result if initial is None else combine(result, initial), out)


def max(a: Any, axis: _Axis = None, out: Any = None, keepdims: bool = False, initial: Any = None,
        where: Any = True) -> Any:  # fmt: skip
    """Largest element over axes; NaN if there is one."""
    return _extreme("max", a, axis, out, keepdims, initial, where)


def min(a: Any, axis: _Axis = None, out: Any = None, keepdims: bool = False, initial: Any = None,
        where: Any = True) -> Any:  # fmt: skip
    """Smallest element over axes; NaN if there is one."""
    return _extreme("min", a, axis, out, keepdims, initial, where)


amax, amin = max, min


def ptp(a: Any, axis: _Axis = None, out: Any = None, keepdims: bool = False) -> Any:
    """Largest minus smallest element over axes."""
    return _finish(max(a, axis, keepdims=keepdims) - min(a, axis, keepdims=keepdims), out)


def _is_true(a: Any) -> Any:
    a = _o.array_of(a)
    return a if a.dtype_name == "bool" else invoke(_NOT_ZERO, (a,), (0.0,), None, ndarray)


def any(a: Any, axis: _Axis = None, out: Any = None, keepdims: bool = False, *,
        where: Any = True) -> Any:  # fmt: skip
    """True where an element over axes is not 0."""
    flags = _masked(_is_true(a), where, False)
    count = _reduce("sum", flags, axis, keepdims, "int64")
    return _finish(invoke(_NOT_ZERO, (count,), (0.0,), None, ndarray), out)


def all(a: Any, axis: _Axis = None, out: Any = None, keepdims: bool = False, *,
        where: Any = True) -> Any:  # fmt: skip
    """True where no element over axes is 0."""
    flags = _masked(_is_true(a), where, True)
    return _finish(~any(~flags, axis, keepdims=keepdims), out)


alltrue, sometrue = all, any


def _place(name: str, a: Any, axis: int | None, out: Any, keepdims: bool) -> Any:
    a = _o.array_of(a)
    place = None if axis is None else _o.axes_of(axis, a.ndim)[0]
    result = invoke(_ARG[name], (a,), (place, bool(keepdims)), None, ndarray)
    return _finish(result, out)


def argmax(a: Any, axis: int | None = None, out: Any = None, keepdims: bool = False) -> Any:
    """Place of the largest element, the first of equal ones, as int64."""
    return _place("argmax", a, axis, out, keepdims)


def argmin(a: Any, axis: int | None = None, out: Any = None, keepdims: bool = False) -> Any:
    """Place of the smallest element, the first of equal ones, as int64."""
    return _place("argmin", a, axis, out, keepdims)


def _scan(name: str, a: Any, axis: int | None, dtype: Any, out: Any) -> Any:
    a = _o.array_of(a)
    place = None if axis is None else _o.axes_of(axis, a.ndim)[0]
    attrs = (place, _wide(a, dtype))
    return _finish(invoke(_OPS[name], (a,), attrs, None, ndarray), out)


def cumsum(a: Any, axis: int | None = None, dtype: Any = None, out: Any = None) -> Any:
    """Sum of the elements up to and with each place; of the flattened array if axis is None."""
    return _scan("cumsum", a, axis, dtype, out)


def cumprod(a: Any, axis: int | None = None, dtype: Any = None, out: Any = None) -> Any:
    """Product of the elements up to and with each place; of the flattened array if axis is None."""
    return _scan("cumprod", a, axis, dtype, out)


def _cumulative(name: str, x: Any, axis: int | None, dtype: Any, include_initial: bool) -> Any:
    x = _o.array_of(x)
    if axis is None and x.ndim != 1:
        raise ValueError(f"cumulative_{name}: axis is None, must be given for {x.ndim} axes")
    (place,) = _o.axes_of(0 if axis is None else axis, x.ndim)
    result = _scan("cum" + name, x, place, dtype, None)
    if not include_initial:
        return result
    from ._creation import full
    from ._joining import concatenate

    own = list(result.shape)
    own[place] = 1
    return concatenate([full(own, name == "prod", result.dtype_name), result], place)


def cumulative_sum(x: Any, /, *, axis: int | None = None, dtype: Any = None,
                   include_initial: bool = False) -> Any:  # fmt: skip
    """Sum of the elements up to and with each place; `include_initial` puts a 0 first."""
    return _cumulative("sum", x, axis, dtype, include_initial)


def cumulative_prod(x: Any, /, *, axis: int | None = None, dtype: Any = None,
                    include_initial: bool = False) -> Any:  # fmt: skip
    """Product of the elements up to and with each place; `include_initial` puts a 1 first."""
    return _cumulative("prod", x, axis, dtype, include_initial)


def count_nonzero(a: Any, axis: _Axis = None, *, keepdims: bool = False) -> Any:
    """How many elements are not 0, of all or along axes, as int64."""
    return _reduce("sum", _is_true(a), axis, keepdims, "int64")


def average(a: Any, axis: _Axis = None, weights: Any = None, returned: bool = False, *,
            keepdims: bool = False, out: Any = None) -> Any:  # fmt: skip
    """Weighted mean over axes; `returned`: give the sum of the weights too.

    Raises
    ------
    ValueError
        The shape of `weights` does not fit.
    """
    a = _o.floating(_o.array_of(a))
    if weights is None:
        result = mean(a, axis, keepdims=keepdims)
        total = result * 0 + a.size // (result.size or 1)
    else:
        weights = _o.floating(_o.array_of(weights))
        if weights.shape != a.shape:
            if axis is None or weights.ndim != 1 or weights.size != a.shape[axis]:
                raise ValueError(
                    f"average: weights has shape {weights.shape}, must fit {a.shape} along axis"
                )
            weights = moveaxis(broadcast_to(weights, moveaxis(a, axis, -1).shape), -1, axis)
        total = sum(weights, axis, keepdims=keepdims)
        result = sum(a * weights, axis, keepdims=keepdims) / total
    result = _finish(result, out)
    return (result, total) if returned else result


# --- without NaN --------------------------------------------------------------------------------


def _nans(a: Any) -> tuple[Any, Any]:
    a = _o.array_of(a)
    return a, invoke(_IS_NAN, (a,), (), None, ndarray)


def nansum(
    a: Any, axis: _Axis = None, dtype: Any = None, out: Any = None, keepdims: bool = False
) -> Any:
    """Sum over axes of the elements that are not NaN."""
    a, nan = _nans(a)
    return sum(a, axis, dtype, out, keepdims, where=~nan)


def nanprod(
    a: Any, axis: _Axis = None, dtype: Any = None, out: Any = None, keepdims: bool = False
) -> Any:
    """Product over axes of the elements that are not NaN."""
    a, nan = _nans(a)
    return prod(a, axis, dtype, out, keepdims, where=~nan)


def nanmean(
    a: Any, axis: _Axis = None, dtype: Any = None, out: Any = None, keepdims: bool = False
) -> Any:
    """Mean over axes of the elements that are not NaN."""
    a, nan = _nans(a)
    return mean(a, axis, dtype, out, keepdims, where=~nan)


def nanvar(a: Any, axis: _Axis = None, dtype: Any = None, out: Any = None, ddof: float = 0,
           keepdims: bool = False) -> Any:  # fmt: skip
    """Variance over axes of the elements that are not NaN."""
    a, nan = _nans(a)
    return var(a, axis, dtype, out, ddof, keepdims, where=~nan)


def nanstd(a: Any, axis: _Axis = None, dtype: Any = None, out: Any = None, ddof: float = 0,
           keepdims: bool = False) -> Any:  # fmt: skip
    """Standard deviation over axes of the elements that are not NaN."""
    a, nan = _nans(a)
    return std(a, axis, dtype, out, ddof, keepdims, where=~nan)


def _nan_extreme(name: str, a: Any, axis: _Axis, out: Any, keepdims: bool) -> Any:
    a, nan = _nans(a)
    if not _o.is_floating(a):
        return _extreme(name, a, axis, out, keepdims, None, True)
    result = _reduce(name, _masked(a, ~nan, -_np.inf if name == "max" else _np.inf), axis, keepdims)
    nothing = _o.number(_np.nan, a.dtype_name)
    gone = all(nan, axis, keepdims=keepdims)
    return _finish(invoke(_o._WHERE, (gone, nothing, result), (), None, ndarray), out)


def nanmax(a: Any, axis: _Axis = None, out: Any = None, keepdims: bool = False) -> Any:
    """Largest element over axes that is not NaN; NaN if all are."""
    return _nan_extreme("max", a, axis, out, keepdims)


def nanmin(a: Any, axis: _Axis = None, out: Any = None, keepdims: bool = False) -> Any:
    """Smallest element over axes that is not NaN; NaN if all are."""
    return _nan_extreme("min", a, axis, out, keepdims)


def nanargmax(a: Any, axis: int | None = None, out: Any = None, *, keepdims: bool = False) -> Any:
    """Place of the largest element that is not NaN."""
    a, nan = _nans(a)
    return argmax(_masked(a, ~nan, -_np.inf) if _o.is_floating(a) else a, axis, out, keepdims)


def nanargmin(a: Any, axis: int | None = None, out: Any = None, *, keepdims: bool = False) -> Any:
    """Place of the smallest element that is not NaN."""
    a, nan = _nans(a)
    return argmin(_masked(a, ~nan, _np.inf) if _o.is_floating(a) else a, axis, out, keepdims)


def nancumsum(a: Any, axis: int | None = None, dtype: Any = None, out: Any = None) -> Any:
    """`cumsum` with NaN taken for 0."""
    a, nan = _nans(a)
    return cumsum(_masked(a, ~nan, 0), axis, dtype, out)


def nancumprod(a: Any, axis: int | None = None, dtype: Any = None, out: Any = None) -> Any:
    """`cumprod` with NaN taken for 1."""
    a, nan = _nans(a)
    return cumprod(_masked(a, ~nan, 1), axis, dtype, out)


# --- differences --------------------------------------------------------------------------------


def diff(a: Any, n: int = 1, axis: int = -1, prepend: Any = None, append: Any = None) -> Any:
    """Differences of neighbours along an axis, `n` times."""
    from ._joining import concatenate

    a = _o.array_of(a)
    if n < 0:
        raise ValueError(f"diff: n is {n}, must be >= 0")
    (axis,) = _o.axes_of(axis, a.ndim)
    parts = [a]
    for extra, at in ((prepend, 0), (append, 1)):
        if extra is not None:
            extra = _o.operands(a, extra)[1]
            if extra.ndim == 0:
                extra = broadcast_to(extra, [1 if i == axis else d for i, d in enumerate(a.shape)])
            parts.insert(0 if at == 0 else len(parts), extra)
    a = concatenate(parts, axis) if len(parts) > 1 else a
    upper, lower = [slice(None)] * a.ndim, [slice(None)] * a.ndim
    upper[axis], lower[axis] = slice(1, None), slice(None, -1)
    for _ in range(n):
        x, y = a[tuple(upper)], a[tuple(lower)]
        a = x != y if a.dtype_name == "bool" else x - y
    return a


def ediff1d(ary: Any, to_end: Any = None, to_begin: Any = None) -> Any:
    """Differences of neighbours of the flattened array, with other numbers around them."""
    from ._joining import concatenate

    ary = ravel(_o.array_of(ary))
    parts = [] if to_begin is None else [ravel(_o.operands(ary, to_begin)[1])]
    parts.append(diff(ary))
    parts += [] if to_end is None else [ravel(_o.operands(ary, to_end)[1])]
    return concatenate(parts) if len(parts) > 1 else parts[0]


def trapezoid(y: Any, x: Any = None, dx: float = 1.0, axis: int = -1) -> Any:
    """Integral along an axis by the trapezoidal rule."""
    y = _o.floating(_o.array_of(y))
    (axis,) = _o.axes_of(axis, y.ndim)
    if x is None:
        step: Any = dx
    else:
        x = _o.array_of(x)
        step = diff(x, axis=axis if x.ndim > 1 else 0)
        if x.ndim == 1:
            step = reshape(step, [-1 if i == axis else 1 for i in range(y.ndim)])
    moved = moveaxis(y, axis, 0)
    halves = moveaxis(moved[1:] + moved[:-1], 0, axis) * 0.5
    return sum(step * halves, axis)


trapz = trapezoid


def cov(m: Any, y: Any = None, rowvar: bool = True, bias: bool = False, ddof: int | None = None,
        fweights: Any = None, aweights: Any = None, *, dtype: Any = None) -> Any:  # fmt: skip
    """Covariance of variables, one in each row (`rowvar`) or column.

    Parameters
    ----------
    fweights, aweights : vector, optional
        How often each observation was made; how important it is.
    """
    from ._joining import concatenate

    x = _o.floating(_o.array_of(m))
    x = reshape(x, (1, -1)) if x.ndim < 2 else x if rowvar or x.shape[0] == 1 else x.T
    if y is not None:
        y = _o.floating(_o.array_of(y))
        y = reshape(y, (1, -1)) if y.ndim < 2 else y if rowvar or y.shape[0] == 1 else y.T
        x = concatenate([x, y], 0)
    if dtype is not None:
        x = _o.cast(x, _o.named(dtype))
    less = ddof if ddof is not None else (0 if bias else 1)
    w: Any = None
    for extra in (fweights, aweights):
        if extra is not None:
            extra = _o.cast(_o.array_of(extra), x.dtype_name)
            w = extra if w is None else w * extra
    if w is None:
        total: Any = x.shape[1]
        factor = total - less
        centred = x - mean(x, 1, keepdims=True)
        weighted = centred
    else:
        total = sum(w)
        a = None if aweights is None else _o.cast(_o.array_of(aweights), x.dtype_name)
        factor = total - (less if a is None else less * sum(w * a) / total)
        centred = x - expand_dims(sum(x * w, 1) / total, 1)
        weighted = centred * w
    return (weighted @ centred.T / factor).squeeze()


def corrcoef(x: Any, y: Any = None, rowvar: bool = True, *, dtype: Any = None) -> Any:
    """Correlation coefficients of variables, one in each row (`rowvar`) or column."""
    c = cov(x, y, rowvar, dtype=dtype)
    if c.ndim == 0:
        return c / c
    deviation = _gen.np.sqrt(c.diagonal())
    return c / deviation.reshape(-1, 1) / deviation
