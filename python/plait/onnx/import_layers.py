"""Importers of layers of networks."""

import numpy as np

from .importers import call, imports


def _pads(s, kernel, strides, dilations):
    """(before, after) pads of each axis of the window."""
    ndim, auto = len(kernel), s.get("auto_pad", "NOTSET")
    if auto == "VALID":
        return [0] * ndim, [0] * ndim
    if auto == "NOTSET":
        pads = list(s.get("pads") or [0] * (2 * ndim))
        return pads[:ndim], pads[ndim:]
    before, after = [], []
    sizes = s.sizes()[2:]
    if None in sizes:
        s.refuse(f"auto_pad = {auto!r} with sizes that are left open")
    for size, k, step, d in zip(sizes, kernel, strides, dilations, strict=True):
        total = max((-(-size // step) - 1) * step + (k - 1) * d + 1 - size, 0)
        small, large = total // 2, total - total // 2
        before.append(small if auto == "SAME_UPPER" else large)
        after.append(large if auto == "SAME_UPPER" else small)
    return before, after


def _padded(x, before, after, value):
    width = (0, 0, 0, 0, *(v for pair in zip(before, after, strict=True) for v in pair))
    return call("pad", x, mode="constant", pad_width=width, constant_value=value)


def _window(s, kernel):
    ndim = len(kernel)
    strides = tuple(s.get("strides") or (1,) * ndim)
    dilations = tuple(s.get("dilations") or (1,) * ndim)
    before, after = _pads(s, kernel, strides, dilations)
    return strides, dilations, before, after


@imports("Conv")
def _(s):
    rows, _, *size = s.shape(1)
    kernel = tuple(s.get("kernel_shape") or size)
    strides, dilations, before, after = _window(s, kernel)
    x = s[0]
    if before != after:
        x, before = _padded(x, before, after, 0.0), [0] * len(kernel)
    return call(
        "convolution",
        x,
        *s.all()[1:],
        kernel=kernel,
        stride=strides,
        dilate=dilations,
        pad=tuple(before),
        num_filter=rows,
        num_group=s.get("group", 1),
        no_bias=len(s) < 3,
    )


@imports("ConvTranspose")
def _(s):
    _, columns, *size = s.shape(1)
    kernel, groups = tuple(s.get("kernel_shape") or size), s.get("group", 1)
    ndim = len(kernel)
    if s.get("output_shape") or s.get("auto_pad", "NOTSET") not in ("NOTSET", "VALID"):
        s.refuse("output_shape or auto_pad")
    strides, dilations, before, after = _window(s, kernel)
    extra = tuple(s.get("output_padding") or (0,) * ndim)
    even = before == after
    out = call(
        "deconvolution",
        *s.all(),
        kernel=kernel,
        stride=strides,
        dilate=dilations,
        pad=tuple(before) if even else (0,) * ndim,
        adj=extra,
        num_filter=columns * groups,
        num_group=groups,
        no_bias=len(s) < 3,
    )
    if even:
        return out
    for axis, (low, high) in enumerate(zip(before, after, strict=True), 2):
        out = call("slice_axis", out, axis=axis, begin=low, end=-high or None)
    return out


@imports("BatchNormalization")
def _(s):
    if s.get("training_mode", 0):
        s.refuse("training_mode")
    known = all(name in s.importer.known for name in s.node.input[1:])
    if not known:
        x, gamma, beta, mean, var = s.all()
        shape = (1, -1) + (1,) * (s.ndim() - 2)
        gamma, beta, mean, var = (call("reshape", p, shape=shape) for p in (gamma, beta, mean, var))
        root = call("sqrt", call("add_scalar", var, scalar=s.get("epsilon", 1e-5)))
        out = call("divide", call("subtract", x, mean), root)
        return call("add", call("multiply", out, gamma), beta)
    mean, var = (s.importer.state(name) for name in s.node.input[3:5])
    return call(
        "batch_norm",
        s[0],
        s[1],
        s[2],
        mean,
        var,
        eps=s.get("epsilon", 1e-5),
        momentum=s.get("momentum", 0.9),
        fix_gamma=False,
    )


def _sticks_out(s, kernel, strides, before, after):
    """bool: whether a last window would start behind the data, which ONNX leaves out."""
    sizes = s.sizes()[2:]
    if None in sizes:
        s.refuse("ceil_mode with sizes that are left open")
    for size, k, step, low, high in zip(sizes, kernel, strides, before, after, strict=True):
        count = -(-(size + low + high - k) // step) + 1
        if (count - 1) * step >= size + low:
            return True
    return False


@imports("MaxPool", "AveragePool")
def _(s):
    kernel = tuple(s.get("kernel_shape"))
    strides, dilations, before, after = _window(s, kernel)
    if any(d != 1 for d in dilations):
        s.refuse("dilations")
    if len(s.node.output) > 1 and s.node.output[1]:
        s.refuse("the indices")
    largest = s.node.op_type == "MaxPool"
    ceil = s.get("ceil_mode", 0)
    include = bool(s.get("count_include_pad", 0))
    x = s[0]
    if not s.is_floating():
        s.refuse("data of whole numbers")
    if ceil and (not largest or _sticks_out(s, kernel, strides, before, after)):
        s.refuse("this ceil_mode")
    if before != after:
        if not largest and not include:
            s.refuse("uneven pads that do not count")
        lowest = float(np.finfo(np.float32).min)
        x = _padded(x, before, after, lowest if largest else 0.0)
        before = [0] * len(kernel)
    return call(
        "pooling",
        x,
        kernel=kernel,
        stride=strides,
        pad=tuple(before),
        pool_type="max" if largest else "avg",
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


@imports("LRN")
def _(s):
    return call(
        "lrn",
        s[0],
        alpha=s.get("alpha", 1e-4),
        beta=s.get("beta", 0.75),
        knorm=s.get("bias", 1.0),
        nsize=s.get("size"),
    )


@imports("InstanceNormalization")
def _(s):
    return call("instance_norm", *s.all(), eps=s.get("epsilon", 1e-5))


@imports("LayerNormalization")
def _(s):
    ndim, eps = s.ndim(), s.get("epsilon", 1e-5)
    axis = s.get("axis", -1) % ndim
    more = any(name for name in s.node.output[1:])
    if axis == ndim - 1 and s.has(2) and not more:
        return call("layer_norm", *s.all(), axis=-1, eps=eps)
    axes = tuple(range(axis, ndim))
    mean = call("mean", s[0], axis=axes, keepdims=True)
    away = call("subtract", s[0], mean)
    var = call("mean", call("square", away), axis=axes, keepdims=True)
    inverse = call("reciprocal", call("sqrt", call("add_scalar", var, scalar=eps)))
    out = call("multiply", call("multiply", away, inverse), s[1])
    return [call("add", out, s[2]) if s.has(2) else out, mean, inverse]


@imports("RMSNormalization")
def _(s):
    ndim, eps = s.ndim(), s.get("epsilon", 1e-5)
    axis = s.get("axis", -1) % ndim
    if axis == ndim - 1:
        return call("rms_norm", s[0], s[1], eps=eps)
    square = call("mean", call("square", s[0]), axis=tuple(range(axis, ndim)), keepdims=True)
    root = call("sqrt", call("add_scalar", square, scalar=eps))
    return call("multiply", call("divide", s[0], root), s[1])


@imports("LpNormalization")
def _(s):
    axis, order = s.get("axis", -1), s.get("p", 2)
    sizes = call("abs", s[0]) if order == 1 else call("square", s[0])
    total = call("sum", sizes, axis=(axis,), keepdims=True)
    norm = total if order == 1 else call("sqrt", total)
    zero = call("equal_scalar", norm, scalar=0.0)  # lines of zeros stay as they are
    return call("divide", s[0], call("add", norm, zero))


@imports("MeanVarianceNormalization")
def _(s):
    axes = tuple(s.get("axes", (0, 2, 3)))
    away = call("subtract", s[0], call("mean", s[0], axis=axes, keepdims=True))
    var = call("mean", call("square", away), axis=axes, keepdims=True)
    return call("divide", away, call("add_scalar", call("sqrt", var), scalar=1e-9))


@imports("Dropout")
def _(s):
    if s.has(2) and bool(s.known(2)):
        s.refuse("training_mode")
    if len(s.node.output) > 1 and s.node.output[1]:
        return [call("copy", s[0]), call("np_equal", s[0], s[0])]
    return call("copy", s[0])


@imports("Resize", "Upsample")
def _(s):
    scales = s.known(1 if s.node.op_type == "Upsample" else 2)
    if s.has(3):
        scales = [new / old for new, old in zip(s.known(3), s.shape(), strict=False)]
    if scales is None or s.get("axes") or s.get("antialias", 0):
        s.refuse("axes or antialias")
    scales, mode = [float(v) for v in scales], s.get("mode", "nearest")
    factor = scales[-1]
    place = s.get("coordinate_transformation_mode", "half_pixel")
    rounding = s.get("nearest_mode", "round_prefer_floor")
    exact = s.node.op_type == "Upsample" or place == "half_pixel" and rounding[:5] == "round"
    exact = exact or place == "asymmetric" and rounding == "floor"
    even = scales == [1.0, 1.0, factor, factor] and factor >= 1 and factor == int(factor)
    if mode != "nearest" or not even or not exact:
        s.refuse(f"mode {mode!r} with scales {scales}")
    return call("up_sampling", s[0], scale=int(factor), sample_type="nearest")
