"""Converters of layers of networks."""

import math

import numpy as np

from .converters import converts, refuse


def _full(values, ndim, fallback):
    """A tuple of one number for each axis of the window."""
    values = tuple(values) if isinstance(values, (tuple, list)) else (values,) if values else ()
    return list(values) if values else [fallback] * ndim


def _window(node):
    """Attributes that windows have in common."""
    ndim = len(node["kernel"])
    pads = _full(node["pad"], ndim, 0)
    return {
        "kernel_shape": list(node["kernel"]),
        "strides": _full(node["stride"], ndim, 1),
        "pads": pads + pads,
    }


def _check_layout(node):
    if node["layout"] not in (None, "None", "NCW", "NCHW", "NCDHW"):
        refuse(node, f"layout {node['layout']!r}")


@converts("convolution")
def _(w, node):
    _check_layout(node)
    w.add(
        "Conv",
        node.inputs,
        node.outputs[0],
        dilations=_full(node["dilate"], len(node["kernel"]), 1),
        group=node["num_group"],
        **_window(node),
    )


@converts("deconvolution")
def _(w, node):
    _check_layout(node)
    if node["target_shape"]:
        refuse(node, "target_shape")
    w.add(
        "ConvTranspose",
        node.inputs,
        node.outputs[0],
        dilations=_full(node["dilate"], len(node["kernel"]), 1),
        group=node["num_group"],
        output_padding=_full(node["adj"], len(node["kernel"]), 0),
        **_window(node),
    )


@converts("batch_norm", "batch_norm_relu", "sync_batch_norm")
def _(w, node):
    x, gamma, beta, mean, var = node.inputs[:5]
    if node["fix_gamma"]:
        gamma = w.constant(np.ones(gamma.shape, gamma.dtype))
    relu = node.op == "batch_norm_relu"
    turn, back = _turns(x.ndim, node["axis"] % x.ndim, 1)
    last = node.outputs[0] if turn is None and not relu else None
    made = w.add(
        "BatchNormalization",
        [x if turn is None else w.add("Transpose", [x], perm=turn), gamma, beta, mean, var],
        last,
        epsilon=float(node["eps"]),
        momentum=float(node["momentum"]),
    )
    if relu:
        made = w.add("Relu", [made], node.outputs[0] if turn is None else None)
    if turn is not None:
        w.add("Transpose", [made], node.outputs[0], perm=back)


def _turns(ndim, axis, place):
    """Orders of axes that move an axis to a place, and back; (None, None): it is there."""
    if axis == place:
        return None, None
    order = [a for a in range(ndim) if a != axis]
    order.insert(place, axis)
    return order, [order.index(a) for a in range(ndim)]


@converts("pooling")
def _(w, node):
    kind = node["pool_type"]
    if kind == "sum":
        refuse(node, "pool_type = 'sum'")
    name = {"max": "MaxPool", "avg": "AveragePool"}[kind]
    if node["global_pool"]:
        w.add(f"Global{name}", node.inputs, node.outputs[0])
        return
    extra = {"ceil_mode": int(node["pooling_convention"] == "full")}
    if node["pooling_convention"] == "same":
        refuse(node, "pooling_convention = 'same'")
    if kind == "avg":
        extra["count_include_pad"] = int(node.attrs.get("count_include_pad") is not False)
    w.add(name, node.inputs, node.outputs[0], **extra, **_window(node))


@converts("adaptive_avg_pooling")
def _(w, node):
    size = node["output_size"]
    size = (size,) if isinstance(size, int) else tuple(size or (1,))
    if any(s != 1 for s in size):
        refuse(node, f"output_size = {size}")
    w.add("GlobalAveragePool", node.inputs, node.outputs[0])


@converts("fully_connected")
def _(w, node):
    x, weight, *bias = node.inputs
    if node["flatten"] or x.ndim == 2:
        data = w.add("Flatten", [x], axis=1) if x.ndim != 2 else x
        w.add("Gemm", [data, weight, *bias], node.outputs[0], transB=1)
        return
    turned = w.add("Transpose", [weight], perm=[1, 0])
    out = w.add("MatMul", [x, turned], None if bias else node.outputs[0])
    if bias:
        w.add("Add", [out, bias[0]], node.outputs[0])


_ACTIVATIONS = {
    "relu": "Relu", "sigmoid": "Sigmoid", "tanh": "Tanh", "softrelu": "Softplus",
    "softsign": "Softsign",
}  # fmt: skip


@converts("activation")
def _(w, node):
    kind = node["act_type"]
    if kind == "log_sigmoid":
        w.add("Log", [w.add("Sigmoid", node.inputs)], node.outputs[0])
    elif kind in _ACTIVATIONS:
        w.add(_ACTIVATIONS[kind], node.inputs, node.outputs[0])
    else:
        refuse(node, f"act_type = {kind!r}")


@converts("leaky_relu")
def _(w, node):
    x, kind, out = node.inputs[0], node["act_type"], node.outputs[0]
    if kind == "prelu":
        gamma = node.inputs[1]
        sizes = [-1] + [1] * max(x.ndim - 2, 0) if math.prod(gamma.shape) > 1 else [1]
        w.add("PRelu", [x, w.add("Reshape", [gamma, w.ints(*sizes)])], out)
    elif kind == "gelu":
        inner = w.add("Erf", [w.add("Mul", [x, w.scalar(math.sqrt(0.5), x)])])
        half = w.add("Mul", [x, w.scalar(0.5, x)])
        w.add("Mul", [half, w.add("Add", [inner, w.scalar(1, x)])], out)
    elif kind == "selu":
        w.add("Selu", [x], out)
    elif kind in ("leaky", "elu", "rrelu"):
        mean = (node["lower_bound"] + node["upper_bound"]) / 2
        slope = mean if kind == "rrelu" else node["slope"]
        w.add("Elu" if kind == "elu" else "LeakyRelu", [x], out, alpha=float(slope))
    else:
        refuse(node, f"act_type = {kind!r}")


@converts("softmax", "log_softmax", "softmin")
def _(w, node):
    x = node.inputs[0]
    if len(node.inputs) > 1:
        refuse(node, "length")
    if node.op == "softmin":
        x = w.add("Neg", [x])
    if node["temperature"] not in (None, 1.0):
        x = w.add("Div", [x, w.scalar(node["temperature"], node.inputs[0])])
    name = "LogSoftmax" if node.op == "log_softmax" else "Softmax"
    w.add(name, [x], node.outputs[0], axis=node["axis"])


@converts("softmax_output", "softmax_activation")
def _(w, node):
    x, out = node.inputs[0], node.outputs[0]
    if node.attrs.get("multi_output") or node.attrs.get("mode") == "channel":
        w.add("Softmax", [x], out, axis=1)
    elif node.attrs.get("preserve_shape") or x.ndim == 2:
        w.add("Softmax", [x], out, axis=-1)
    else:
        w.reshape(node, w.add("Softmax", [w.add("Flatten", [x], axis=1)], axis=-1), out, x)


@converts("layer_norm")
def _(w, node):
    x, gamma, beta = node.inputs
    turn, back = _turns(x.ndim, node["axis"] % x.ndim, x.ndim - 1)
    eps = float(node["eps"])
    if turn is None:
        w.add("LayerNormalization", [x, gamma, beta], node.outputs[0], axis=-1, epsilon=eps)
        return
    turned = w.add("Transpose", [x], perm=turn)
    made = w.add("LayerNormalization", [turned, gamma, beta], axis=-1, epsilon=eps)
    w.add("Transpose", [made], node.outputs[0], perm=back)


@converts("rms_norm")
def _(w, node):
    x, gamma = node.inputs
    mean = w.add("ReduceMean", [w.add("Mul", [x, x])], axes=[-1], keepdims=1)
    root = w.add("Sqrt", [w.add("Add", [mean, w.scalar(node["eps"], x)])])
    w.add("Mul", [w.add("Div", [x, root]), gamma], node.outputs[0])


@converts("instance_norm")
def _(w, node):
    w.add("InstanceNormalization", node.inputs[:3], node.outputs[0], epsilon=float(node["eps"]))


@converts("group_norm")
def _(w, node):
    x, gamma, beta = node.inputs
    groups = node["num_groups"]
    flat = w.add("Reshape", [x, w.ints(0, groups, -1)])
    ones = w.constant(np.ones(groups, x.dtype))
    zeros = w.constant(np.zeros(groups, x.dtype))
    eps = {"epsilon": float(node["eps"])}
    if gamma.shape == (groups,):
        w.reshape(
            node, w.add("InstanceNormalization", [flat, gamma, beta], **eps), node.outputs[0], x
        )
        return
    made = w.add("InstanceNormalization", [flat, ones, zeros], **eps)
    sizes = [0 if s is None else s for s in x.shape]
    made = w.add("Reshape", [made, w.ints(*sizes)])
    shape = w.ints(-1, *[1] * (x.ndim - 2))
    gamma, beta = (w.add("Reshape", [p, shape]) for p in (gamma, beta))
    w.add("Add", [w.add("Mul", [made, gamma]), beta], node.outputs[0])


@converts("lrn")
def _(w, node):
    w.add(
        "LRN",
        node.inputs,
        node.outputs[0],
        alpha=float(node["alpha"]),
        beta=float(node["beta"]),
        bias=float(node["knorm"]),
        size=int(node["nsize"]),
    )


@converts("l2_normalization")
def _(w, node):
    x = node.inputs[0]
    axes = {"instance": list(range(1, x.ndim)), "channel": [1], "spatial": list(range(2, x.ndim))}
    squares = w.add("Mul", [x, x])
    total = w.add("ReduceSum", [squares, w.ints(*axes[node["mode"]])], keepdims=1)
    root = w.add("Sqrt", [w.add("Add", [total, w.scalar(node["eps"], x)])])
    w.add("Div", [x, root], node.outputs[0])


@converts("embedding")
def _(w, node):
    index, weight = node.inputs
    w.add("Gather", [weight, w.cast(index, np.int64)], node.outputs[0], axis=0)


@converts("up_sampling")
def _(w, node):
    if node["sample_type"] != "nearest" or len(node.inputs) != 1:
        refuse(node, f"sample_type = {node['sample_type']!r} of {len(node.inputs)} arrays")
    scales = w.constant([1, 1, node["scale"], node["scale"]], np.float32)
    w.add(
        "Resize",
        [node.inputs[0], "", scales],
        node.outputs[0],
        mode="nearest",
        coordinate_transformation_mode="asymmetric",
        nearest_mode="floor",
    )


@converts("scaled_dot_product_attention")
def _(w, node):
    query, key, value, *mask = node.inputs
    heads, shared = query.shape[1], key.shape[1]
    if heads != shared:  # each head of keys serves a group of queries
        index = w.constant(np.repeat(np.arange(shared), heads // shared), np.int64)
        shared_key, value = (w.add("Gather", [x, index], axis=1) for x in (key, value))
    else:
        shared_key = key
    scale = node["scale"]
    scale = query.shape[3] ** -0.5 if scale is None else scale
    turned = w.add("Transpose", [shared_key], perm=[0, 1, 3, 2])
    scores = w.add("MatMul", [w.add("Mul", [query, w.scalar(scale, query)]), turned])
    if node["causal"]:
        rows, columns = query.shape[2], key.shape[2]
        if rows is None or columns is None:
            refuse(node, "a causal mask of changing size")
        hidden = np.triu(np.full((rows, columns), -1e9, query.dtype), 1 + columns - rows)
        scores = w.add("Add", [scores, w.constant(hidden)])
    if mask:
        if mask[0].dtype.kind != "f":
            shown = w.cast(mask[0], bool)
            scores = w.add("Where", [shown, scores, w.scalar(-1e9, query)])
        else:
            scores = w.add("Add", [scores, mask[0]])
    w.add("MatMul", [w.add("Softmax", [scores], axis=-1), value], node.outputs[0])
