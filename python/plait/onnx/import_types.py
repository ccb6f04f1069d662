"""Importers of changes of type.

Types of 8 bits and less that arrays do not have (float8, float4, int4, ...) stay numpy arrays.
"""

import numpy as np

from .importers import array_of, call, imports, is_host_type


@imports("Identity")
def _(s):
    found = s.raw(0)
    return found if isinstance(found, (list, np.ndarray, type(None))) else call("copy", found)


@imports("Cast", "CastLike")
def _(s):
    if s.node.op_type == "CastLike":
        dtype = s.dtype(1)
    else:
        dtype = s.any_type_of("to", np.float32)
    if is_host_type(dtype):
        s.needs_values(f"the type {dtype.name}")
        return on_host(s.known(0), dtype, s.get("saturate", 1), s.get("round_mode", "up"))
    if is_host_type(s.dtype()):
        found = s.known(0)
        found = found.astype(np.float32) if dtype.kind != "i" else found.astype(np.int32)
        return s.cast(array_of(found, s.reader.ctx, "a value"), dtype)
    return s.cast(s[0], dtype)


def on_host(x, dtype, saturate=1, rounding="up"):
    """Numbers in a type that only the host has."""
    import ml_dtypes

    if dtype.name.startswith(("int", "uint")):  # higher bits are lost
        return x.astype(np.int32).astype(dtype)
    x = x.astype(np.float32)
    if dtype.name == "float8_e8m0fnu":
        return _power_of_two(x, dtype, saturate, rounding)
    if saturate and dtype.name.startswith("float8"):
        limit = float(ml_dtypes.finfo(dtype).max)
        x = np.clip(x, -limit, limit)  # NaN stays
    return x.astype(dtype)


def _power_of_two(x, dtype, saturate, rounding):
    """Powers of two: the next above, below, or nearest."""
    size = np.abs(x)
    with np.errstate(divide="ignore", invalid="ignore"):
        power = np.log2(size.astype(np.float64))
        whole = {"up": np.ceil, "down": np.floor}.get(rounding, np.round)(power)
        found = np.exp2(np.clip(whole, -127, 127 if saturate else None))
    return found.astype(np.float32).astype(dtype)


def _along(s, i, shape):
    """Scales or zero points (input i) as numpy arrays that broadcast to `shape`."""
    value = s.known(i)
    value = value.astype(np.float32)
    axis, block = s.axis(default=1), s.get("block_size", 0)
    if value.size == 1 and value.ndim < 2:
        return value.reshape(())
    if block:
        return np.repeat(value, block, axis)[tuple(slice(n) for n in shape)]
    line = [1] * len(shape)
    line[axis] = value.size
    return value.reshape(line)


def quantized_on_host(s, dtype):
    """x / scale + zero point in a type that only the host has."""
    s.needs_values(f"the type {dtype.name}")
    x, scale = s.known(0).astype(np.float32), _along(s, 1, s.shape())
    x = x / scale
    whole = dtype.name.startswith(("int", "uint"))
    if whole:
        x = np.rint(x)
    if s.has(2):
        x = x + _along(s, 2, s.shape())
    if whole:
        import ml_dtypes

        x = np.clip(x, int(ml_dtypes.iinfo(dtype).min), int(ml_dtypes.iinfo(dtype).max))
    return on_host(x, dtype, s.get("saturate", 1))


def dequantized_on_host(s):
    """(x - zero point) * scale from a type that only the host has."""
    x = s.known(0).astype(np.float32)
    if s.has(2):
        x = x - _along(s, 2, s.shape())
    x = (x * _along(s, 1, s.shape())).astype(s.type_of("output_dtype", s.dtype(1)))
    return array_of(x, s.reader.ctx, "a value")
