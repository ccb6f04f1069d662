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

HALVES = np.array([-300.0, -2.5, -0.5, 0.5, 1.5, 2.6, 200.0, np.inf], "float32") / 2


def to_int8(data, scale, dtype="int8"):
    limits = np.iinfo(dtype)
    return np.clip(np.rint(data * np.float32(scale)), limits.min, limits.max).astype(dtype)


Spec(
    "to_int8",
    to_int8,
    [((HALVES,), {"scale": 2.0}), ((X,), {"scale": 90.5, "dtype": "uint8"})],
    dtypes=("float32",),
    raises=[
        ((X,), {"scale": 0.0}, ValueError, "to_int8: scale is 0, must be > 0"),
        ((X,), {"scale": 1.0, "dtype": "int32"}, TypeError, "result has dtype int32"),
        ((X.astype("int32"),), {"scale": 1.0}, TypeError, "data has dtype int32, must be float32"),
    ],
)


def whole_convolution(
    data, weight, scale, *rest, num_group=1, stride=(1, 1), pad=(0, 0), no_bias=False,
    relu=False, sum_scale=0.0, dtype="int8", **attrs,
):  # fmt: skip
    first, filters = data.transpose(0, 3, 1, 2), len(weight) // num_group
    parts = [
        np.einsum(
            "nchwij,fcij->nhwf",
            windows(first[:, g * weight.shape[1] :][:, : weight.shape[1]], weight.shape[2], stride[0], pad[0]),
            weight[g * filters : (g + 1) * filters].astype("int64"),
        )
        for g in range(num_group)
    ]  # fmt: skip
    out = np.concatenate(parts, -1) * scale.astype("float64")
    out = out if no_bias else out + rest[0]
    out = out + sum_scale * rest[-1] if sum_scale else out
    out = np.maximum(out, 0) if relu else out
    if dtype == "float32":
        return out
    return np.clip(np.rint(out), np.iinfo(dtype).min, np.iinfo(dtype).max).astype(dtype)


def reals(*shape):
    return RNG.uniform(0.001, 0.01, size=shape).astype("float32")


WHOLE, WIDE = low(2, 5, 6, 3, dtype="uint8"), low(1, 4, 4, 32)
SMALL = {"kernel": (3, 3), "num_filter": 4}
Spec(
    "int8_convolution",
    whole_convolution,
    [
        ((WHOLE, low(4, 3, 3, 3), reals(4), reals(4) * 900), SMALL),
        (
            (WHOLE, low(4, 3, 3, 3), reals(4), reals(4), low(2, 3, 3, 4, dtype="uint8")),
            {**SMALL, "stride": (2, 2), "pad": (1, 1), "sum_scale": 0.7, "relu": True, "dtype": "uint8"},
        ),
        (
            (WIDE, low(32, 16, 3, 3), reals(32)),
            {"kernel": (3, 3), "num_filter": 32, "num_group": 2, "pad": (1, 1), "no_bias": True, "dtype": "float32"},
        ),
        (
            (WIDE, low(16, 32, 1, 1), reals(16), reals(16), RNG.normal(size=(1, 4, 4, 16)).astype("float32")),
            {"kernel": (1, 1), "num_filter": 16, "sum_scale": 2.0, "dtype": "float32"},
        ),
    ],
    dtypes=("float32",),
    raises=[
        ((WHOLE, low(4, 3, 2, 2), reals(4), reals(4)), SMALL, ValueError, "weight has shape"),
        ((WHOLE, low(4, 3, 3, 3), reals(5), reals(4)), SMALL, ValueError, "scale has shape"),
        (
            (WHOLE, low(4, 3, 3, 3), reals(4), reals(4), reals(2, 3, 4, 4)),
            {**SMALL, "sum_scale": 1.0},
            TypeError,
            "operand has dtype float32, must fit the result's, int8",
        ),
        (
            (WHOLE.astype("int32"), low(4, 3, 3, 3), reals(4), reals(4)),
            SMALL,
            TypeError,
            "data has dtype int32, must be int8 or uint8",
        ),
    ],
)  # fmt: skip
Spec(
    "int8_convolution_pack",
    None,  # the layout depends on the processor
    [((low(4, 3, 3, 3),), {**SMALL, "shape": (2, 5, 6, 3), "unsigned_data": True})],
    dtypes=("float32",),
    raises=[
        (
            (low(4, 3, 3, 1),),
            {**SMALL, "shape": (2, 5, 6, 3), "unsigned_data": True},
            ValueError,
            "weight has shape",
        )
    ],
)


def whole_maxima(data, kernel, stride=(1, 1), pad=(0, 0), full=False):
    least = np.iinfo(data.dtype).min
    span = [n + 2 * p - k for n, p, k in zip(data.shape[1:3], pad, kernel, strict=True)]
    more = [(-s) % t if full else 0 for s, t in zip(span, stride, strict=True)]
    padded = np.pad(
        data, ((0, 0), *((p, p + m) for p, m in zip(pad, more, strict=True)), (0, 0)),
        constant_values=least,
    )  # fmt: skip
    view = np.lib.stride_tricks.sliding_window_view(padded, kernel, (1, 2))
    return view[:, :: stride[0], :: stride[1]].max((-2, -1))


Spec(
    "int8_max_pooling",
    whole_maxima,
    [
        ((WHOLE,), {"kernel": (2, 3), "stride": (2, 1)}),
        ((WIDE,), {"kernel": (3, 3), "stride": (2, 2), "pad": (1, 1)}),
        ((WIDE,), {"kernel": (3, 3), "stride": (2, 2), "full": True}),
    ],
    dtypes=("float32",),
    raises=[
        ((WHOLE,), {"kernel": (9, 9)}, ValueError, "kernel is .9, 9., must fit into data"),
        ((WHOLE,), {"kernel": (2, 2), "pad": (2, 2)}, ValueError, "pad is .2, 2., must be >= 0"),
        ((WHOLE,), {"kernel": (2,)}, ValueError, "must have 2 sizes"),
    ],
)
