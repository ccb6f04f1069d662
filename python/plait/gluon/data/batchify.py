"""Functions that make one batch from a list of samples."""

import numpy as np

from ... import ndarray

__all__ = ["Stack", "Pad", "Append", "Group", "AsList"]


def as_numpy(value):
    """The value as a NumPy array; of 32 bits where it is made of Python numbers."""
    if hasattr(value, "asnumpy"):
        return value.asnumpy()
    array = np.asarray(value)
    if isinstance(value, (np.ndarray, np.generic)):
        return array
    narrow = {"float64": np.float32, "int64": np.int32}
    return array.astype(narrow.get(array.dtype.name, array.dtype))


def to_ndarray(array, dtype=None):
    """An NDArray of the dtype of a NumPy array, or of `dtype`."""
    return ndarray.array(array, dtype=dtype or array.dtype)


class Stack:
    """Samples of one shape (...) as one array (n, ...).

    Examples
    --------
    >>> Stack()([[1, 2], [3, 4]]).shape
    (2, 2)
    """

    def __call__(self, data):
        if hasattr(data[0], "asnumpy"):
            return ndarray.stack(*data)
        return to_ndarray(np.stack([as_numpy(item) for item in data]))


class Pad:
    """Samples of different shapes as one array: each is filled up to the largest.

    Parameters
    ----------
    axis : int, optional
        The only axis in which samples may differ; None: any axis.
    val : float
        Value to fill with.
    dtype : optional
        Default that of the samples.
    ret_length : bool
        Whether to give the lengths along `axis` (int32) as well.
    use_shared_mem : bool
        Accepted for MXNet's programs: workers always hand batches over in shared memory.

    Examples
    --------
    >>> Pad(val=-1)([[1, 2, 3], [4]]).asnumpy().tolist()
    [[1.0, 2.0, 3.0], [4.0, -1.0, -1.0]]
    """

    def __init__(self, axis=None, val=0, dtype=None, ret_length=False, use_shared_mem=False):
        if ret_length and axis is None:
            axis = 0
        self._axis, self._value, self._dtype = axis, val, dtype
        self._ret_length = ret_length

    def __call__(self, data):
        parts = [as_numpy(item) for item in data]
        ndim = parts[0].ndim
        if any(part.ndim != ndim for part in parts):
            raise ValueError(
                f"Pad: samples have {sorted({p.ndim for p in parts})} axes, must agree"
            )
        if self._axis is not None and not -ndim <= self._axis < ndim:
            raise IndexError(f"Pad: axis is {self._axis}, must be in [{-ndim}, {ndim - 1}]")
        shape = tuple(max(part.shape[i] for part in parts) for i in range(ndim))
        for part in parts if self._axis is not None else ():
            for i in range(ndim):
                if i != self._axis % ndim and part.shape[i] != shape[i]:
                    raise ValueError(
                        f"Pad: a sample has shape {part.shape}, must agree with {shape} "
                        f"in all axes but {self._axis}"
                    )
        dtype = np.dtype(self._dtype or parts[0].dtype)
        out = np.full((len(parts), *shape), self._value, dtype)
        for row, part in zip(out, parts, strict=True):
            row[tuple(slice(size) for size in part.shape)] = part
        if not self._ret_length:
            return to_ndarray(out)
        lengths = np.array([part.shape[self._axis] for part in parts], np.int32)
        return to_ndarray(out), to_ndarray(lengths)


class Append:
    """A list of the samples as arrays, each with a first axis of length 1 if `expand`.

    Parameters
    ----------
    expand : bool
        Whether to add the axis.
    batch_axis : int
        Where to add it.
    use_shared_mem : bool
        As in `Pad`.
    """

    def __init__(self, expand=True, batch_axis=0, use_shared_mem=False):
        self._expand, self._batch_axis = expand, batch_axis

    def __call__(self, data):
        parts = [as_numpy(item) for item in data]
        if self._expand:
            parts = [np.expand_dims(part, self._batch_axis) for part in parts]
        return [to_ndarray(part) for part in parts]


class AsList:
    """The samples as they are, in a list."""

    def __call__(self, data):
        return list(data)


class Group:
    """One function for each part of the samples, which are tuples.

    Parameters
    ----------
    fn : callable, or list of callable
        Functions of a list of parts.
    *args : callable
        More of them.

    Examples
    --------
    >>> images, labels = Group(Pad(), Stack())([([1, 2], 0), ([3], 1)])
    """

    def __init__(self, fn, *args):
        self._functions = list(fn) if isinstance(fn, (list, tuple)) else [fn, *args]
        for i, function in enumerate(self._functions):
            if not callable(function):
                raise ValueError(f"Group: function {i} is {function!r}, must be callable")

    def __call__(self, data):
        if len(data[0]) != len(self._functions):
            raise ValueError(
                f"Group: samples have {len(data[0])} parts, must have {len(self._functions)}, "
                "one for each function"
            )
        columns = zip(*data, strict=True)
        return tuple(f(list(part)) for f, part in zip(self._functions, columns, strict=True))
