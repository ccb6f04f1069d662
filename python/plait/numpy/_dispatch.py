"""NumPy's own functions on our arrays: `numpy.sum(mx_array)` runs `mx.np.sum`."""

from __future__ import annotations

from typing import Any

import numpy as _np

from .._array import DTYPE_NUMBERS
from . import _operands as _o


def _ours(value: Any) -> Any:
    """Arrays of NumPy, also inside of lists and tuples, as ours."""
    if isinstance(value, _np.ndarray):
        return _o.from_numpy(value)
    if isinstance(value, (list, tuple)):
        return type(value)(_ours(v) for v in value)
    return value


def _theirs(value: Any) -> Any:
    """Our arrays, also inside of lists, tuples and dicts, as NumPy's."""
    if isinstance(value, _o.Array):
        return _o.to_numpy(value)
    if isinstance(value, (list, tuple)):
        return type(value)(_theirs(v) for v in value)
    if isinstance(value, dict):
        return {k: _theirs(v) for k, v in value.items()}
    return value


def _back(result: Any) -> Any:
    if isinstance(result, _np.generic):
        result = _np.asarray(result)
    if isinstance(result, _np.ndarray) and result.dtype.name in DTYPE_NUMBERS:
        return _o.from_numpy(result)
    if isinstance(result, tuple) and not hasattr(result, "_fields"):
        return tuple(_back(r) for r in result)
    return [_back(r) for r in result] if isinstance(result, list) else result


def by_numpy(function: Any, *args: Any, **kwargs: Any) -> Any:
    """Let NumPy compute on copies; the result is ours and has no gradient."""
    return _back(function(*_theirs(args), **_theirs(kwargs)))


def _find(function: Any) -> Any:
    """Our function of the same name in the same submodule, or None."""
    from .. import numpy

    module = getattr(function, "__module__", "") or "numpy"
    where: Any = numpy
    for part in module.split(".")[1:]:
        if not part.startswith("_"):
            where = getattr(where, part, None)
    return getattr(where, function.__name__, None)


def call_function(func: Any, types: Any, args: Any, kwargs: Any) -> Any:
    """`__array_function__`: ours if there is one of this name, else NumPy's on copies."""
    own = _find(func)
    if own is None or own is func:
        return by_numpy(func, *args, **kwargs)
    return own(*_ours(args), **{k: _ours(v) for k, v in kwargs.items()})


_REDUCTIONS = {"add": "sum", "multiply": "prod", "maximum": "max", "minimum": "min",
               "logical_and": "all", "logical_or": "any"}  # fmt: skip
_SCANS = {"add": "cumsum", "multiply": "cumprod"}


def call_ufunc(ufunc: Any, method: str, inputs: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """`__array_ufunc__`: calls, and reductions and running sums of the frequent functions."""
    from .. import numpy

    out = kwargs.pop("out", None)
    if isinstance(out, tuple) and len(out) == 1:
        (out,) = out
    if isinstance(out, _np.ndarray):  # an array of NumPy that is changed in place
        result = call_ufunc(ufunc, method, inputs, kwargs)
        out[...] = result.asnumpy()
        return out
    name = {"reduce": _REDUCTIONS, "accumulate": _SCANS}.get(method, {}).get(ufunc.__name__)
    if method == "__call__":
        name = ufunc.__name__
    function = getattr(numpy, name, None) if name else None
    if function is None:
        if out is not None:
            return NotImplemented
        return by_numpy(getattr(ufunc, method), *inputs, **kwargs)
    if method == "reduce":
        kwargs.setdefault("axis", 0)
    elif method == "accumulate":
        kwargs.setdefault("axis", 0)
    if out is not None:
        kwargs["out"] = out
    return function(*_ours(inputs), **kwargs)
