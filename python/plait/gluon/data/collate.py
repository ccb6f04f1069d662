"""What a loader does with the samples of a batch unless told otherwise."""

import numpy as np

from ... import ndarray

__all__ = ["default_batchify_fn"]


def default_batchify_fn(data):
    """Stack samples into one array; tuples are stacked part by part.

    Raises
    ------
    ValueError
        If the shapes of the samples differ.
    """
    if isinstance(data[0], tuple):
        return [default_batchify_fn(part) for part in zip(*data, strict=True)]
    if hasattr(data[0], "asnumpy"):
        return ndarray.stack(*data)
    stacked = np.asarray(data)
    return ndarray.array(stacked, dtype=stacked.dtype)
