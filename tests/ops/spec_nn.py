"""Entries of core/ops/nn."""

import itertools
import math

import numpy as np
from harness import FLOATS, HALVES, SPECS, Spec, between, normal

REALS = ("float32", "float64")
erf = np.vectorize(math.erf, otypes=["float64"])


def softmax(x, axis=-1):
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


def normalise(x, axes, eps):
    mean, var = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
    return (x - mean) / np.sqrt(var + eps), mean, np.sqrt(var + eps)


def along(v, ndim, axis):
    """The vector `v` in the shape in which it broadcasts along `axis`."""
    shape = [1] * ndim
    shape[axis] = -1
    return v.reshape(shape)


def layer_norm(x, gamma, beta, axis=-1, eps=1e-5, output_mean_var=False):
    h, mean, std = normalise(x, axis, eps)
    y = h * along(gamma, x.ndim, axis) + along(beta, x.ndim, axis)
    return (y, mean, std) if output_mean_var else y


def group_norm(x, gamma, beta, num_groups=1, eps=1e-5):
    h = normalise(x.reshape(len(x), num_groups, -1), 2, eps)[0]
    return (h * gamma[:, None] + beta[:, None]).reshape(x.shape)


Spec(
    "layer_norm",
    layer_norm,
    [
        ((normal(3, 5), normal(5), normal(5) * 2), {}),
        ((normal(2, 5, 3), normal(5), normal(5)), {"axis": 1, "eps": 0.1}),
        ((normal(2, 40), normal(40), normal(40)), {"output_mean_var": True}),
        ((np.zeros((0, 3)), normal(3), normal(3)), {}),
    ],
    grad=(0, 1, 2),
    raises=[
        (
            (normal(2, 3), normal(2), normal(3)),
            {},
            ValueError,
            r"layer_norm: gamma has shape \(2,\), must be \(3,\)",
        ),
        ((normal(2, 3), normal(3), normal(3)), {"axis": 2}, IndexError, "layer_norm: axis is 2"),
        ((normal(2, 3), normal(3), normal(3)), {"eps": -1.0}, ValueError, "layer_norm: eps is -1"),
    ],
)
Spec(
    "group_norm",
    group_norm,
    [
        ((normal(2, 6, 4), normal(3), normal(3)), {"num_groups": 3}),
        ((normal(3, 4), normal(1), normal(1)), {"eps": 0.01}),
    ],
    grad=(0, 1, 2),
    raises=[
        (
            (normal(2, 6), normal(4), normal(4)),
            {"num_groups": 4},
            ValueError,
            "group_norm: num_groups is 4, must divide 6 channels",
        )
    ],
)
Spec(
    "instance_norm",
    lambda x, gamma, beta, eps=1e-3: (
        normalise(x, tuple(range(2, x.ndim)), eps)[0] * along(gamma, x.ndim, 1)
        + along(beta, x.ndim, 1)
    ),
    [
        ((normal(2, 3, 5), normal(3), normal(3)), {}),
        ((normal(2, 3, 4, 2), normal(3), normal(3)), {"eps": 0.1}),
    ],
    grad=(0, 1, 2),
    raises=[((normal(2), normal(2), normal(2)), {}, ValueError, "instance_norm: data has shape")],
)
Spec(
    "rms_norm",
    lambda x, gamma, eps=1e-5: x / np.sqrt((x * x).mean(-1, keepdims=True) + eps) * gamma,
    [((normal(3, 5), normal(5)), {}), ((normal(2, 3, 20), normal(20)), {"eps": 0.1})],
    grad=(0, 1),
    raises=[((normal(2, 3), normal(2)), {}, ValueError, "rms_norm: gamma has shape")],
)
MODES = {
    "instance": lambda n: tuple(range(1, n)),
    "channel": lambda n: 1,
    "spatial": lambda n: tuple(range(2, n)),
}
Spec(
    "l2_normalization",
    lambda x, mode="instance", eps=1e-10: (
        x / np.sqrt((x * x).sum(MODES[mode](x.ndim), keepdims=True) + eps)
    ),
    [((normal(2, 3, 4),), {"mode": m}) for m in MODES] + [((normal(3, 4),), {"eps": 0.5})],
    grad=(0,),
    raises=[((normal(2, 3),), {"mode": "spatial"}, ValueError, "must have at least 3 axes")],
)


def lrn(x, nsize, alpha=1e-4, beta=0.75, knorm=2.0):
    squares = np.zeros_like(x)
    for c in range(x.shape[1]):
        low, high = max(0, c - nsize // 2), c + nsize // 2 + 1
        squares[:, c] = (x[:, low:high] ** 2).sum(1)
    return x / (knorm + alpha / nsize * squares) ** beta


Spec(
    "lrn",
    lrn,
    [
        ((normal(2, 6, 3, 2),), {"nsize": 3, "alpha": 0.5}),
        ((normal(2, 3, 4),), {"nsize": 5, "alpha": 0.1, "beta": 0.5, "knorm": 1.0}),
    ],
    grad=(0,),
    raises=[((normal(2, 3, 4),), {"nsize": 4}, ValueError, "lrn: nsize is 4, must be odd")],
)


def leaky_relu(x, gamma=None, act_type="leaky", slope=0.25, **_):
    if act_type == "prelu":
        slope = gamma if gamma.size == 1 else along(gamma, x.ndim, 1 if x.ndim > 1 else 0)
    if act_type == "rrelu":
        slope = (0.125 + 0.334) / 2
    if act_type == "elu":
        return np.where(x > 0, x, slope * np.expm1(x))
    if act_type == "selu":
        return 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * np.expm1(x))
    if act_type == "gelu":
        return 0.5 * x * (1 + erf(x / math.sqrt(2)))
    return np.where(x > 0, x, x * slope)


Spec(
    "leaky_relu",
    leaky_relu,
    [((normal(3, 4),), {"act_type": t}) for t in ("leaky", "elu", "selu", "gelu")]
    + [
        ((normal(2, 3, 4), normal(3)), {"act_type": "prelu"}),
        ((normal(5), normal(1)), {"act_type": "prelu"}),
        ((np.zeros((0, 2)),), {}),
    ],
    grad=(0,),
    raises=[
        (
            (normal(2, 3), normal(2)),
            {"act_type": "prelu"},
            ValueError,
            "leaky_relu: gamma has shape",
        ),
        ((normal(2, 3),), {"act_type": "relu9"}, ValueError, "act_type"),
    ],
)


def deconv(
    x,
    w,
    bias=None,
    stride=None,
    dilate=None,
    pad=None,
    adj=None,
    target_shape=None,
    num_group=1,
    **_,
):
    """Every element of the data adds a multiple of the window to the result."""
    n = w.ndim - 2
    stride, dilate, pad = stride or (1,) * n, dilate or (1,) * n, pad or (0,) * n
    adj = adj or (0,) * n
    whole = [
        stride[i] * (x.shape[i + 2] - 1) + dilate[i] * (w.shape[i + 2] - 1) + 1 for i in range(n)
    ]
    size = list(target_shape or [whole[i] - 2 * pad[i] + adj[i] for i in range(n)])
    if target_shape:
        pad = [(whole[i] - size[i] + 1) // 2 for i in range(n)]
    ci, co = x.shape[1] // num_group, w.shape[1]
    y = np.zeros(
        (len(x), co * num_group, *[a + b + max(stride) for a, b in zip(whole, adj, strict=True)])
    )
    for k in itertools.product(*map(range, w.shape[2:])):
        box = tuple(
            slice(
                k[i] * dilate[i], k[i] * dilate[i] + (x.shape[i + 2] - 1) * stride[i] + 1, stride[i]
            )
            for i in range(n)
        )
        for g in range(num_group):
            y[(slice(None), slice(g * co, g * co + co), *box)] += np.einsum(
                "nc...,co->no...",
                x[:, g * ci : g * ci + ci],
                w[(slice(g * ci, g * ci + ci), slice(None), *k)],
            )
    y = y[(slice(None), slice(None), *[slice(p, p + s) for p, s in zip(pad, size, strict=True)])]
    return y if bias is None else y + along(bias, y.ndim, 1)


Spec(
    "deconvolution",
    deconv,
    [
        (
            (normal(2, 3, 4, 3), normal(3, 2, 3, 2), normal(2)),
            {
                "kernel": (3, 2),
                "num_filter": 2,
                "stride": (2, 1),
                "pad": (1, 0),
                "adj": (1, 0),
                "no_bias": False,
            },
        ),
        (
            (normal(2, 4, 5), normal(4, 3, 3)),
            {"kernel": (3,), "num_filter": 6, "num_group": 2, "dilate": (2,)},
        ),
        (
            (normal(1, 2, 3, 3, 2), normal(2, 1, 2, 2, 2)),
            {"kernel": (2, 2, 2), "num_filter": 1, "stride": (2, 2, 2)},
        ),
        (
            (normal(1, 2, 4, 4), normal(2, 2, 3, 3)),
            {"kernel": (3, 3), "num_filter": 2, "stride": (2, 2), "target_shape": (8, 7)},
        ),
    ],
    dtypes=(*REALS, *HALVES),
    grad=(0, 1),
    tolerance=(1e-4, 1e-5),
    raises=[
        (
            (normal(1, 2, 3, 3), normal(2, 2, 2, 2)),
            {"kernel": (2, 2), "num_filter": 2, "adj": (2, 0)},
            ValueError,
            r"deconvolution: adj is \(2, 0\), must be smaller than stride",
        ),
        (
            (normal(1, 2, 3, 3), normal(2, 1, 2, 2)),
            {"kernel": (2, 2), "num_filter": 2},
            ValueError,
            "deconvolution: weight has shape",
        ),
    ],
)


Spec(
    "softmax_activation",
    lambda x, mode="instance": (
        softmax(x, 1) if mode == "channel" else softmax(x.reshape(len(x), -1)).reshape(x.shape)
    ),
    [((normal(2, 3, 4),), {}), ((normal(2, 3, 4),), {"mode": "channel"})],
    grad=(0,),
)
Spec(
    "softmax_output",
    lambda x, label, multi_output=False, preserve_shape=False: (
        softmax(x, 1)
        if multi_output
        else softmax(x)
        if preserve_shape
        else softmax(x.reshape(len(x), -1)).reshape(x.shape)
    ),
    [
        ((normal(3, 4), np.array([0, 3, 1], "int32")), {}),
        ((normal(2, 3, 4), np.zeros((2, 4), "int32")), {"multi_output": True}),
        ((normal(2, 3, 4), np.zeros((2, 3), "int32")), {"preserve_shape": True}),
    ],
    raises=[
        ((normal(3, 4), np.zeros(2, "int32")), {}, ValueError, "softmax_output: label has shape")
    ],
)
LABELLED = [((normal(3, 4), normal(3, 4) * 2), {}), ((normal(3, 1), normal(3)), {})]
WRONG = [((normal(3, 4), normal(3)), {}, ValueError, "label has shape")]
Spec("linear_regression_output", lambda x, y: x, LABELLED, raises=WRONG)
Spec("mae_regression_output", lambda x, y: x, LABELLED, raises=WRONG)
Spec("logistic_regression_output", lambda x, y: 1 / (1 + np.exp(-x)), LABELLED, raises=WRONG)
CLASSES = np.array([0, 3, 1], "int32")
Spec(
    "l2_loss",
    lambda pred, label, weight=1.0: np.mean(
        (weight / 2 * (label - pred) ** 2).reshape(len(pred), -1), axis=1
    ),
    [
        ((normal(4, 3), between(-1, 1, 4, 3)), {}),
        ((normal(3, 2, 67), between(-1, 1, 3, 2, 67)), {"weight": 0.3}),
        ((normal(5), between(-1, 1, 5)), {"weight": 2.0}),
    ],
    dtypes=(*FLOATS, "bfloat16"),
    grad=(0, 1),
    second=True,
    raises=[
        ((normal(2, 3), normal(2, 2)), {}, ValueError, "l2_loss: label has shape"),
        ((normal(0, 3), normal(0, 3)), {}, ValueError, "must have an axis and elements"),
        ((np.arange(3), np.arange(3)), {}, TypeError, "pred has dtype int64"),
    ],
)
Spec(
    "svm_output",
    lambda x, y: x,
    [((normal(3, 4), CLASSES), {})],
    raises=[((normal(3, 4), CLASSES[:2]), {}, ValueError, "svm_output: label has shape")],
)
Spec(
    "softmax_cross_entropy",
    lambda x, y: -np.log(softmax(x))[np.arange(len(x)), y].sum().reshape(1),
    [((normal(3, 4), CLASSES), {})],
    grad=(0,),
    tolerance=(1e-5, 1e-5),
    raises=[((normal(3, 3), CLASSES), {}, IndexError, "label has 3")],
)


def up_sampling(*x, scale, sample_type, multi_input_mode="concat"):
    if sample_type == "bilinear":
        n = x[0].shape[1]
        k = 2 * scale - scale % 2
        return deconv(*x, stride=(scale, scale), pad=(scale // 2,) * 2, num_group=n, kernel=k)
    size = x[0].shape[2] * scale
    y = [v.repeat(size // v.shape[2], 2).repeat(size // v.shape[2], 3) for v in x]
    return sum(y) if multi_input_mode == "sum" else np.concatenate(y, 1)


Spec(
    "up_sampling",
    up_sampling,
    [
        ((normal(2, 3, 4, 2),), {"scale": 3, "sample_type": "nearest"}),
        ((normal(1, 2, 4, 2), normal(1, 3, 2, 1)), {"scale": 2, "sample_type": "nearest"}),
        (
            (normal(1, 2, 4, 2), normal(1, 2, 2, 1)),
            {"scale": 2, "sample_type": "nearest", "multi_input_mode": "sum"},
        ),
        ((normal(1, 2, 3, 4), normal(2, 1, 4, 4)), {"scale": 2, "sample_type": "bilinear"}),
    ],
    dtypes=REALS,
    grad=(0,),
    tolerance=(1e-5, 1e-5),
    raises=[
        (
            (normal(1, 2, 4, 2), normal(1, 2, 3, 1)),
            {"scale": 2, "sample_type": "nearest"},
            ValueError,
            "array 1 has shape",
        ),
        (
            (normal(1, 2, 4),),
            {"scale": 2, "sample_type": "nearest"},
            ValueError,
            "array 0 has shape",
        ),
    ],
)
Spec(
    "softmin",
    lambda x, axis=-1, temperature=1.0: softmax(-x / temperature, axis),
    [((normal(4, 5),), {}), ((normal(2, 3, 4),), {"axis": 1, "temperature": 0.5})],
    grad=(0,),
    raises=[((normal(4),), {"temperature": 0.0}, ValueError, "softmin: temperature is 0")],
)
batch = SPECS["batch_norm"]
Spec(
    "sync_batch_norm",
    lambda *inputs, key, **attrs: batch.reference(*inputs, **attrs),
    [(inputs, {**attrs, "key": "a"}) for inputs, attrs in batch.samples],
    dtypes=REALS,
    grad=(0, 1, 2),
)
Spec(
    "batch_norm_relu",
    lambda *inputs, **attrs: np.maximum(batch.reference(*inputs, **attrs), 0),
    batch.samples,
    dtypes=REALS,
    grad=(0, 1, 2),
    second=True,
    samples_grad=1,
    raises=[(*batch.raises[0][:2], ValueError, "batch_norm_relu: gamma has shape")],
)
Spec(  # in one process; several are in tests/dist
    "sum_over_ranks",
    lambda data, key: data,
    [((normal(3, 4),), {"key": "a"}), ((normal(5),), {"key": ""})],
    dtypes=(*REALS, *HALVES),
    grad=(0,),
    second=True,
    raises=[((np.arange(3),), {"key": ""}, TypeError, "data has dtype int64, must be floating")],
)
Spec(
    "kl_sparse_reg",
    lambda data, moving_avg, **attrs: data,
    [((between(0.1, 0.9, 4, 3), between(0.2, 0.6, 3)), {})],
    dtypes=("float32", "float64"),
    dense=True,
    raises=[
        ((normal(4, 3), normal(2)), {}, ValueError, "kl_sparse_reg: moving_avg has shape"),
        ((normal(4, 3), normal(3)), {"sparseness_target": 1.0}, ValueError, "sparseness_target is"),
    ],
)
