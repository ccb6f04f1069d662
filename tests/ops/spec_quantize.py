"""Entries of core/ops/quantize."""

import numpy as np
from harness import Spec

LEVELS = {"int8": 127.5, "uint8": 255.5, "int32": 2147483647.0}
RNG = np.random.RandomState(3)


def end(value):
    return np.array([value], "float32")


def low(*shape, dtype="int8"):
    limits = (-127, 128) if dtype == "int8" else (0, 256)
    return RNG.randint(*limits, size=shape).astype(dtype)


def clipped(steps, dtype):
    limits = (-127, 127) if dtype == "int8" else (0, 255)
    return np.clip(np.rint(steps), *limits).astype(dtype)


def quantize(data, out_type="int8", min_calib_range=None, max_calib_range=None):
    least = data.min() if min_calib_range is None else min_calib_range
    most = data.max() if max_calib_range is None else max_calib_range
    if out_type == "auto":
        out_type = "uint8" if min_calib_range is not None and min_calib_range >= 0 else "int8"
    top = max(abs(least), abs(most))
    if out_type == "int8":
        least, most = -top, top
    steps = data.astype("float64") * (LEVELS[out_type] / top)
    return clipped(steps, out_type), end(least), end(most)


def dequantize(data, low, high):
    return data * max(abs(low[0]), abs(high[0])) / LEVELS[str(data.dtype)]


def requantize(data, low, high, min_calib_range=None, max_calib_range=None):
    real = data * (np.float64(max(abs(low[0]), abs(high[0]))) / LEVELS["int32"])
    top = np.abs(real).max()
    if min_calib_range is not None:
        top = max(abs(min_calib_range), abs(max_calib_range))
    return clipped(real * 127.5 / top, "int8"), end(-top), end(top)


def ranges(data, tops):
    high = tops[0] / (127 if data.dtype == np.int8 else 255) * tops[1] / 127 * LEVELS["int32"]
    return end(-high), end(high)


def bias_steps(data, bias, tops):
    step = tops[0] / LEVELS[str(data.dtype)] * tops[1] / 127.5
    return np.rint(bias * (tops[2] / 127.5 / step)).astype("int32")


def dense(data, weight, *rest, num_hidden, no_bias=False):
    bias, tops = (None, rest[1::2]) if no_bias else (rest[0], rest[2::2])
    tops = [float(t[0]) for t in tops]
    out = data.reshape(len(data), -1).astype("int32") @ weight.astype("int32").T
    if bias is not None:
        out = out + bias_steps(data, bias, tops)
    return (out, *ranges(data, tops))


def windows(data, kernel, stride, pad):
    padded = np.pad(data.astype("int32"), ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    view = np.lib.stride_tricks.sliding_window_view(padded, (kernel, kernel), (2, 3))
    return view[:, :, ::stride, ::stride]


def convolution(data, weight, *rest, no_bias=False, stride=(1, 1), pad=(0, 0), **attrs):
    bias, tops = (None, rest[1::2]) if no_bias else (rest[0], rest[2::2])
    tops = [float(t[0]) for t in tops]
    view = windows(data, weight.shape[2], stride[0], pad[0])
    out = np.einsum("nchwij,fcij->nfhw", view, weight.astype("int32"))
    if bias is not None:
        out = out + bias_steps(data, bias, tops)[:, None, None]
    return (out, *ranges(data, tops))


def pooling(data, least, most, kernel, stride=(1, 1), pool_type="max", **attrs):
    view = windows(data, kernel[0], stride[0], 0)
    out = view.max((4, 5)) if pool_type == "max" else np.rint(view.mean((4, 5)))
    return out.astype(data.dtype), least, most


X = RNG.normal(size=(3, 4)).astype("float32")
Spec(
    "quantize_v2",
    quantize,
    [
        ((X,), {}),
        ((X,), {"min_calib_range": -1.0, "max_calib_range": 0.5}),
        ((np.abs(X),), {"out_type": "uint8"}),
        ((X,), {"out_type": "auto", "min_calib_range": 0.0, "max_calib_range": 1.5}),
    ],
    dtypes=("float32",),
    raises=[
        ((X,), {"out_type": "int4"}, ValueError, "quantize_v2: out_type is 'int4'"),
        ((X,), {"min_calib_range": 1.0}, ValueError, "min_calib_range and max_calib_range must"),
        (
            (X,),
            {"min_calib_range": 1.0, "max_calib_range": 0.0},
            ValueError,
            "min_calib_range is 1, must be at most",
        ),
        ((X.astype("int32"),), {}, TypeError, "quantize_v2: data has dtype int32"),
    ],
)
Spec(
    "dequantize",
    dequantize,
    [
        ((low(3, 4), end(-2), end(1)), {}),
        ((low(3, 4, dtype="uint8"), end(0), end(3)), {}),
        ((RNG.randint(-9, 9, (5,)).astype("int32"), end(-2e9), end(2e9)), {}),
    ],
    dtypes=("float32",),
    raises=[
        ((X, end(0), end(1)), {}, TypeError, "dequantize: data has dtype float32, must be int8"),
        ((low(2), X, end(1)), {}, ValueError, "dequantize: min_range has shape"),
    ],
)
BIG = RNG.randint(-(10**6), 10**6, (3, 4)).astype("int32")
Spec(
    "requantize",
    requantize,
    [
        ((BIG, end(-500), end(500)), {}),
        ((BIG, end(-500), end(500)), {"min_calib_range": -0.1, "max_calib_range": 0.2}),
    ],
    dtypes=("float32",),
    raises=[((low(2), end(0), end(1)), {}, TypeError, "requantize: data has dtype int8")],
)
Spec(
    "quantized_flatten",
    lambda data, least, most: (data.reshape(len(data), -1), least, most),
    [((low(2, 3, 4), end(-1), end(1)), {}), ((low(2, 3, dtype="uint8"), end(0), end(1)), {})],
    dtypes=("float32",),
    raises=[((X, end(0), end(1)), {}, TypeError, "quantized_flatten: data has dtype float32")],
)
WITH = (low(2, 5), low(3, 5), low(3), end(-1), end(1), end(-2), end(2), end(-0.5), end(0.5))
BARE = (low(2, 5, dtype="uint8"), low(3, 5), end(0), end(1), end(-2), end(2))
Spec(
    "quantized_fully_connected",
    dense,
    [
        (WITH, {"num_hidden": 3}),
        (BARE, {"num_hidden": 3, "no_bias": True}),
        ((low(2, 5, 1), *BARE[1:]), {"num_hidden": 3, "no_bias": True}),
    ],
    dtypes=("float32",),
    raises=[
        (BARE, {"num_hidden": 4, "no_bias": True}, ValueError, "weight has shape"),
        (BARE, {"num_hidden": 3}, ValueError, "got 6 input arrays, must be 9"),
        (
            (X, *BARE[1:]),
            {"num_hidden": 3, "no_bias": True},
            TypeError,
            "data has dtype float32, must be int8 or uint8",
        ),
    ],
)
IMAGE, FILTER = low(2, 2, 5, 5, dtype="uint8"), low(3, 2, 3, 3)
Spec(
    "quantized_conv",
    convolution,
    [
        (
            (IMAGE, FILTER, end(0), end(1), end(-2), end(2)),
            {"kernel": (3, 3), "num_filter": 3, "no_bias": True},
        ),
        (
            (low(2, 2, 5, 5), FILTER, low(3), *WITH[3:]),
            {"kernel": (3, 3), "num_filter": 3, "stride": (2, 2), "pad": (1, 1)},
        ),
    ],
    dtypes=("float32",),
    raises=[
        (
            (IMAGE, FILTER, end(0), end(1), end(-2), end(2)),
            {"kernel": (2, 2), "num_filter": 3, "no_bias": True},
            ValueError,
            "weight has shape",
        ),
    ],
)
Spec(
    "quantized_pooling",
    pooling,
    [
        ((IMAGE, end(0), end(1)), {"kernel": (2, 2), "stride": (2, 2), "pool_type": "avg"}),
        ((low(1, 2, 4, 4), end(-1), end(1)), {"kernel": (3, 3)}),
    ],
    dtypes=("float32",),
    raises=[
        ((IMAGE, end(0), end(1)), {"kernel": (9, 9)}, ValueError, "kernel is \\(9, 9\\), must fit"),
    ],
)
