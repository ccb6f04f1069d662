"""Errors and the types that the whole package shares."""

from typing import Any

import numpy as np

from ._array import DTYPE_NAMES
from ._status import (
    CallbackError,
    CommunicationError,
    DeviceError,
    InternalError,
    MXNetError,
    ShapeError,
)

__all__ = [
    "MXNetError",
    "ShapeError",
    "DeviceError",
    "CommunicationError",
    "CallbackError",
    "InternalError",
    "mx_real_t",
    "py_str",
    "numeric_types",
    "integer_types",
    "string_types",
]

numeric_types = (float, int, np.generic)
integer_types = (int, np.integer)
string_types = (str,)
mx_real_t = np.float32  # the default dtype of `mx.nd`, under MXNet's name


class _MXClassPropertyDescriptor:
    """A property of a class itself: ``NameManager.current``, under MXNet's name."""

    def __init__(self, fget: Any) -> None:
        self._fget = fget
        self.__doc__ = fget.__doc__

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        return self._fget(type(instance) if owner is None else owner)

    def __set__(self, instance: Any, value: Any) -> None:
        raise AttributeError(f"{self._fget.__name__} is {value!r}, must not be assigned")


class _MXClassPropertyMetaClass(type):
    """Metaclass of the classes with such properties: programs do not overwrite them by mistake."""

    def __setattr__(cls, name: str, value: Any) -> None:
        own = cls.__dict__.get(name)
        if isinstance(own, _MXClassPropertyDescriptor):
            own.__set__(cls, value)
        super().__setattr__(name, value)


classproperty = _MXClassPropertyDescriptor


def py_str(text: bytes) -> str:
    """Text from UTF-8, under MXNet's name."""
    return text.decode("utf-8")


def dtype_name(dtype: Any) -> Any:
    """Name of a dtype given as a name, a type or a NumPy dtype; None stays None.

    Raises
    ------
    TypeError
        If it is none of our dtypes.
    """
    if dtype is None or isinstance(dtype, str) and dtype in DTYPE_NAMES:
        return dtype
    try:
        name = np.dtype(dtype).name
    except TypeError:
        name = str(dtype)
    if name not in DTYPE_NAMES:
        raise TypeError(f"dtype is {dtype!r}, must be one of {', '.join(sorted(DTYPE_NAMES))}")
    return name
