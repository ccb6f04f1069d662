"""Importers of layers of networks."""

import numpy as np

from .importers import call, first, imports


def spatial_of(s):
    """Sizes of all axes but the first two, which must be known."""
    sizes = s.sizes()[2:]
    return s.shape()[2:] if None in sizes else sizes


def pads_of(s, kernel, strides, dilations):
    """(before, after) pads of each axis of the window."""
    ndim, auto = len(kernel), s.get("auto_pad", "NOTSET")
    if auto == "VALID":
        return [0] * ndim, [0] * ndim
    if auto == "NOTSET":
        pads = list(s.get("pads") or [0] * (2 * ndim))
        return pads[:ndim], pads[ndim:]
    before, after = [], []
    sizes = spatial_of(s)
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
    before, after = pads_of(s, kernel, strides, dilations)
    return strides, dilations, before, after


@imports("Conv")
def _(s):
    return convolution(s, s[0], s[1], s.shape(1), s.all()[2:])


def convolution(s, x, weight, shape, bias=()):
    """The convolution that the attributes of a node describe, with a weight of `shape`."""
    rows, _, *size = shape
    kernel = tuple(s.get("kernel_shape") or size)
    strides, dilations, before, after = _window(s, kernel)
    if before != after:
        x, before = _padded(x, before, after, 0.0), [0] * len(kernel)
    return call(
        "convolution",
        x,
        weight,
        *bias,
        kernel=kernel,
        stride=strides,
        dilate=dilations,
        pad=tuple(before),
        num_filter=rows,
        num_group=s.get("group", 1),
        no_bias=not bias,
    )


def _output_pads(s, kernel, strides, dilations, extra):
    """(before, after) that ConvTranspose takes away, for `output_shape` or `auto_pad`."""
    ndim, sizes = len(kernel), spatial_of(s)
    auto = s.get("auto_pad", "NOTSET")
    wanted = s.get("output_shape")
    before, after = [], []
    for i in range(ndim):
        whole = strides[i] * (sizes[i] - 1) + extra[i] + (kernel[i] - 1) * dilations[i] + 1
        size = wanted[-ndim:][i] if wanted else sizes[i] * strides[i]
        total = max(whole - size, 0)
        small = total // 2
        before.append(total - small if auto == "SAME_LOWER" else small)
        after.append(small if auto == "SAME_LOWER" else total - small)
        if whole < size:  # the rest is left empty behind
            after[-1] = whole - size
    return before, after


@imports("ConvTranspose")
def _(s):
    _, columns, *size = s.shape(1)
    kernel, groups = tuple(s.get("kernel_shape") or size), s.get("group", 1)
    ndim = len(kernel)
    strides = tuple(s.get("strides") or (1,) * ndim)
    dilations = tuple(s.get("dilations") or (1,) * ndim)
    extra = tuple(s.get("output_padding") or (0,) * ndim)
    if s.get("output_shape") or s.get("auto_pad", "NOTSET")[:4] == "SAME":
        before, after = _output_pads(s, kernel, strides, dilations, extra)
    else:
        _, _, before, after = _window(s, kernel)
    fits = all(e < step for e, step in zip(extra, strides, strict=True))
    even = before == after and fits
    out = call(
        "deconvolution",
        *s.all(),
        kernel=kernel,
        stride=strides,
        dilate=dilations,
        pad=tuple(before) if even else (0,) * ndim,
        adj=extra if fits else (0,) * ndim,
        num_filter=columns * groups,
        num_group=groups,
        no_bias=len(s) < 3,
    )
    if even:
        return out
    if not fits:
        after = [high - e for high, e in zip(after, extra, strict=True)]
    for axis, (low, high) in enumerate(zip(before, after, strict=True), 2):
        if high < 0:
            if s.has(2):
                s.refuse("an output that is larger than the convolution, with a bias,")
            width = [0] * (2 * (ndim + 2))
            width[2 * axis + 1] = -high
            out = call("pad", out, mode="constant", pad_width=tuple(width))
        out = call("slice_axis", out, axis=axis, begin=low, end=-high if high > 0 else None)
    return out


@imports("BatchNormalization")
def _(s):
    if s.get("training_mode", 0):
        return _by_batch(s)
    known = all(s.is_known(i) for i in range(1, 5)) and s.reader.traces
    if not known or s.ndim() < 2:
        x, gamma, beta, mean, var = s.all()
        if s.ndim() < 2:
            s.refuse("data of one axis")
        shape = (1, -1) + (1,) * (s.ndim() - 2)
        gamma, beta, mean, var = (call("reshape", p, shape=shape) for p in (gamma, beta, mean, var))
        root = call("sqrt", call("add_scalar", var, scalar=s.get("epsilon", 1e-5)))
        out = call("divide", call("subtract", x, mean), root)
        return call("add", call("multiply", out, gamma), beta)
    mean, var = (s.reader.state(name) for name in s.node.input[3:5])
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


def _by_batch(s):
    """BatchNormalization by the statistics of the batch, which move those given."""
    x, gamma, beta, mean, var = s.all()
    axes = tuple(a for a in range(s.ndim()) if a != 1)
    found = call("moments", x, axes=axes)
    own, spread = first(found), first(found, 1)
    shape = (1, -1) + (1,) * (s.ndim() - 2)
    scale, shift, at, width = (call("reshape", p, shape=shape) for p in (gamma, beta, own, spread))
    root = call("sqrt", call("add_scalar", width, scalar=s.get("epsilon", 1e-5)))
    out = call("divide", call("subtract", x, at), root)
    out = call("add", call("multiply", out, scale), shift)
    share = s.get("momentum", 0.9)
    moved = [
        call("add", call("multiply_scalar", old, scalar=share),
             call("multiply_scalar", new, scalar=1 - share))
        for old, new in ((mean, own), (var, spread))
    ]  # fmt: skip
    return out, *moved


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


@imports("GroupNormalization")
def _(s):
    groups, channels, eps = s.get("num_groups"), s.shape()[1], s.get("epsilon", 1e-5)
    if s.shape(1)[0] != channels:  # before opset 21: one number for each group
        return call("group_norm", *s.all(), num_groups=groups, eps=eps)
    ones, zeros = (s.constant(f(groups), like=0) for f in (np.ones, np.zeros))
    out = call("group_norm", s[0], ones, zeros, num_groups=groups, eps=eps)
    shape = (-1, *[1] * (s.ndim() - 2))
    scale, bias = (call("reshape", p, shape=shape) for p in s.all()[1:])
    return call("add", call("multiply", out, scale), bias)


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
    return call("add", out, s[2]) if s.has(2) else out, mean, inverse


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
