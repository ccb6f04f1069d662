"""Importers of windows that slide over data."""

import math

import numpy as np

from .import_layers import pads_of, spatial_of
from .importers import call, imports


def _counts(s, kernel, strides, dilations, before, after):
    """Number of windows along each axis."""
    sizes, ceil = spatial_of(s), s.get("ceil_mode", 0)
    found = []
    auto = s.get("auto_pad", "NOTSET")
    for i, size in enumerate(sizes):
        span = (kernel[i] - 1) * dilations[i] + 1
        if auto[:4] == "SAME":
            found.append(-(-size // strides[i]))
            continue
        room = size + before[i] + after[i] - span
        count = (-(-room // strides[i]) if ceil else room // strides[i]) + 1
        if ceil and (count - 1) * strides[i] >= size + before[i]:
            count -= 1  # a last window must not start behind the data
        found.append(count)
    return found


class _Windows:
    """The elements that each window covers, as places in the flattened spatial axes."""

    def __init__(self, s, kernel, strides, dilations, before, after):
        self.s, self.spatial = s, spatial_of(s)
        self.counts = _counts(s, kernel, strides, dilations, before, after)
        place, inside, padded = np.zeros((1, 1), np.int64), True, True
        for i, size in enumerate(self.spatial):
            start = np.arange(self.counts[i])[:, None] * strides[i] - before[i]
            at = start + np.arange(kernel[i]) * dilations[i]
            fits, near = (at >= 0) & (at < size), at < size + after[i]
            place = _crossed(place * size, at, np.add)
            inside = fits if i == 0 else _crossed(inside, fits, np.logical_and)
            padded = near if i == 0 else _crossed(padded, near, np.logical_and)
        self.total = math.prod(self.spatial)
        self.places = np.where(inside, place, self.total)  # (windows, elements)
        self.inside, self.padded = inside, padded

    def values(self, outside):
        """(n, c, windows, elements) with a number for what lies outside."""
        s = self.s
        flat = call("reshape", s[0], shape=(0, 0, self.total))
        width = (0, 0, 0, 0, 0, 1)
        flat = call("pad", flat, mode="constant", pad_width=width, constant_value=outside)
        return call("take", flat, s.constant(self.places), axis=2, mode="clip")

    def shaped(self, x):
        """(n, c, windows) in the shape of the result."""
        return call("reshape", x, shape=(0, 0, *self.counts))


def _crossed(a, b, function):
    """Function of all pairs: (m, k) and (n, l) give (m n, k l)."""
    found = function(a[:, None, :, None], b[None, :, None, :])
    return found.reshape(a.shape[0] * b.shape[0], a.shape[1] * b.shape[1])


def _lowest(dtype):
    return -math.inf if dtype.kind not in "iu" else float(np.iinfo(dtype).min)


def _largest(s, windows):
    """(maxima, their places in the flattened data)."""
    values = windows.values(_lowest(s.dtype()))
    out = windows.shaped(call("max", values, axis=(3,)))
    if not s.wants(1):
        return out
    best = call("expand_dims", call("np_argmax", values, axis=3), axis=3)
    choice = call("np_equal", best, s.constant(np.arange(windows.places.shape[1])))
    place = windows.places
    if s.get("storage_order", 0):
        turned = np.unravel_index(np.minimum(place, windows.total - 1), windows.spatial)
        place = np.ravel_multi_index(turned[::-1], windows.spatial[::-1])
    place = call("multiply", s.cast(choice, np.int64), s.constant(place))
    place = windows.shaped(call("sum", place, axis=(3,)))
    n, c = s.shape()[:2]
    start = np.arange(n * c).reshape(n, c, *[1] * len(windows.spatial)) * windows.total
    return out, call("add", place, s.constant(start))


def _mean(s, windows):
    count = windows.padded if s.get("count_include_pad", 0) else windows.inside
    total = call("sum", windows.values(0.0), axis=(3,))
    factor = s.constant(1.0 / np.maximum(count.sum(1), 1), like=0)
    return windows.shaped(call("multiply", total, factor))


def _power(s, windows):
    p = float(s.get("p", 2))
    values = call("power_scalar", call("abs", windows.values(0.0)), scalar=p)
    return windows.shaped(call("power_scalar", call("sum", values, axis=(3,)), scalar=1 / p))


_KINDS = {"MaxPool": ("max", _largest), "AveragePool": ("avg", _mean), "LpPool": ("lp", _power)}


@imports(*_KINDS)
def _(s):
    kernel = tuple(s.get("kernel_shape"))
    ndim, (kind, windowed) = len(kernel), _KINDS[s.node.op_type]
    strides = tuple(s.get("strides") or (1,) * ndim)
    dilations = tuple(s.get("dilations") or (1,) * ndim)
    before, after = pads_of(s, kernel, strides, dilations)
    include = bool(s.get("count_include_pad", 0)) or kind == "max"
    ceil, counted = s.get("ceil_mode", 0), None
    if ceil or s.get("auto_pad", "NOTSET")[:4] == "SAME":
        counted = _counts(s, kernel, strides, dilations, before, after)
    plain = s.is_floating() and set(dilations) == {1} and not s.wants(1) and ndim <= 3
    plain = plain and all(p < k for p, k in zip(before, kernel, strict=True))
    if ceil:  # the operator's own rule for the last windows, and for what a mean counts there
        rooms = [n + lo + hi - k for n, lo, hi, k in
                 zip(spatial_of(s), before, after, kernel, strict=True)]  # fmt: skip
        full = [-(-room // step) + 1 for room, step in zip(rooms, strides, strict=True)]
        exact = all(room % step == 0 for room, step in zip(rooms, strides, strict=True))
        plain = plain and counted == full and (kind == "max" or exact)
    if not plain or before != after and not (include or kind == "lp"):
        return windowed(s, _Windows(s, kernel, strides, dilations, before, after))
    x = s[0]
    if before != after:
        width = (0, 0, 0, 0, *(v for pair in zip(before, after, strict=True) for v in pair))
        lowest = float(np.finfo(np.float32).min) if kind == "max" else 0.0
        x = call("pad", x, mode="constant", pad_width=width, constant_value=lowest)
        before = [0] * ndim
    return call(
        "pooling",
        x,
        kernel=kernel,
        stride=strides,
        pad=tuple(before),
        pool_type=kind,
        p_value=s.get("p", 2),
        pooling_convention="full" if ceil else "valid",
        count_include_pad=include,
    )


@imports("GlobalMaxPool", "GlobalAveragePool")
def _(s):
    axes = tuple(range(2, s.ndim()))
    op = "max" if s.node.op_type == "GlobalMaxPool" else "mean"
    if len(axes) not in (1, 2, 3):
        return call(op, s[0], axis=axes, keepdims=True)
    kind = "max" if op == "max" else "avg"
    return call("pooling", s[0], kernel=(1,) * len(axes), pool_type=kind, global_pool=True)


@imports("GlobalLpPool")
def _(s):
    axes, p = tuple(range(2, s.ndim())), float(s.get("p", 2))
    total = call("sum", call("power_scalar", call("abs", s[0]), scalar=p), axis=axes, keepdims=True)
    return call("power_scalar", total, scalar=1 / p)
