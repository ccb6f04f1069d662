"""Functions of `mx.nd` that are written with the operators."""

import numpy as np

from .._gen import nd as _gen
from .create import array
from .ndarray import NDArray

__all__ = ["histogram", "moveaxis", "onehot_encode", "reset_arrays", "split_v2"]


def _axes(axes, ndim, what):
    places = [axes] if hasattr(axes, "__index__") else list(axes)
    for axis in places:
        if not -ndim <= axis < ndim:
            raise ValueError(f"moveaxis: {what} has {axis}, must be in [{-ndim}, {ndim})")
    places = [axis % ndim for axis in places]
    if len(set(places)) < len(places):
        raise ValueError(f"moveaxis: {what} is {axes}, must name each axis once")
    return places


def moveaxis(tensor, source, destination):
    """Axes moved to other places; the others keep their order.

    Parameters
    ----------
    tensor : NDArray
    source, destination : int or sequence of int
        Where the axes are and where they go; negative numbers count from the end.

    Raises
    ------
    ValueError
        There is no such axis, one is named twice, or the numbers of axes differ.
    """
    ndim = tensor.ndim
    source, target = _axes(source, ndim, "source"), _axes(destination, ndim, "destination")
    if len(source) != len(target):
        raise ValueError(f"moveaxis: destination has {len(target)} axes, must have {len(source)}")
    order = [axis for axis in range(ndim) if axis not in source]
    for place, axis in sorted(zip(target, source, strict=True)):
        order.insert(place, axis)
    return _gen.transpose(tensor, axes=order)


def split_v2(ary, indices_or_sections, axis=0, squeeze_axis=False):
    """Parts of an array along an axis.

    Parameters
    ----------
    ary : NDArray
    indices_or_sections : int or sequence of int
        Number of equal parts, or where the parts after the first one begin.
    axis : int
    squeeze_axis : bool
        Whether parts of length 1 lose the axis.

    Returns
    -------
    NDArray or list of NDArray
        A single part is not put into a list.
    """
    if hasattr(indices_or_sections, "__index__"):
        parts = {"indices": (), "sections": int(indices_or_sections)}
    else:
        parts = {"indices": (0, *indices_or_sections)}
    return _gen._split_v2(ary, axis=axis, squeeze_axis=squeeze_axis, **parts)


def histogram(a, bins=10, range=None):
    """How many elements lie in each interval, and the bounds of the intervals.

    Parameters
    ----------
    a : NDArray
    bins : int or NDArray
        Number of equal intervals, or their ascending bounds.
    range : (float, float), optional
        Lower and upper bound of all intervals; default the smallest and largest element.

    Returns
    -------
    (NDArray, NDArray)
        Counts (n,) of int64 and bounds (n + 1,) of float32.
    """
    if isinstance(bins, NDArray):
        bins = bins.asnumpy()
    counts, bounds = np.histogram(a.asnumpy(), bins, range)
    return array(counts, ctx=a.context, dtype="int64"), array(bounds, ctx=a.context)


def onehot_encode(indices, out):
    """Write rows that are 1 at one place and 0 elsewhere.

    Parameters
    ----------
    indices : NDArray
        (n,) places of the ones.
    out : NDArray
        (n, depth), is overwritten.

    Returns
    -------
    NDArray
        `out`.
    """
    return _gen.one_hot(indices, depth=out.shape[1], dtype=out.dtype_name, out=out)


def reset_arrays(*arrays, num_arrays=None):
    """Set all elements of arrays to 0, in place.

    Parameters
    ----------
    *arrays : NDArray
        Of any shapes and dtypes; or one list of them.
    num_arrays : int, optional
        How many there are: checked if given.

    Raises
    ------
    ValueError
        There are not `num_arrays` arrays.
    """
    if len(arrays) == 1 and isinstance(arrays[0], (list, tuple)):
        arrays = arrays[0]
    if num_arrays is not None and num_arrays != len(arrays):
        raise ValueError(f"reset_arrays: num_arrays is {num_arrays}, must be {len(arrays)}")
    for x in arrays:
        x[...] = 0
