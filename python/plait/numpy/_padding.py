"""Elements added around an array."""

from __future__ import annotations

from typing import Any

import numpy as _np

from .._array import invoke, operator
from . import _operands as _o
from ._creation import full
from ._joining import concatenate
from .multiarray import ndarray

__all__ = ["pad"]

_PAD, _TAKE = operator("pad"), operator("take")


def _pad_width(pad_width: Any, ndim: int) -> list[tuple[int, int]]:
    if isinstance(pad_width, dict):
        pad_width = [pad_width.get(i, pad_width.get(i - ndim, (0, 0))) for i in range(ndim)]
    pairs = _np.broadcast_to(_np.asarray(pad_width), (ndim, 2))
    if (pairs < 0).any():
        raise ValueError(f"pad: pad_width is {pad_width}, must be >= 0")
    return [(int(a), int(b)) for a, b in pairs]


_BY_PLACE = ("edge", "reflect", "symmetric", "wrap")


def pad(array: Any, pad_width: Any, mode: Any = "constant", **kwargs: Any) -> Any:
    """The array with elements added before and behind each axis.

    Parameters
    ----------
    pad_width : int or ((before, behind), ...)
    mode : str or callable
        What is added: "constant" (`constant_values`, default 0), "edge", "reflect", "symmetric",
        "wrap", "empty", "maximum", "minimum", "mean", "median" or "linear_ramp".
    """
    x = _o.array_of(array)
    widths = _pad_width(pad_width, x.ndim)
    if mode in ("constant", "empty"):
        values = _np.broadcast_to(_np.asarray(kwargs.pop("constant_values", 0)), (x.ndim, 2))
        _no_more(kwargs, "pad")
        if _is_number(values.flat) and any(map(any, widths)):
            return _padded(x, widths, "constant", float(values.flat[0]))
        for axis, (before, behind) in enumerate(widths):
            x = _pad_constant(x, axis, before, behind, values[axis])
        return x
    if mode in _BY_PLACE and kwargs.get("reflect_type", "even") == "even":
        kwargs.pop("reflect_type", None)
        _no_more(kwargs, "pad")
        if any(map(any, widths)) and _is_short(mode, widths, x.shape):
            return _padded(x, widths, mode, 0.0)
        for axis, width in enumerate(widths):
            if any(width):  # where the added elements come from, as NumPy finds it for indices
                places = _o.from_numpy(_np.pad(_np.arange(x.shape[axis]), width, mode))
                x = invoke(_TAKE, (x, places), (axis, "clip"), None, ndarray)
        return x
    from ._dispatch import by_numpy

    return by_numpy(_np.pad, x, widths, mode, **kwargs)


def _padded(x: Any, widths: list[tuple[int, int]], mode: str, value: float) -> Any:
    """The operator, for what it has in one pass over all axes."""
    return invoke(_PAD, (x,), (mode, tuple(n for w in widths for n in w), value), None, ndarray)


def _is_number(values: Any) -> bool:
    """Whether all are one real number that a float holds exactly."""
    first = values[0] if len(values) else 0
    if isinstance(first, (complex, _np.complexfloating)):
        return False
    exact = abs(first) <= 2**53 if isinstance(first, (int, _np.integer)) else True
    return bool(exact and all(v == first for v in values))


def _is_short(mode: str, widths: list[tuple[int, int]], sizes: tuple[int, ...]) -> bool:
    """Whether every added element comes straight from one of the array."""
    if mode not in ("edge", "reflect"):
        return False
    return all(
        n > (max(w) if mode == "reflect" else 0)
        for n, w in zip(sizes, widths, strict=True)
        if any(w)
    )


def _no_more(kwargs: dict[str, Any], name: str) -> None:
    if kwargs:
        raise TypeError(f"{name}: unknown arguments {sorted(kwargs)}")


def _pad_constant(x: Any, axis: int, before: int, behind: int, values: Any) -> Any:
    parts = [x]
    for n, value, at in ((before, values[0], 0), (behind, values[1], len(parts))):
        if n:
            own = list(x.shape)
            own[axis] = n
            piece = full(own, value.item(), x.dtype_name)
            parts.insert(at if at == 0 else len(parts), piece)
    return concatenate(parts, axis) if len(parts) > 1 else x
