"""Importers of operators on quantized numbers.

Sums of products of 8-bit numbers are computed in float64, which holds them exactly, where
import_int8.py does not take them.
"""

import math

import numpy as np

from .import_int8 import convolution_int8, product_int8
from .import_layers import convolution
from .import_types import dequantized_on_host, quantized_on_host
from .importers import call, imports, is_host_type

_BITS = ("int8", "uint8", "int16", "uint16", "int32")


def _along(s, value, i, axis, shape, block):
    """Scales or zero points (input i) in a shape that broadcasts to data of `shape`."""
    sizes = s.shape(i)
    if math.prod(sizes) == 1 and len(sizes) < 2:
        return call("view_shape", value, shape=()) if sizes else value
    if block:
        value = call("repeat", value, repeats=block, axis=axis)
        if sizes[axis] * block != shape[axis]:
            value = call("slice_axis", value, axis=axis, begin=0, end=shape[axis])
        return value
    line = [1] * len(shape)
    line[axis] = sizes[0]
    return call("reshape", value, shape=tuple(line))


def _saturated(s, x, dtype):
    """Whole numbers moved into the range of a type."""
    info = np.iinfo(dtype)
    return s.cast(call("clip", x, a_min=float(info.min), a_max=float(info.max)), dtype)


def quantized(s, x, scale, zero, dtype):
    """round(x / scale) + zero, in a type of whole numbers."""
    x = call("round_even", call("divide", x, scale))
    if zero is not None:
        x = call("add", x, s.cast(zero, np.float32))
    return _saturated(s, x, dtype)


@imports("QuantizeLinear")
def _(s):
    dtype = s.dtype(2) if s.has(2) else s.any_type_of("output_dtype", np.uint8)
    if is_host_type(dtype):
        return quantized_on_host(s, dtype)
    if dtype.name not in _BITS:
        s.refuse(f"the type {dtype.name}")
    shape, axis = s.shape(), s.axis(default=1)
    block = s.get("block_size", 0)
    scale = _along(s, s[1], 1, axis, shape, block)
    zero = _along(s, s[2], 2, axis, shape, block) if s.has(2) else None
    x, kind = s[0], s.dtype(1)
    if not s.is_floating():
        x = s.cast(x, np.float32)
    if kind != np.float32 or s.dtype() != np.float32:
        x, scale = s.cast(x, np.float32), s.cast(scale, np.float32)
    return quantized(s, x, scale, zero, dtype)


@imports("DequantizeLinear")
def _(s):
    if is_host_type(s.dtype()):
        return dequantized_on_host(s)
    if s.dtype().name not in _BITS:
        s.refuse(f"the type {s.dtype().name}")
    shape, axis = s.shape(), s.axis(default=1)
    block, kind = s.get("block_size", 0), s.type_of("output_dtype", s.dtype(1))
    scale = _along(s, s[1], 1, axis, shape, block)
    x = s.cast(s[0], np.float32)
    if s.has(2):
        zero = _along(s, s[2], 2, axis, shape, block)
        x = call("subtract", x, s.cast(zero, np.float32))
    if s.dtype(1) != np.float32:
        return s.cast(call("multiply", x, s.cast(scale, np.float32)), kind)
    return (
        s.cast(call("multiply", x, scale), kind)
        if kind != np.float32
        else call("multiply", x, scale)
    )


@imports("DynamicQuantizeLinear")
def _(s):
    low = call("minimum_scalar", call("min", s[0]), scalar=0.0)
    high = call("maximum_scalar", call("max", s[0]), scalar=0.0)
    scale = call("divide_scalar", call("subtract", high, low), scalar=255.0)
    zero = _saturated(s, call("round_even", call("divide", call("negative", low), scale)), np.uint8)
    return quantized(s, s[0], scale, zero, np.uint8), scale, zero


def _centred(s, i, zero, axis):
    """Input number i less its zero point (input number `zero`), in float64."""
    x = s.cast(s[i], np.float64)
    if not s.has(zero):
        return x
    point = s.cast(s[zero], np.float64)
    sizes = s.shape(zero)
    if math.prod(sizes) == 1:
        return call("subtract", x, call("view_shape", point, shape=()) if sizes else point)
    if len(sizes) == 1:
        line = [1] * s.ndim(i)
        line[axis % len(line)] = sizes[0]
        point = call("reshape", point, shape=tuple(line))
    return call("subtract", x, point)


@imports("MatMulInteger")
def _(s):
    a, b = _centred(s, 0, 2, -2), _centred(s, 1, 3, -1)
    return s.cast(call("matmul", a, b), np.int32)


@imports("ConvInteger")
def _(s):
    x, w = _centred(s, 0, 2, 1), _centred(s, 1, 3, 0)
    return s.cast(convolution(s, x, w, s.shape(1)), np.int32)


def _factor(s, i, axis, ndim):
    """A scale (input number i) that broadcasts along an axis of the result."""
    sizes = s.shape(i)
    value = s.cast(s[i], np.float32)
    if math.prod(sizes) == 1:
        return call("view_shape", value, shape=()) if sizes else value
    if len(sizes) > 1:
        return value
    line = [1] * ndim
    line[axis % ndim] = sizes[0]
    return call("reshape", value, shape=tuple(line))


@imports("QLinearMatMul")
def _(s):
    fast = product_int8(s)
    if fast is not None:
        return fast
    out = call("matmul", _centred(s, 0, 2, -2), _centred(s, 3, 5, -1))
    ndim = len(s.shape_of(out))
    scale = call("multiply", _factor(s, 1, -2, ndim), _factor(s, 4, -1, ndim))
    scale = call("divide", scale, _factor(s, 6, -2, ndim))
    return _rescaled(s, out, scale, 7)


def _rescaled(s, out, scale, zero):
    """Whole numbers in float64 times a scale, rounded, around the zero point (input `zero`)."""
    out = call("round_even", call("multiply", out, s.cast(scale, np.float64)))
    point = s.cast(s[zero], np.float64)
    if math.prod(s.shape(zero)) == 1 and s.shape(zero):
        point = call("view_shape", point, shape=())
    return _saturated(s, call("add", out, point), s.dtype(zero))


@imports("QGemm")
def _(s):
    """A group of nodes: the second matrix is transposed; input 8 is a bias, or left out."""
    fast = product_int8(s, transposed=True)
    if fast is not None:
        return fast
    b = call("transpose", _centred(s, 3, 5, 0), axes=(1, 0))
    out = call("matmul", _centred(s, 0, 2, -2), b)
    if s.has(8):
        out = call("add", out, s.cast(s[8], np.float64))
    scale = call("multiply", _factor(s, 1, -2, 2), _factor(s, 4, -1, 2))
    return _rescaled(s, out, call("divide", scale, _factor(s, 6, -2, 2)), 7)


@imports("QLinearConv")
def _(s):
    fast = convolution_int8(s)
    if fast is not None:
        return fast
    x, w = _centred(s, 0, 2, 1), _centred(s, 3, 5, 0)
    out = convolution(s, x, w, s.shape(3))
    ndim = len(s.shape(0))
    if s.has(8):
        line = (1, -1, *[1] * (ndim - 2))
        out = call("add", out, call("reshape", s.cast(s[8], np.float64), shape=line))
    scale = call("multiply", _factor(s, 1, 1, ndim), _factor(s, 4, 1, ndim))
    return _rescaled(s, out, call("divide", scale, _factor(s, 6, 1, ndim)), 7)
