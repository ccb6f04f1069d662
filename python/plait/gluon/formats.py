"""Named arrays in files: MXNet's ``.params``, NumPy's ``.npz``, and ``.safetensors``."""

import json
import math
import os
import struct

import numpy as np

from .. import _array, ndarray
from ..files import replacing

__all__ = ["load_arrays", "save_arrays"]

# Names of types in safetensors files.
_TYPES = {
    "float64": "F64",
    "float32": "F32",
    "float16": "F16",
    "bfloat16": "BF16",
    "int64": "I64",
    "int32": "I32",
    "int16": "I16",
    "int8": "I8",
    "uint64": "U64",
    "uint32": "U32",
    "uint16": "U16",
    "uint8": "U8",
    "bool": "BOOL",
}
_NAMES = {text: name for name, text in _TYPES.items()}
_CPU = 1


def save_arrays(path, arrays):
    """Write arrays in the format that the end of the name tells, whole or not at all.

    Parameters
    ----------
    path : str
        ``*.npz``, ``*.safetensors``; all others are MXNet's format.
    arrays : dict of str to NDArray

    Raises
    ------
    TypeError
        If an array of bfloat16, which NumPy does not have, goes to ``.npz``.
    """
    writer = {".npz": _save_npz, ".safetensors": _save_safetensors}.get(_ending(path))
    with replacing(path) as partial:
        (writer or ndarray.save)(partial, arrays)


def load_arrays(path):
    """dict of str to NDArray of a file that `save_arrays` wrote; a list if they have no names.

    Raises
    ------
    OSError
        If the file is missing.
    ValueError
        If it is not what the end of its name says.
    """
    reader = {".npz": _load_npz, ".safetensors": _load_safetensors}.get(_ending(path))
    return (reader or ndarray.load)(path)


def _ending(path):
    return os.path.splitext(os.fspath(path))[1].lower()


def _save_npz(path, arrays):
    for name, array in arrays.items():
        if array.dtype_name == "bfloat16":
            raise TypeError(
                f"save: {name} has dtype bfloat16, must be another one in .npz files\n"
                "  hint: .params and .safetensors files have it"
            )
    with open(path, "wb") as file:
        np.savez(file, **{name: array.asnumpy() for name, array in arrays.items()})


def _load_npz(path):
    with open(path, "rb") as stream:
        try:
            with np.load(stream, allow_pickle=False) as file:
                found = {name: file[name] for name in file.files}
        # numpy lets through what zipfile, zlib and its own parser raise on damaged archives.
        except Exception as error:
            raise ValueError(f"load: {path}: not a whole .npz file: {error}") from None
    return {name: ndarray.array(value, dtype=value.dtype) for name, value in found.items()}


def _save_safetensors(path, arrays):
    header, start = {}, 0
    for name, array in arrays.items():
        size = array.size * _item(array.dtype_name)
        header[name] = {
            "dtype": _TYPES[array.dtype_name],
            "shape": list(array.shape),
            "data_offsets": [start, start + size],
        }
        start += size
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for array in arrays.values():
            file.write(array.tobytes())


def _item(name):
    return 2 if name == "bfloat16" else np.dtype(name).itemsize


def _load_safetensors(path):
    size = os.path.getsize(path)
    with open(path, "rb") as file:
        start = file.read(8)
        length = struct.unpack("<Q", start)[0] if len(start) == 8 else size
        if length > size - 8:
            raise ValueError(f"load: {path}: header has {length} bytes, must fit in {size}")
        try:
            header = json.loads(file.read(length))
        except ValueError as error:
            raise ValueError(f"load: {path}: header is not JSON: {error}") from None
        data = file.read()
    if not isinstance(header, dict):
        raise ValueError(f"load: {path}: header is {type(header).__name__}, must be an object")
    header.pop("__metadata__", None)
    return {name: _array_of(path, name, entry, data) for name, entry in header.items()}


def _array_of(path, name, entry, data):
    """One array; the entry of the header is checked against the bytes that are there."""
    try:
        dtype, shape = _NAMES[entry["dtype"]], tuple(int(n) for n in entry["shape"])
        begin, end = (int(n) for n in entry["data_offsets"])
    except (KeyError, TypeError, ValueError, OverflowError):
        raise ValueError(f"load: {path}: entry of {name} is {entry}, must be of ours") from None
    size = math.prod(shape) * _item(dtype)
    if min(shape, default=0) < 0 or not 0 <= begin <= end <= len(data) or end - begin != size:
        raise ValueError(
            f"load: {path}: {name} stands at [{begin}, {end}) of {len(data)} bytes, "
            f"must have {size}"
        )
    numbers = np.frombuffer(
        data, "uint16" if dtype == "bfloat16" else dtype, math.prod(shape), begin
    )
    return _array.from_buffer(
        numbers.reshape(shape), _array.DTYPE_NUMBERS[dtype], _CPU, 0, ndarray.NDArray
    )
