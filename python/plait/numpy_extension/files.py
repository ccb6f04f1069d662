"""Saving and loading of arrays in NumPy's and MXNet's formats."""

from __future__ import annotations

import os as _os
from typing import Any

import numpy as _np

from .. import _engine
from ..files import replacing as _replacing
from ..ndarray.create import save as _nd_save
from ..numpy import _operands as _o
from ..numpy.multiarray import ndarray

__all__ = ["load", "save", "savez"]


def save(file: Any, arr: Any) -> None:
    """Write one array in NumPy's .npy format, a list or dict of arrays in MXNet's .params format.

    The name is taken as it is. A file of that name is replaced when the new one is complete.

    Raises
    ------
    TypeError
        If `arr` is no array, list or dict of arrays.
    OSError
        The file cannot be written.
    """
    if isinstance(arr, (list, tuple, dict)):
        _nd_save(_os.fspath(file), arr)
        return
    if not isinstance(arr, _o.Array):
        raise TypeError(f"save: arr is {type(arr).__name__}, must be an array, list or dict")
    with _replacing(file) as partial, open(partial, "wb") as out:
        _np.save(out, _o.to_numpy(arr))


def savez(file: Any, *args: Any, **kwds: Any) -> None:
    """Write arrays in NumPy's .npz format, under the names arr_0, arr_1, ... and the keywords.

    A file of that name is replaced when the new one is complete.
    """
    for item in [*args, *kwds.values()]:
        if not isinstance(item, _o.Array):
            raise TypeError(f"savez: got {type(item).__name__}, must be arrays")
    with _replacing(file) as partial, open(partial, "wb") as out:
        _np.savez(out, *[a.asnumpy() for a in args], **{k: a.asnumpy() for k, a in kwds.items()})


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
