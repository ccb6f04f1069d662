"""Arguments of `bind`: arrays and requests for gradients, for all arguments of a symbol."""

import logging
import math

from .. import ndarray
from ..base import dtype_name

__all__ = ["by_name", "from_buffer", "requests"]


def by_name(values, names, what):
    """List in the order of `names` from a list or a dict.

    A dict may leave names out (None), and may serve several graphs: it can have others too.
    """
    if values is None:
        return [None] * len(names)
    if isinstance(values, dict):
        return [values.get(name) for name in names]
    values = list(values)
    if len(values) != len(names):
        raise ValueError(f"bind: {what} has {len(values)} arrays, must be {len(names)}: {names}")
    return values


def requests(grad_req, names):
    """grad_req of each name from one for all, a list or a dict."""
    if isinstance(grad_req, str):
        found = [grad_req] * len(names)
    elif isinstance(grad_req, dict):
        found = [grad_req.get(name, "null") for name in names]
    else:
        found = list(grad_req)
    if len(found) != len(names):
        raise ValueError(f"bind: grad_req has {len(found)} values, must have {len(names)}")
    for req in found:
        if req not in ("write", "add", "null"):
            raise ValueError(f"bind: grad_req is {req!r}, must be 'write', 'add' or 'null'")
    return found


def from_buffer(buffer, name, shape, ctx, dtype):
    """The beginning of ``buffer[name]`` in a shape, or a new array, which is put there."""
    kept = None if buffer is None else buffer.get(name)
    size = math.prod(shape)
    if kept is None or kept.size < size:
        if kept is not None:
            logging.warning(
                "simple_bind: %s has shape %s in shared_buffer, a larger array of shape %s takes "
                "its place: bind the largest shapes first to share",
                *(name, kept.shape, shape),
            )
        new = ndarray.zeros(shape, ctx, dtype)
        if buffer is not None:
            buffer[name] = new
        return new
    if kept.dtype_name != dtype_name(dtype):
        raise ValueError(
            f"simple_bind: {name} has dtype {kept.dtype_name} in shared_buffer, must be "
            f"{dtype_name(dtype)}"
        )
    return kept if kept.shape == shape else kept.reshape((-1,))[:size].reshape(shape)
