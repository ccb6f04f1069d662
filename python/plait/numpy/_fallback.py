"""Functions that NumPy computes on copies of the arrays: without gradient, and they wait.

MXNet has the same functions in the same way.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as _np

from . import _operands as _o
from ._dispatch import by_numpy

_NAMES = """
    apply_along_axis apply_over_axes correlate frexp gradient i0 kaiser min_scalar_type
    nanmedian nanpercentile nanquantile packbits piecewise poly polyadd polyder polydiv polyfit
    polyint polymul polysub polyval roots unpackbits unwrap
""".split()


def _wrapped(name: str) -> Callable[..., Any]:
    function = getattr(_np, name)

    def call(*args: Any, **kwargs: Any) -> Any:
        return by_numpy(function, *args, **kwargs)

    call.__name__ = call.__qualname__ = name
    call.__doc__ = f"`numpy.{name}` on copies of the arrays; without gradient."
    return call


def _read(read: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    x = _o.from_numpy(read(*args, **kwargs))
    return _o.cast(x, _o.float_name()) if x.dtype_name == "float64" else x


def genfromtxt(*args: Any, **kwargs: Any) -> Any:
    """An array from a text file, as `numpy.genfromtxt` reads it."""
    return _read(_np.genfromtxt, args, kwargs)


def loadtxt(*args: Any, **kwargs: Any) -> Any:
    """An array from a text file, as `numpy.loadtxt` reads it."""
    return _read(_np.loadtxt, args, kwargs)


globals().update({name: _wrapped(name) for name in _NAMES})
__all__ = [*_NAMES, "genfromtxt", "loadtxt"]
