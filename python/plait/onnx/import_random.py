"""Importers of random numbers; they come from the generator that `mx.random.seed` sets."""

import numpy as np

from .importers import call, imports


def _named(s, like=None):
    """The type of the result: the attribute, or that of the input."""
    return s.type_of("dtype", np.float32 if like is None else s.dtype(like))


@imports("RandomUniform", "RandomNormal")
def _(s):
    shape, dtype = tuple(s.get("shape")), _named(s)
    if s.node.op_type == "RandomNormal":
        return s.make("random_normal", loc=s.get("mean", 0.0), scale=s.get("scale", 1.0),
                      shape=shape, dtype=dtype.name)  # fmt: skip
    return s.make("random_uniform", low=s.get("low", 0.0), high=s.get("high", 1.0),
                  shape=shape, dtype=dtype.name)  # fmt: skip


@imports("RandomUniformLike", "RandomNormalLike")
def _(s):
    dtype = _named(s, 0)
    like = s[0] if s.is_floating() else s.cast(s[0], np.float32)
    if s.node.op_type == "RandomNormalLike":
        out = call("random_normal_like", like, loc=s.get("mean", 0.0), scale=s.get("scale", 1.0))
    else:
        out = call("random_uniform_like", like, low=s.get("low", 0.0), high=s.get("high", 1.0))
    return s.cast(out, dtype)


@imports("Bernoulli")
def _(s):
    dtype = _named(s, 0)
    return s.cast(call("np_less", call("random_uniform_like", s[0]), s[0]), dtype)


@imports("Multinomial")
def _(s):
    dtype = s.type_of("dtype", np.int32)
    count = s.get("sample_size", 1)
    out = call("sample_multinomial", call("softmax", s[0]), shape=(count,), dtype="int32")
    return s.cast(call("reshape", out, shape=(s.shape()[0], count)), dtype)


@imports("Dropout")
def _(s):
    ratio = s.number(1, 0.5) if s.opset >= 12 else s.get("ratio", 0.5)
    x, mask = call("copy", s[0]), s.wants(1)
    if not (s.has(2) and s.number(2)) or ratio == 0:
        if not mask:
            return x
        return x, call("np_equal", call("zeros_like", s[0]), call("zeros_like", s[0]))
    kept = call("np_greater_equal_scalar", call("random_uniform_like", s[0]), scalar=ratio)
    scaled = call("multiply_scalar", s[0], scalar=1 / (1 - ratio))
    return call("where", kept, scaled, call("zeros_like", s[0])), kept
