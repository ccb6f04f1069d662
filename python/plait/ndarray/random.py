"""Random arrays: `mx.nd.random`, also `mx.random`."""

from .._gen import nd as _gen
from ..base import dtype_name
from ..context import current_context
from .create import array
from .ndarray import NDArray

__all__ = [
    "uniform",
    "normal",
    "randn",
    "randint",
    "exponential",
    "gamma",
    "poisson",
    "negative_binomial",
    "shuffle",
]


def _draw(function, shape, dtype, ctx, out, **params):
    for name, value in params.items():
        if isinstance(value, NDArray):
            raise NotImplementedError(
                f"random: {name} is an array, must be a number: use mx.nd.sample_* instead"
            )
    if out is not None:
        return function(shape=out.shape, dtype=out.dtype_name, out=out, **params)
    shape = (shape,) if hasattr(shape, "__index__") else tuple(shape or (1,))
    result = function(shape=shape, dtype=dtype_name(dtype) or "float32", **params)
    return result if ctx is None or ctx == current_context() else result.as_in_context(ctx)


def uniform(low=0, high=1, shape=None, dtype=None, ctx=None, out=None, **kwargs):
    """Numbers evenly distributed in [low, high).

    Parameters
    ----------
    low, high : float
    shape : int or tuple of int, optional
        Default (1,).
    dtype : optional
        Default float32.
    ctx : Context, optional
    out : NDArray, optional
        Array to fill instead; gives shape and dtype.
    """
    return _draw(_gen._random_uniform, shape, dtype, ctx, out, low=low, high=high)


def normal(loc=0, scale=1, shape=None, dtype=None, ctx=None, out=None, **kwargs):
    """Normally distributed numbers of mean `loc` and standard deviation `scale`; see `uniform`."""
    return _draw(_gen._random_normal, shape, dtype, ctx, out, loc=loc, scale=scale)


def randn(*shape, loc=0, scale=1, dtype=None, ctx=None, out=None, **kwargs):
    """`normal` with the shape as positional arguments."""
    return normal(loc, scale, shape or None, dtype, ctx, out)


def randint(low, high, shape=None, dtype=None, ctx=None, out=None, **kwargs):
    """Whole numbers in [low, high), int32 by default; see `uniform`."""
    return _draw(_gen._random_randint, shape, dtype or "int32", ctx, out, low=low, high=high)


def exponential(scale=1, shape=None, dtype=None, ctx=None, out=None, **kwargs):
    """Exponentially distributed numbers of mean `scale`; see `uniform`."""
    return _draw(_gen._random_exponential, shape, dtype, ctx, out, lam=1.0 / scale)


def gamma(alpha=1, beta=1, shape=None, dtype=None, ctx=None, out=None, **kwargs):
    """Gamma distributed numbers of shape `alpha` and scale `beta`; see `uniform`."""
    return _draw(_gen._random_gamma, shape, dtype, ctx, out, alpha=alpha, beta=beta)


def poisson(lam=1, shape=None, dtype=None, ctx=None, out=None, **kwargs):
    """Poisson distributed numbers of mean `lam`; see `uniform`."""
    return _draw(_gen._random_poisson, shape, dtype, ctx, out, lam=lam)


def negative_binomial(k=1, p=1, shape=None, dtype=None, ctx=None, out=None, **kwargs):
    """Failures before the `k`-th success of probability `p`; see `uniform`."""
    return _draw(_gen._random_negative_binomial, shape, dtype, ctx, out, k=k, p=p)


def shuffle(data, **kwargs):
    """A copy of `data` with the indices of its first axis in random order."""
    keys = uniform(shape=(len(data),), dtype="float64").asnumpy()
    order = array(keys.argsort(), dtype="int64")
    return _gen.take(data, order, axis=0)
