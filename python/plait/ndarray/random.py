"""Random arrays: `mx.nd.random`, also `mx.random`."""

from .._gen import nd as _gen
from ..base import dtype_name
from ..context import current_context
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
    "generalized_negative_binomial",
    "multinomial",
    "uniform_like",
    "normal_like",
    "exponential_like",
    "gamma_like",
    "poisson_like",
    "negative_binomial_like",
    "generalized_negative_binomial_like",
    "shuffle",
]


def _like(name):
    """The function that draws from a distribution in the shape of an array."""

    def function(data, *args, **kwargs):
        return getattr(_gen, f"_random_{name}_like")(data, *args, **kwargs)

    function.__name__ = function.__qualname__ = f"{name}_like"
    function.__doc__ = f"`{name}` with the parameters of its distribution, in the shape of `data`."
    return function


uniform_like = _like("uniform")
normal_like = _like("normal")
exponential_like = _like("exponential")
gamma_like = _like("gamma")
poisson_like = _like("poisson")
negative_binomial_like = _like("negative_binomial")
generalized_negative_binomial_like = _like("generalized_negative_binomial")


def _draw(name, shape, dtype, ctx, out, **params):
    arrays = [isinstance(v, NDArray) for v in params.values()]
    if any(arrays):
        if not all(arrays):
            raise TypeError(f"{name}: {' and '.join(params)} must be all arrays or all numbers")
        shape = (shape,) if hasattr(shape, "__index__") else tuple(shape or ())
        sample = getattr(_gen, f"_sample_{name}")
        return sample(*params.values(), shape=shape, dtype=dtype_name(dtype), out=out)
    function = getattr(_gen, f"_random_{name}")
    if out is not None:
        return function(shape=out.shape, dtype=out.dtype_name, out=out, **params)
    shape = (shape,) if hasattr(shape, "__index__") else tuple(shape or (1,))
    result = function(shape=shape, dtype=dtype_name(dtype) or "float32", **params)
    return result.as_in_context(ctx or current_context())


def uniform(low=0, high=1, shape=None, dtype=None, ctx=None, out=None, **kwargs):
    """Numbers evenly distributed in [low, high).

    Parameters
    ----------
    low, high : float or NDArray
        Arrays of one shape give `shape` draws for each pair of their elements.
    shape : int or tuple of int, optional
        Default (1,).
    dtype : optional
        Default float32.
    ctx : Context, optional
    out : NDArray, optional
        Array to fill instead; gives shape and dtype.
    """
    return _draw("uniform", shape, dtype, ctx, out, low=low, high=high)


def normal(loc=0, scale=1, shape=None, dtype=None, ctx=None, out=None, **kwargs):
    """Normally distributed numbers of mean `loc` and standard deviation `scale`; see `uniform`."""
    return _draw("normal", shape, dtype, ctx, out, loc=loc, scale=scale)


def randn(*shape, loc=0, scale=1, dtype=None, ctx=None, out=None, **kwargs):
    """`normal` with the shape as positional arguments."""
    return normal(loc, scale, shape or None, dtype, ctx, out)


def randint(low, high, shape=None, dtype=None, ctx=None, out=None, **kwargs):
    """Whole numbers in [low, high), int32 by default; see `uniform`."""
    return _draw("randint", shape, dtype or "int32", ctx, out, low=low, high=high)


def exponential(scale=1, shape=None, dtype=None, ctx=None, out=None, **kwargs):
    """Exponentially distributed numbers of mean `scale`; see `uniform`."""
    return _draw("exponential", shape, dtype, ctx, out, lam=1.0 / scale)


def gamma(alpha=1, beta=1, shape=None, dtype=None, ctx=None, out=None, **kwargs):
    """Gamma distributed numbers of shape `alpha` and scale `beta`; see `uniform`."""
    return _draw("gamma", shape, dtype, ctx, out, alpha=alpha, beta=beta)


def poisson(lam=1, shape=None, dtype=None, ctx=None, out=None, **kwargs):
    """Poisson distributed numbers of mean `lam`; see `uniform`."""
    return _draw("poisson", shape, dtype, ctx, out, lam=lam)


def negative_binomial(k=1, p=1, shape=None, dtype=None, ctx=None, out=None, **kwargs):
    """Failures before the `k`-th success of probability `p`; see `uniform`."""
    return _draw("negative_binomial", shape, dtype, ctx, out, k=k, p=p)


def generalized_negative_binomial(
    mu=1, alpha=1, shape=None, dtype=None, ctx=None, out=None, **kwargs
):
    """Negative binomial numbers of mean `mu` and dispersion `alpha`; see `uniform`."""
    return _draw("generalized_negative_binomial", shape, dtype, ctx, out, mu=mu, alpha=alpha)


def multinomial(data, shape=None, get_prob=False, out=None, dtype="int32", **kwargs):
    """Classes drawn with given probabilities.

    Parameters
    ----------
    data : NDArray
        Probabilities (classes,) or (batch, classes).
    shape : int or tuple of int, optional
        Draws from each distribution; default one.
    get_prob : bool
        Give the logarithms of the probabilities of what was drawn as well.
    """
    shape = (shape,) if hasattr(shape, "__index__") else tuple(shape or ())
    return _gen._sample_multinomial(
        data, shape=shape, get_prob=get_prob, dtype=dtype_name(dtype), out=out
    )


def shuffle(data, out=None, **kwargs):
    """A copy of `data` with the parts along its first axis in random order."""
    return _gen._shuffle(data, out=out)
