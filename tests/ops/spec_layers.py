"""Entries of the layers in core/ops/nn: convolution, pooling, dense, activation, batch norm."""

import math

import numpy as np
from harness import HALVES, REALS, Spec, between, normal
from numpy.lib.stride_tricks import sliding_window_view
from scipy.special import log_softmax, softmax

ALL = (*REALS, *HALVES)


# --- convolution ---------------------------------------------------------------------------------


def spread(given, n, value):
    return tuple(given) if given else (value,) * n


def windows(x, kernel, stride=(), dilate=(), pad=()):
    """(batch, channels, out..., kernel...): what each place of the result looks at."""
    n = len(kernel)
    stride, dilate, pad = spread(stride, n, 1), spread(dilate, n, 1), spread(pad, n, 0)
    x = np.pad(x, [(0, 0), (0, 0)] + [(p, p) for p in pad])
    span = [(k - 1) * d + 1 for k, d in zip(kernel, dilate, strict=True)]
    view = sliding_window_view(x, span, axis=tuple(range(2, 2 + n)), writeable=True)
    steps = tuple(slice(None, None, s) for s in stride)
    return view[(slice(None), slice(None), *steps, *(slice(None, None, d) for d in dilate))], x


def grouped(x, num_group, axis):
    return x.reshape(*x.shape[:axis], num_group, x.shape[axis] // num_group, *x.shape[axis + 1 :])


def conv(x, w, b=None, kernel=(), num_filter=0, num_group=1, no_bias=False, **window):
    view, _ = windows(x, kernel, **window)
    n, g = len(kernel), num_group
    places, taps = "xyz"[:n], "uvw"[:n]
    y = np.einsum(
        f"ngc{places}{taps},goc{taps}->ngo{places}", grouped(view, g, 1), grouped(w, g, 0)
    )
    y = y.reshape(x.shape[0], num_filter, *y.shape[3:])
    return y if b is None else y + b.reshape(1, -1, *(1,) * n)


def conv_data(dy, w, kernel=(), num_filter=0, num_group=1, shape=(), pad=(), **window):
    n, g = len(kernel), num_group
    places, taps = "xyz"[:n], "uvw"[:n]
    view, whole = windows(np.zeros(shape), kernel, pad=pad, **window)
    part = np.einsum(
        f"ngo{places},goc{taps}->ngc{places}{taps}", grouped(dy, g, 1), grouped(w, g, 0)
    )
    part = part.reshape(view.shape)
    for tap in np.ndindex(*kernel):
        view[(..., *tap)] += part[(..., *tap)]
    inside = tuple(slice(p, p + s) for p, s in zip(spread(pad, n, 0), shape[2:], strict=True))
    return whole[(slice(None), slice(None), *inside)]


def conv_weight(x, dy, kernel=(), num_filter=0, num_group=1, **window):
    n, g = len(kernel), num_group
    places, taps = "xyz"[:n], "uvw"[:n]
    view, _ = windows(x, kernel, **window)
    dw = np.einsum(
        f"ngc{places}{taps},ngo{places}->goc{taps}", grouped(view, g, 1), grouped(dy, g, 1)
    )
    return dw.reshape(num_filter, x.shape[1] // g, *kernel)


# The ways of the kernel: few samples, enough to fill vectors, groups, no axis in common.
GEOMETRIES = [
    ((2, 3, 7), dict(kernel=(3,), num_filter=4, stride=(2,), pad=(1,))),
    ((2, 2, 5, 6), dict(kernel=(3, 2), num_filter=3, stride=(1, 2), dilate=(2, 1))),
    ((2, 4, 5, 5), dict(kernel=(3, 3), num_filter=6, num_group=2, pad=(1, 1))),
    ((1, 2, 3, 4, 3), dict(kernel=(2, 2, 2), num_filter=2, pad=(1, 0, 1))),
    ((17, 3, 4, 4), dict(kernel=(3, 3), num_filter=5, pad=(1, 1))),
]


def weight_of(shape, attrs):
    return (attrs["num_filter"], shape[1] // attrs.get("num_group", 1), *attrs["kernel"])


def out_of(shape, attrs):
    return conv(np.zeros(shape), np.zeros(weight_of(shape, attrs)), **attrs).shape


PLAIN = dict(kernel=(2, 2), num_filter=2)
Spec(
    "convolution",
    conv,
    [((normal(*s), normal(*weight_of(s, a)), normal(a["num_filter"])), a) for s, a in GEOMETRIES]
    + [((normal(2, 2, 5), normal(3, 2, 2)), dict(kernel=(2,), num_filter=3, no_bias=True))],
    dtypes=ALL,
    grad=(0, 1),
    second=True,
    samples_grad=4,
    raises=[
        ((normal(1, 1, 3, 3), normal(2, 1, 2, 2), normal(3)), PLAIN, ValueError, "bias has shape"),
        (
            (normal(1, 1, 3, 3), normal(2, 2, 2, 2), normal(2)),
            PLAIN,
            ValueError,
            "weight has shape",
        ),
        ((normal(1, 1, 1, 3), normal(2, 1, 2, 2), normal(2)), PLAIN, ValueError, "must fit"),
        ((normal(1, 3), normal(2, 1, 2, 2), normal(2)), PLAIN, ValueError, "data has shape"),
        (
            (normal(1, 3, 4, 4), normal(2, 1, 2, 2), normal(2)),
            dict(PLAIN, num_group=2),
            ValueError,
            "num_group is 2",
        ),
        (
            (np.ones((1, 1, 3, 3), "int32"), np.ones((2, 1, 2, 2), "int32"), np.ones(2, "int32")),
            PLAIN,
            TypeError,
            "data has dtype int32",
        ),
    ],
)
Spec(
    "convolution_backward_data",
    conv_data,
    [((normal(*out_of(s, a)), normal(*weight_of(s, a))), dict(a, shape=s)) for s, a in GEOMETRIES],
    dtypes=ALL,
    grad=(0, 1),
    samples_grad=1,
    raises=[
        (
            (normal(1, 2, 3, 3), normal(2, 1, 2, 2)),
            dict(PLAIN, shape=(1, 1, 3, 3)),
            ValueError,
            "dout has shape",
        )
    ],
)
Spec(
    "convolution_backward_weight",
    conv_weight,
    [((normal(*s), normal(*out_of(s, a))), a) for s, a in GEOMETRIES],
    dtypes=ALL,
    grad=(0, 1),
    samples_grad=1,
    raises=[
        ((normal(1, 1, 3, 3), normal(1, 2, 3, 3)), PLAIN, ValueError, "dout has shape"),
    ],
)


# --- pooling -------------------------------------------------------------------------------------


def pool_windows(
    shape, kernel=(), stride=(), pad=(), pooling_convention="valid", global_pool=False
):
    """For each place of the result: its index, its window inside the data, elements with padding."""
    size = shape[2:]
    n = len(size)
    kernel = size if global_pool else kernel
    stride, pad = spread(stride, n, 1), spread(pad, n, 0)
    out = []
    for s, k, t, p in zip(size, kernel, stride, pad, strict=True):
        span = s + 2 * p - k
        whole = {"valid": span // t + 1, "full": -(-span // t) + 1, "same": -(-s // t)}
        out.append(whole[pooling_convention])
    for index in np.ndindex(*shape[:2], *out):
        first = [i * t - p for i, t, p in zip(index[2:], stride, pad, strict=True)]
        last = [f + k for f, k in zip(first, kernel, strict=True)]
        count = math.prod(
            min(b, s + p) - a for a, b, s, p in zip(first, last, size, pad, strict=True)
        )
        inside = tuple(
            slice(max(a, 0), min(b, s)) for a, b, s in zip(first, last, size, strict=True)
        )
        yield index, (*index[:2], *inside), count, (*shape[:2], *out)


def any_layout(function):
    """`function` of data with channels first, also for `layout` with channels last."""

    def by_layout(*data, layout=None, **attrs):
        if layout is None:
            return function(*data, **attrs)
        first = [np.moveaxis(x, -1, 1) for x in data]
        return np.moveaxis(function(*first, **attrs), 1, -1)

    return by_layout


@any_layout
def pool(x, pool_type="max", count_include_pad=True, **window):
    result = {}
    for index, inside, count, _ in pool_windows(x.shape, **window):
        part = x[inside]
        result[index] = {
            "max": part.max,
            "sum": part.sum,
            "avg": lambda p=part, c=count: p.sum() / (c if count_include_pad else p.size),
        }[pool_type]()
    y = np.zeros(tuple(i + 1 for i in max(result)))
    for index, value in result.items():
        y[index] = value
    return y


@any_layout
def at_maximum(values, x, **window):
    y = None
    for index, inside, _, shape in pool_windows(x.shape, **window):
        y = np.zeros(shape) if y is None else y
        y[index] = values[inside].ravel()[x[inside].argmax()]
    return y


WINDOWS = [
    ((2, 3, 6, 6), dict(kernel=(2, 2), stride=(2, 2))),
    ((1, 2, 5, 7), dict(kernel=(3, 2), stride=(2, 1), pad=(1, 1))),
    ((1, 2, 7), dict(kernel=(3,), stride=(2,), pooling_convention="full")),
    ((1, 2, 5, 5), dict(kernel=(3, 3), stride=(3, 2), pad=(1, 1), pooling_convention="same")),
    ((1, 2, 3, 4, 5), dict(kernel=(2, 2, 3), stride=(1, 2, 1))),
    ((2, 3, 4, 5), dict(global_pool=True)),
]
LAYOUTS = {3: "NWC", 4: "NHWC", 5: "NDHWC"}
LAST = [((s[0], *s[2:], s[1]), dict(a, layout=LAYOUTS[len(s)])) for s, a in WINDOWS]
Spec(
    "pooling",
    pool,
    [((normal(*s),), a) for s, a in WINDOWS + LAST]
    + [((normal(*s),), dict(a, pool_type="avg")) for s, a in LAST[:2]]
    + [((normal(*s),), dict(a, pool_type="avg")) for s, a in WINDOWS]
    + [
        ((normal(*WINDOWS[1][0]),), dict(WINDOWS[1][1], pool_type="sum")),
        ((normal(*WINDOWS[1][0]),), dict(WINDOWS[1][1], pool_type="avg", count_include_pad=False)),
    ],
    dtypes=ALL,
    grad=(0,),
    second=True,
    raises=[
        ((normal(1, 1, 3, 3),), dict(kernel=(0, 2)), ValueError, "kernel is"),
        ((normal(1, 1, 3, 3),), dict(kernel=(2, 2), pad=(2, 0)), ValueError, "pad is"),
        ((normal(1, 1, 3, 3),), dict(kernel=(2, 2), layout="NWC"), ValueError, "layout is 'NWC'"),
        ((normal(1, 1, 3, 3),), dict(kernel=(4, 2)), ValueError, "must fit"),
        ((normal(1, 3),), dict(kernel=(2, 2)), ValueError, "data has shape"),
        ((np.ones((1, 1, 3), "int32"),), dict(kernel=(2,)), TypeError, "data has dtype int32"),
    ],
)
Spec(
    "pooling_at_maximum",
    at_maximum,
    [((between(-1, 1, *s), normal(*s)), a) for s, a in WINDOWS + LAST[:2]],
    dtypes=ALL,
    grad=(0,),
    second=True,
    raises=[
        ((normal(1, 1, 3), normal(1, 1, 4)), dict(kernel=(2,)), ValueError, "values has shape"),
    ],
)


# --- dense layers, normalisation, activations -----------------------------------------------------


def fully_connected(x, w, b=None, num_hidden=0, no_bias=False, flatten=True):
    y = (x.reshape(len(x), -1) if flatten else x) @ w.T
    return y if b is None else y + b


Spec(
    "fully_connected",
    fully_connected,
    [
        ((normal(3, 4), normal(5, 4), normal(5)), dict(num_hidden=5)),
        ((normal(3, 2, 2), normal(5, 4)), dict(num_hidden=5, no_bias=True)),
        ((normal(2, 3, 4), normal(5, 4), normal(5)), dict(num_hidden=5, flatten=False)),
    ],
    dtypes=ALL,
    grad=(0, 1),
    second=True,
    raises=[
        (
            (normal(3, 4), normal(5, 3), normal(5)),
            dict(num_hidden=5),
            ValueError,
            "weight has shape",
        ),
        ((normal(3, 4), normal(5, 4), normal(4)), dict(num_hidden=5), ValueError, "bias has shape"),
        (
            (normal(3, 4), normal(5, 4), normal(5)),
            dict(num_hidden=0),
            ValueError,
            "num_hidden is 0",
        ),
    ],
)

ACTIVATIONS = {
    "relu": lambda x: np.maximum(x, 0),
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "tanh": np.tanh,
    "softrelu": lambda x: np.logaddexp(0, x),
    "softsign": lambda x: x / (1 + np.abs(x)),
}
Spec(
    "activation",
    lambda x, act_type: ACTIVATIONS[act_type](x),
    [((normal(3, 4) * 3,), dict(act_type=name)) for name in ACTIVATIONS],
    dtypes=ALL,
    grad=(0,),
    second=True,
    raises=[
        ((normal(2),), dict(act_type="bent"), ValueError, "act_type"),
        ((np.ones(2, "int32"),), dict(act_type="relu"), TypeError, "data has dtype int32"),
    ],
)


def masked_softmax(x, length=None, axis=-1, use_length=False):
    if length is None:
        return softmax(x, axis=axis)
    place = np.arange(x.shape[axis]).reshape(-1, *(1,) * (x.ndim - 1 - axis % x.ndim))
    e = np.exp(x) * (place < np.expand_dims(length, axis))
    return e / np.maximum(e.sum(axis, keepdims=True), 1e-300)


LENGTHS = np.array([[1, 3, 2, 0], [2, 2, 5, 1]], "int32")
SHORTENED = [((normal(2, 3, 4), LENGTHS), dict(axis=1, use_length=True))]

for name, function, more in [
    ("softmax", masked_softmax, SHORTENED),
    ("log_softmax", log_softmax, []),
]:
    Spec(
        name,
        lambda x, *length, axis=-1, temperature=1.0, f=function, dtype=None, **attrs: f(
            x / temperature, *length, axis=axis, **attrs
        ),
        [
            ((normal(4, 5),), {}),
            ((normal(3, 70),), {}),
            ((normal(2, 3, 4),), dict(axis=1, temperature=0.5)),
            ((normal(3, 4) * 1e3,), {}),
            *more,
        ],
        dtypes=ALL,
        grad=(0,),
        second=True,
        samples_grad=3,
        raises=[
            ((normal(2),), dict(temperature=0.0), ValueError, "temperature is 0"),
            ((normal(2),), dict(axis=1), IndexError, "axis is 1"),
            ((np.ones(2, "int32"),), {}, TypeError, "data has dtype int32"),
            ((normal(2),), dict(dtype="int32"), TypeError, "dtype is int32"),
        ],
    )


def batch_norm(x, gamma, beta, mean, var, eps=1e-3, fix_gamma=True, axis=1, use_global_stats=False):
    shape = [1] * x.ndim
    shape[axis] = -1
    scale = (1 if fix_gamma else gamma) / np.sqrt(var + eps)
    return (x - mean.reshape(shape)) * scale.reshape(shape) + beta.reshape(shape)


def statistics(channels):
    return normal(channels), normal(channels) + 1, normal(channels) * 2, between(0.5, 2, channels)


Spec(
    "batch_norm",
    batch_norm,
    [
        ((normal(2, 3, 4), *statistics(3)), dict(use_global_stats=True, fix_gamma=False)),
        ((normal(2, 3, 4, 40), *statistics(3)), dict(use_global_stats=True, eps=0.1)),
        ((normal(2, 3, 4), *statistics(4)), dict(use_global_stats=True, axis=2, fix_gamma=False)),
    ],
    dtypes=REALS,
    grad=(0, 1, 2),
    second=True,
    samples_grad=1,
    raises=[
        ((normal(2, 3), *statistics(4)), {}, ValueError, "gamma has shape"),
        ((normal(2, 3), *statistics(3)), dict(eps=0.0), ValueError, "eps is 0"),
        ((normal(2, 3), *statistics(3)), dict(axis=2), IndexError, "axis is 2"),
        (
            (normal(2, 3), *(np.ones(3, "float32") for _ in range(4))),
            {},
            TypeError,
            "gamma has dtype float32, must be float64",
        ),
    ],
)
Spec(
    "batch_norm_own_statistics",
    lambda like, use_global_stats=False: np.zeros(1),
    [((normal(3),), {}), ((normal(3),), dict(use_global_stats=True))],
    dtypes=REALS,
)
Spec(
    "dropout",
    lambda x, p=0.5, axes=(), mode="training": x,
    [((normal(3, 4),), {}), ((normal(3, 4),), dict(p=0.3, axes=(1,))), ((normal(5),), dict(p=0.0))],
    dtypes=ALL,
    raises=[
        ((normal(2),), dict(p=1.0), ValueError, "p is 1"),
        ((normal(2),), dict(axes=(1,)), IndexError, "axes is 1"),
        ((np.ones(2, "int32"),), {}, TypeError, "data has dtype int32"),
    ],
)

TABLE = dict(input_dim=5, output_dim=3)
Spec(
    "embedding",
    lambda i, w, **_: w[np.clip(i, 0, 4)],
    [
        ((np.array([[0, 4], [2, 2]], "int32"), normal(5, 3)), TABLE),
        ((np.array([-1, 7], "int64"), normal(5, 3)), TABLE),
    ],
    dtypes=ALL,
    grad=(1,),
    second=True,
    raises=[
        ((np.array([0], "int32"), normal(4, 3)), TABLE, ValueError, "weight has shape"),
        ((np.array([0], "int32"), normal(0, 3)), dict(TABLE, input_dim=0), ValueError, "input_dim"),
    ],
)
