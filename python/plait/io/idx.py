"""Files in the IDX format of MNIST."""

import gzip
import math
import os
import zlib

import numpy as np

__all__ = ["read_idx"]


def read_idx(path, ndim=None):
    """uint8 array from an IDX file, plain or compressed with gzip; ".gz" may be left out.

    Parameters
    ----------
    path : str
    ndim : int, optional
        Number of axes that the array must have; default any.

    Raises
    ------
    OSError
        If the file is damaged; the message names the file and the offset in the plain data.
    """
    path = path if os.path.exists(path) else path + ".gz"
    try:
        with (gzip.open if path.endswith(".gz") else open)(path, "rb") as file:
            data = file.read()
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise OSError(f"{path}: not a whole gzip file: {error}") from None
    if len(data) < 4 or data[:3] != b"\0\0\x08":
        raise OSError(
            f"{path}: bytes at offset 0 are {data[:4].hex()}, must be 000008 and the "
            "number of dimensions (IDX format, uint8)"
        )
    start = 4 + 4 * data[3]
    if len(data) < start:
        raise OSError(f"{path}: ends at offset {len(data)}, must have sizes up to {start}")
    shape = tuple(np.frombuffer(data, ">u4", data[3], 4).tolist())
    if len(data) != start + math.prod(shape):
        raise OSError(
            f"{path}: ends at offset {len(data)}, must end at "
            f"{start + math.prod(shape)} for shape {shape}"
        )
    if ndim not in (None, len(shape)):
        raise OSError(f"{path}: has {len(shape)} axes at offset 3, must have {ndim}")
    return np.frombuffer(data, np.uint8, offset=start).reshape(shape)
