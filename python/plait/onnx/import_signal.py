"""Importers of transforms of signals, computed in float64."""

import math

import numpy as np

from .importers import call, imports


def _parts(s, x):
    """Complex numbers as a last axis of real and imaginary part, in the type of the data."""
    return s.cast(call("stack", call("real", x), call("imag", x), axis=-1), s.dtype())


def _complex(s, x, parts):
    """Complex numbers from a last axis of 1 or 2 parts."""
    x = s.cast(x, np.float64)
    real, *imag = (
        call("squeeze", call("slice_axis", x, axis=-1, begin=i, end=i + 1), axis=(-1,))
        for i in range(parts)
    )
    return call("complex", real, imag[0] if imag else call("zeros_like", real))


def _real(s, x):
    return call("squeeze", s.cast(x, np.float64), axis=(-1,))


def _sized(s, x, axis, size, wanted):
    """The first `wanted` elements of an axis, with zeros behind it if there are fewer."""
    if wanted < size:
        return call("slice_axis", x, axis=axis, begin=0, end=wanted)
    if wanted > size:
        width = [0] * (2 * s.ndim())
        width[2 * axis + 1] = wanted - size
        return call("pad", x, mode="constant", pad_width=tuple(width))
    return x


@imports("DFT")
def _(s):
    shape, inverse = s.shape(), bool(s.get("inverse", 0))
    if not s.is_floating():
        s.refuse(f"the type {s.dtype().name}")
    one_sided, parts = bool(s.get("onesided", 0)), shape[-1]
    axis = int(s.number(2, -2)) if s.opset >= 20 else s.get("axis", 1)
    axis %= len(shape)
    size = shape[axis]
    if one_sided and inverse:
        length = int(s.number(1, 2 * (size - 1)))
        x = _sized(s, s[0], axis, size, length // 2 + 1)
        out = call("irfft", _complex(s, x, parts), axis=axis, n=length)
        return s.cast(call("expand_dims", out, axis=-1), s.dtype())
    length = int(s.number(1, size))
    x = _sized(s, s[0], axis, size, length)
    if one_sided:
        if parts == 2:
            x = call("slice_axis", x, axis=-1, begin=0, end=1)
        return _parts(s, call("rfft", _real(s, x), axis=axis))
    out = call("fft", _complex(s, x, parts), axes=(axis,), inverse=inverse)
    return _parts(s, out)


@imports("STFT")
def _(s):
    shape = s.shape()
    step = int(s.number(1))
    length = int(s.number(3)) if s.has(3) else s.shape(2)[0]
    count, parts = (shape[1] - length) // step + 1, shape[2] if len(shape) > 2 else 1
    place = np.arange(count)[:, None] * step + np.arange(length)
    frames = call("take", s[0], s.constant(place), axis=1, mode="clip")
    if len(shape) == 2:
        frames = call("expand_dims", frames, axis=-1)
    if s.has(2):
        frames = call("multiply", frames, call("expand_dims", s[2], axis=-1))
    if s.get("onesided", 1):
        if parts == 2:
            s.refuse("onesided with complex numbers")
        return _parts(s, call("rfft", _real(s, frames), axis=2))
    return _parts(s, call("fft", _complex(s, frames, parts), axes=(2,)))


@imports("MelWeightMatrix")
def _(s):
    bins, length, rate = (int(s.number(i)) for i in range(3))
    low, high = float(s.number(3)), float(s.number(4))
    dtype = s.type_of("output_datatype", np.float32)
    spectrum = length // 2 + 1

    def mel(f):
        return 2595 * math.log10(1 + f / 700)

    steps = np.arange(bins + 2) * ((mel(high) - mel(low)) / (bins + 2)) + mel(low)
    hertz = 700 * (np.power(10, steps / 2595) - 1)
    edges = ((length + 1) * hertz // rate).astype(int)
    out = np.zeros((spectrum, bins))
    for i, (left, middle, right) in enumerate(zip(edges, edges[1:], edges[2:], strict=False)):
        if middle == left:
            out[middle, i] = 1
        else:
            out[left : middle + 1, i] = np.arange(middle - left + 1) / (middle - left)
        if right != middle:
            out[middle:right, i] = (right - np.arange(middle, right)) / (right - middle)
    return out.astype(dtype)


_WINDOWS = {
    "HannWindow": (0.5, 0.5, 0.0),
    "HammingWindow": (25 / 46, 1 - 25 / 46, 0.0),
    "BlackmanWindow": (0.42, 0.5, 0.08),
}


@imports(*_WINDOWS)
def _(s):
    size, (a, b, c) = int(s.number(0)), _WINDOWS[s.node.op_type]
    length = size if s.get("periodic", 1) else max(size - 1, 1)
    angle = 2 * math.pi * np.arange(size) / length
    made = a - b * np.cos(angle) + c * np.cos(2 * angle)
    return made.astype(s.type_of("output_datatype", np.float32))
