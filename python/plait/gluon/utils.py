"""Splitting batches over devices, clipping gradients, checking files."""

import math
import os

from .. import ndarray
from ..context import cpu
from .download import check_sha1, download, repository_url

__all__ = [
    "split_data",
    "split_and_load",
    "clip_global_norm",
    "check_sha1",
    "download",
    "replace_file",
]

replace_file = os.replace

# MXNet's name, which packages on top of it use.
_get_repo_url = repository_url


def _get_repo_file_url(namespace, filename):
    """str: address of a file that MXNet's projects published, under the same name as in MXNet."""
    return f"{repository_url()}{namespace}/{filename}"


def split_data(data, num_slice, batch_axis=0, even_split=True):
    """Cut an array into `num_slice` parts along `batch_axis`.

    Raises
    ------
    ValueError
        If the axis is too short, or not a multiple of `num_slice` with `even_split`.
    """
    size = data.shape[batch_axis]
    if size < num_slice:
        raise ValueError(
            f"split_data: num_slice is {num_slice}, must be <= {size} "
            f"for data of shape {data.shape}"
        )
    if even_split and size % num_slice:
        raise ValueError(
            f"split_data: num_slice is {num_slice}, must divide {size} "
            f"for data of shape {data.shape}\n  hint: even_split=False"
        )
    if num_slice == 1:
        return [data]
    step = size // num_slice
    ends = [step * (i + 1) for i in range(num_slice - 1)] + [size]
    starts = [0, *ends[:-1]]
    return [
        data.slice_axis(axis=batch_axis, begin=a, end=b) for a, b in zip(starts, ends, strict=True)
    ]


def split_and_load(data, ctx_list, batch_axis=0, even_split=True):
    """As `split_data`, one part for each context, copied there."""
    if not hasattr(data, "as_in_context"):
        data = ndarray.array(data, ctx=ctx_list[0])
    parts = split_data(data, len(ctx_list), batch_axis, even_split)
    return [part.as_in_context(ctx) for part, ctx in zip(parts, ctx_list, strict=True)]


def clip_global_norm(arrays, max_norm, check_isfinite=True):
    """Scale arrays in place so that their joint 2-norm is at most `max_norm`.

    Returns
    -------
    float
        The norm before scaling; an array of one element if not `check_isfinite`.

    Notes
    -----
    Pascanu, Mikolov, Bengio (2013), algorithm 1. Waits for the arrays if `check_isfinite`.
    """
    if not arrays:
        raise ValueError("clip_global_norm: arrays is empty, must have at least one")
    total = sum((a.as_in_context(cpu()) ** 2).sum() for a in arrays) ** 0.5
    if check_isfinite:
        norm = float(total.asscalar())
        if not math.isfinite(norm):
            import warnings

            warnings.warn(
                f"clip_global_norm: the norm is {norm}, clipping makes no sense", stacklevel=2
            )
        if max_norm / (norm + 1e-8) < 1.0:
            for array in arrays:
                array *= max_norm / (norm + 1e-8)
        return norm
    scale = ndarray.clip(max_norm / (total + 1e-8), 0.0, 1.0)
    for array in arrays:
        array *= scale.as_in_context(array.context)
    return total
