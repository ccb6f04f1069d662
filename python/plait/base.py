"""Errors and the types that the whole package shares."""

from typing import Any

import numpy as np

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
    "numeric_types",
    "integer_types",
    "string_types",
]

numeric_types = (float, int, np.generic)
integer_types = (int, np.integer)
string_types = (str,)


def dtype_name(dtype: Any) -> Any:
    """Name of a dtype given as a name, a type or a NumPy dtype; None stays None.

    Raises
    ------
    TypeError
        If it is none of our dtypes.
    """
    if dtype is None or isinstance(dtype, str) and dtype in _NAMES:
        return dtype
    try:
        name = np.dtype(dtype).name
    except TypeError:
        name = str(dtype)
    if name not in _NAMES:
        raise TypeError(f"dtype is {dtype!r}, must be one of {', '.join(sorted(_NAMES))}")
    return name


_NAMES = frozenset(
    (
        "float32",
        "float64",
        "float16",
        "uint8",
        "int32",
        "int8",
        "int64",
        "bool",
        "int16",
        "uint16",
        "uint32",
        "uint64",
        "bfloat16",
    )
)
