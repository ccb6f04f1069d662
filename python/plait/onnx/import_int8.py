"""Layers of quantized files by the operators on 8-bit numbers.

With the zero points zx and zy a result is, in steps of its scale,
``zy + bias + scale (sum of products - zx sum of weights)``: all but the sum of products goes into
one vector. Such layers need weights that are known, int8 and without a zero point.
"""

import math

import numpy as np

from .import_layers import pads_of
from .importers import call

__all__ = ["convolution_int8", "product_int8"]

_LOW = ("int8", "uint8")


def _fits(s, weight_axes):
    """bool: whether inputs 0 to 7, as of QLinearConv and QLinearMatMul, are such a layer's."""
    if not all(s.is_known(i) for i in range(1, 8) if s.has(i)):
        return False
    low = s.dtype(0).name in _LOW and s.dtype(3).name == "int8" and s.dtype(7).name in _LOW
    single = all(np.size(s.known(i, 0)) == 1 for i in (1, 2, 6, 7))
    per_filter = np.size(s.known(4)) in (1, s.shape(3)[weight_axes[0]])
    return low and single and per_filter and not np.any(s.known(5, 0))


def _vectors(s, filters, sums, bias):
    """(factor of the products, what is added) of each filter, as symbols or arrays."""
    factor = np.broadcast_to(np.ravel(s.known(4)).astype(float), (filters,))
    factor = factor * s.number(1) / s.number(6)
    added = (np.zeros(filters) if bias is None else bias) - s.number(2, 0) * sums
    added = s.number(7, 0) + factor * added
    name = s.node.output[0]
    return (s.derived(4, f"{name}_factor", lambda _: factor.astype(np.float32)),
            s.derived(4, f"{name}_added", lambda _: added.astype(np.float32)))  # fmt: skip


def _bias(s, i):
    return np.ravel(s.known(i)).astype(float) if s.has(i) else None


def _by_places(s, name):
    """A value (batch, channels, height, width) with the channels last."""
    made = s.reader.channels_last.get(name)
    return call("transpose", s.reader.value(name), axes=(0, 2, 3, 1)) if made is None else made


def convolution_int8(s):
    """The result of QLinearConv; None: another way must be taken."""
    shape = s.shape(3)
    if len(shape) != 4 or not _fits(s, (0,)) or (s.has(8) and not s.is_known(8)):
        return None
    kernel = tuple(s.get("kernel_shape") or shape[2:])
    strides = tuple(s.get("strides") or (1, 1))
    dilations = tuple(s.get("dilations") or (1, 1))
    before, after = pads_of(s, kernel, strides, dilations)
    zero, x = s.number(2, 0), _by_places(s, s.node.input[0])
    if (zero and any(before + after)) or before != after:
        width = (0, 0, before[0], after[0], before[1], after[1], 0, 0)
        x = call("pad", x, mode="constant", pad_width=width, constant_value=float(zero))
        before = [0, 0]
    sums = s.known(3).sum(axis=(1, 2, 3), dtype=float)
    vectors = _vectors(s, shape[0], sums, _bias(s, 8))
    y = call("int8_convolution", x, s[3], *vectors, kernel=kernel, stride=strides,
             dilate=dilations, pad=tuple(before), num_filter=shape[0],
             num_group=s.get("group", 1), dtype=s.dtype(7).name)  # fmt: skip
    s.reader.channels_last[s.node.output[0]] = y
    return call("transpose", y, axes=(0, 3, 1, 2))


def product_int8(s, transposed=False):
    """The result of QLinearMatMul with one matrix, or of QGemm; None: see above.

    A row is an image of one pixel.
    """
    shape = s.shape(3)
    columns = 0 if transposed else 1
    if len(shape) != 2 or not _fits(s, (columns,)) or (s.has(8) and not s.is_known(8)):
        return None
    *rows, inner = s.shape()
    matrix = s.known(3) if transposed else s.known(3).T
    weight = s.derived(3, f"{s.node.output[0]}_filters", lambda _: matrix[:, :, None, None])
    vectors = _vectors(s, shape[columns], matrix.sum(axis=1, dtype=float), _bias(s, 8))
    x = call("reshape", s[0], shape=(1, math.prod(rows), 1, inner))
    y = call("int8_convolution", x, weight, *vectors, kernel=(1, 1), num_filter=shape[columns],
             dtype=s.dtype(7).name)  # fmt: skip
    return call("reshape", y, shape=(*rows, shape[columns]))
