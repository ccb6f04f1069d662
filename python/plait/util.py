"""Which array world a program is in: `mx.nd` with MXNet's rules or `mx.np` with NumPy's."""

from __future__ import annotations

import functools
import inspect
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any

__all__ = [
    "is_np_array",
    "is_np_default_dtype",
    "is_np_shape",
    "np_array",
    "np_default_dtype",
    "np_shape",
    "reset_np",
    "set_np",
    "set_np_default_dtype",
    "set_np_shape",
    "use_np",
    "use_np_array",
    "use_np_default_dtype",
    "use_np_shape",
]


class _State(threading.local):
    array = False
    shape = False


_state = _State()
_default_dtype = False  # of the process, as arrays travel between threads


class _Switch:
    """Sets one flag inside a `with`."""

    def __init__(self, read: Callable[[], bool], write: Callable[[bool], bool], on: bool) -> None:
        self._read, self._write, self._on = read, write, on

    def __enter__(self) -> _Switch:
        self._before = self._read()
        self._write(self._on)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: object, trace: TracebackType | None
    ) -> None:
        self._write(self._before)


def is_np_array() -> bool:
    """True if Gluon blocks of this thread take and give `mx.np.ndarray`."""
    return _state.array


def is_np_shape() -> bool:
    """True if shapes with zeros mean empty arrays in this thread, as they do in NumPy."""
    return _state.shape


def is_np_default_dtype() -> bool:
    """True if NumPy's default dtypes, float64 and int64, are used instead of float32."""
    return _default_dtype


def _set_array(on: bool) -> bool:
    before, _state.array = _state.array, bool(on)
    return before


def set_np_shape(active: bool) -> bool:
    """Switch `is_np_shape`; returns the value before."""
    before, _state.shape = _state.shape, bool(active)
    return before


def set_np_default_dtype(is_np_default_dtype: bool = True) -> bool:
    """Switch `is_np_default_dtype`; returns the value before."""
    global _default_dtype
    before, _default_dtype = _default_dtype, bool(is_np_default_dtype)
    return before


def set_np(shape: bool = True, array: bool = True, dtype: bool = False) -> None:
    """Enter the world of NumPy.

    Parameters
    ----------
    shape : bool
        Zeros in shapes mean empty arrays.
    array : bool
        Gluon blocks take and give `mx.np.ndarray`.
    dtype : bool
        New arrays have NumPy's dtypes: float64 and int64 instead of float32.

    Raises
    ------
    ValueError
        If `array` is True and `shape` is not.
    """
    if array and not shape:
        raise ValueError("set_np: shape is False, must be True if array is True")
    set_np_shape(shape)
    _set_array(array)
    set_np_default_dtype(dtype)


def reset_np() -> None:
    """Leave the world of NumPy."""
    set_np(shape=False, array=False, dtype=False)


def np_shape(active: bool = True) -> _Switch:
    """`set_np_shape` inside a `with`."""
    return _Switch(is_np_shape, set_np_shape, active)


def np_array(active: bool = True) -> _Switch:
    """`is_np_array` set inside a `with`."""
    return _Switch(is_np_array, _set_array, active)


def np_default_dtype(active: bool = True) -> _Switch:
    """`set_np_default_dtype` inside a `with`."""
    return _Switch(is_np_default_dtype, set_np_default_dtype, active)


def _wrap(thing: Any, switch: Callable[[], _Switch]) -> Any:
    """A function that runs inside of `switch`, or a class whose own methods do."""
    if inspect.isclass(thing):
        for name, value in list(vars(thing).items()):
            if inspect.isfunction(value):
                setattr(thing, name, _wrap(value, switch))
        return thing
    if not callable(thing):
        raise TypeError(f"use_np: {thing!r} must be a function or a class")

    @functools.wraps(thing)
    def run(*args: Any, **kwargs: Any) -> Any:
        with switch():
            return thing(*args, **kwargs)

    return run


def use_np_shape(func: Any) -> Any:
    """A function (or the methods of a class) with `np_shape` switched on."""
    return _wrap(func, np_shape)


def use_np_array(func: Any) -> Any:
    """A function (or the methods of a class) with `np_array` switched on."""
    return _wrap(func, np_array)


def use_np_default_dtype(func: Any) -> Any:
    """A function (or the methods of a class) with `np_default_dtype` switched on."""
    return _wrap(func, np_default_dtype)


def use_np(func: Any) -> Any:
    """A function (or the methods of a class) with `np_shape` and `np_array` switched on."""
    return use_np_shape(use_np_array(func))
