"""Arithmetic that takes arrays of one shape and dtype only, as MXNet's `elemwise_*`."""

from .. import _array
from .._status import DTypeError, ShapeError
from .ndarray import NDArray

__all__ = ["elemwise_add", "elemwise_div", "elemwise_mul", "elemwise_sub"]


def _apply(name, operator, lhs, rhs, out):
    for side, array in (("lhs", lhs), ("rhs", rhs)):
        if not isinstance(array, NDArray):
            raise TypeError(f"{name}: {side} is {type(array).__name__}, must be an array")
    if lhs.shape != rhs.shape:
        raise ShapeError(
            f"{name}: rhs has shape {rhs.shape}, must be {lhs.shape} as lhs\n"
            f"  hint: broadcast_{name[8:]} takes shapes that fit together"
        )
    if lhs.dtype_name != rhs.dtype_name:
        raise DTypeError(f"{name}: rhs has dtype {rhs.dtype_name}, must be {lhs.dtype_name} as lhs")
    return _array.invoke(operator, (lhs, rhs), (), out, NDArray)


_ADD, _SUBTRACT = _array.operator("add"), _array.operator("subtract")
_MULTIPLY, _DIVIDE = _array.operator("multiply"), _array.operator("divide")


def elemwise_add(lhs=None, rhs=None, out=None, name=None):
    """``lhs + rhs`` for arrays of one shape and dtype; `broadcast_add` takes others."""
    return _apply("elemwise_add", _ADD, lhs, rhs, out)


def elemwise_sub(lhs=None, rhs=None, out=None, name=None):
    """``lhs - rhs`` for arrays of one shape and dtype; `broadcast_sub` takes others."""
    return _apply("elemwise_sub", _SUBTRACT, lhs, rhs, out)


def elemwise_mul(lhs=None, rhs=None, out=None, name=None):
    """``lhs * rhs`` for arrays of one shape and dtype; `broadcast_mul` takes others."""
    return _apply("elemwise_mul", _MULTIPLY, lhs, rhs, out)


def elemwise_div(lhs=None, rhs=None, out=None, name=None):
    """``lhs / rhs`` for arrays of one shape and dtype; `broadcast_div` takes others."""
    return _apply("elemwise_div", _DIVIDE, lhs, rhs, out)
