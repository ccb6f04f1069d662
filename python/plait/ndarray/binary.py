"""Functions of two arrays that take numbers too: `mx.nd.maximum(x, 0)`."""

import operator

import numpy as np

from .._gen import nd as _gen
from .ndarray import NDArray

# name: (operator, operator with a number behind, the same with the number in front, Python's own)
_FUNCTIONS = {
    "add": ("add", "_plus_scalar", "_plus_scalar", operator.add),
    "subtract": ("subtract", "_minus_scalar", "_rminus_scalar", operator.sub),
    "multiply": ("multiply", "_mul_scalar", "_mul_scalar", operator.mul),
    "divide": ("divide", "_div_scalar", "_rdiv_scalar", operator.truediv),
    "true_divide": ("true_divide", "_div_scalar", "_rdiv_scalar", operator.truediv),
    "modulo": ("modulo", "_mod_scalar", "_rmod_scalar", operator.mod),
    "power": ("power", "_power_scalar", "_rpower_scalar", operator.pow),
    "maximum": ("maximum", "_maximum_scalar", "_maximum_scalar", max),
    "minimum": ("minimum", "_minimum_scalar", "_minimum_scalar", min),
    "hypot": ("hypot", "_hypot_scalar", "_hypot_scalar", lambda a, b: (a * a + b * b) ** 0.5),
    "equal": ("equal", "_equal_scalar", "_equal_scalar", lambda a, b: int(a == b)),
    "not_equal": ("not_equal", "_not_equal_scalar", "_not_equal_scalar", lambda a, b: int(a != b)),
    "greater": ("greater", "_greater_scalar", "_lesser_scalar", lambda a, b: int(a > b)),
    "greater_equal": (
        "greater_equal",
        "_greater_equal_scalar",
        "_lesser_equal_scalar",
        lambda a, b: int(a >= b),
    ),
    "lesser": ("broadcast_lesser", "_lesser_scalar", "_greater_scalar", lambda a, b: int(a < b)),
    "lesser_equal": (
        "broadcast_lesser_equal",
        "_lesser_equal_scalar",
        "_greater_equal_scalar",
        lambda a, b: int(a <= b),
    ),
    "logical_and": (
        "logical_and",
        "_logical_and_scalar",
        "_logical_and_scalar",
        lambda a, b: int(bool(a) and bool(b)),
    ),
    "logical_or": (
        "logical_or",
        "_logical_or_scalar",
        "_logical_or_scalar",
        lambda a, b: int(bool(a) or bool(b)),
    ),
    "logical_xor": (
        "logical_xor",
        "_logical_xor_scalar",
        "_logical_xor_scalar",
        lambda a, b: int(bool(a) != bool(b)),
    ),
}

__all__ = list(_FUNCTIONS)


def as_float(number):
    """A number as a float; TypeError for complex ones, of which NumPy drops the imaginary part."""
    if np.iscomplexobj(number):
        raise TypeError(f"operand is {number}, must be real: complex numbers are for mx.np")
    return float(number)


def _function(name, of_arrays, of_array, reflected, python):
    of_arrays, of_array, reflected = (getattr(_gen, f) for f in (of_arrays, of_array, reflected))

    def function(lhs, rhs, out=None, name=None):
        if isinstance(lhs, NDArray):
            if isinstance(rhs, NDArray) or not hasattr(rhs, "__float__"):
                return of_arrays(lhs, rhs, out=out, name=name)
            return of_array(lhs, scalar=as_float(rhs), out=out, name=name)
        if isinstance(rhs, NDArray) and hasattr(lhs, "__float__"):
            return reflected(rhs, scalar=as_float(lhs), out=out, name=name)
        if isinstance(rhs, NDArray) or not (
            hasattr(lhs, "__float__") and hasattr(rhs, "__float__")
        ):
            return of_arrays(lhs, rhs, out=out, name=name)  # names the argument it cannot take
        return python(lhs, rhs)

    function.__name__ = function.__qualname__ = name
    first = of_arrays.__doc__.partition("\n")[0]
    function.__doc__ = (
        f"{first}\n\n"
        "    Parameters\n    ----------\n"
        "    lhs, rhs : NDArray or number\n"
        "        Shapes that broadcast. Two numbers give a number.\n"
        "    out : NDArray, optional\n        Array to write to.\n    "
    )
    return function


globals().update({name: _function(name, *parts) for name, parts in _FUNCTIONS.items()})
