"""Saving and loading of arrays in NumPy's and MXNet's formats."""

from __future__ import annotations

from typing import Any

import numpy as _np

from .. import _engine
from ..numpy import _operands as _o
from ..numpy.multiarray import ndarray

__all__ = ["load", "save", "savez"]


def save(file: Any, arr: Any) -> None:
    """Write one array in NumPy's .npy format.

    Raises
    ------
    TypeError
        If `arr` is no array; use `savez` for several.
    """
    if not isinstance(arr, _o.Array):
        raise TypeError(f"save: arr is {type(arr).__name__}, must be an array")
    _np.save(file, _o.to_numpy(arr))


def savez(file: Any, *args: Any, **kwds: Any) -> None:
    """Write arrays in NumPy's .npz format, under the names arr_0, arr_1, ... and the keywords."""
    for item in [*args, *kwds.values()]:
        if not isinstance(item, _o.Array):
            raise TypeError(f"savez: got {type(item).__name__}, must be arrays")
    _np.savez(file, *[a.asnumpy() for a in args], **{k: a.asnumpy() for k, a in kwds.items()})


def load(file: Any) -> Any:
    """Arrays from a file in the formats .npy, .npz or MXNet's .params: one, a dict or a list.

    Raises
    ------
    OSError
        The file is missing or corrupt.
    """
    with open(file, "rb") as f:
        head = f.read(6)
    if head == b"\x93NUMPY":
        return _o.from_numpy(_np.load(file, allow_pickle=False))
    if head[:2] == b"PK":
        with _np.load(file, allow_pickle=False) as archive:
            return {name: _o.from_numpy(archive[name]) for name in archive.files}
    arrays, names = _engine.load(file, ndarray)
    return dict(zip(names, arrays, strict=True)) if names else arrays
