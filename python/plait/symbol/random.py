"""Random numbers in graphs: `mx.sym.random`. Every run draws new ones."""

from .._gen import sym as _gen
from ..base import dtype_name
from .symbol import Symbol

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


def _shape(shape, default):
    return (shape,) if hasattr(shape, "__index__") else tuple(shape or default)


def _draw(kind, shape, dtype, kwargs, **params):
    symbols = [isinstance(v, Symbol) for v in params.values()]
    kwargs.pop("ctx", None)  # of the arrays that the graph is bound to
    if any(symbols):
        if not all(symbols):
            raise TypeError(f"{kind}: {' and '.join(params)} must be all symbols or all numbers")
        sample = getattr(_gen, f"_sample_{kind}")
        named = {} if dtype is None else {"dtype": dtype_name(dtype)}
        return sample(*params.values(), shape=_shape(shape, ()), **named, **kwargs)
    function = getattr(_gen, f"_random_{kind}")
    return function(
        shape=_shape(shape, (1,)), dtype=dtype_name(dtype or "float32"), **params, **kwargs
    )


def uniform(low=0, high=1, shape=None, dtype=None, **kwargs):
    """Numbers evenly distributed in [low, high).

    Parameters
    ----------
    low, high : float or Symbol
        Symbols of one shape give `shape` draws for each pair of their elements.
    shape : int or tuple of int, optional
        Default (1,).
    dtype : optional
        Default float32.
    **kwargs
        `name` and `attr` of the node; `ctx` is accepted and has no effect.

    Raises
    ------
    TypeError
        If one parameter is a symbol and another a number.
    """
    return _draw("uniform", shape, dtype, kwargs, low=low, high=high)


def normal(loc=0, scale=1, shape=None, dtype=None, **kwargs):
    """Normally distributed numbers of mean `loc` and standard deviation `scale`; see `uniform`."""
    return _draw("normal", shape, dtype, kwargs, loc=loc, scale=scale)


def randn(*shape, loc=0, scale=1, dtype=None, **kwargs):
    """`normal` with the shape as positional arguments."""
    return normal(loc, scale, shape or None, dtype, **kwargs)


def randint(low, high, shape=None, dtype=None, **kwargs):
    """Whole numbers in [low, high), int32 by default; see `uniform`."""
    return _draw("randint", shape, dtype or "int32", kwargs, low=low, high=high)


def exponential(scale=1, shape=None, dtype=None, **kwargs):
    """Exponentially distributed numbers of mean `scale`; see `uniform`."""
    return _draw("exponential", shape, dtype, kwargs, lam=1.0 / scale)


def gamma(alpha=1, beta=1, shape=None, dtype=None, **kwargs):
    """Gamma distributed numbers of shape `alpha` and scale `beta`; see `uniform`."""
    return _draw("gamma", shape, dtype, kwargs, alpha=alpha, beta=beta)


def poisson(lam=1, shape=None, dtype=None, **kwargs):
    """Poisson distributed numbers of mean `lam`; see `uniform`."""
    return _draw("poisson", shape, dtype, kwargs, lam=lam)


def negative_binomial(k=1, p=1, shape=None, dtype=None, **kwargs):
    """Failures before the `k`-th success of probability `p`; see `uniform`."""
    return _draw("negative_binomial", shape, dtype, kwargs, k=k, p=p)


def generalized_negative_binomial(mu=1, alpha=1, shape=None, dtype=None, **kwargs):
    """Negative binomial numbers of mean `mu` and dispersion `alpha`; see `uniform`."""
    return _draw("generalized_negative_binomial", shape, dtype, kwargs, mu=mu, alpha=alpha)


def multinomial(data, shape=None, get_prob=True, dtype="int32", **kwargs):
    """Classes drawn with the probabilities `data`: (classes,) or (batch, classes).

    With `get_prob`, the default here as in MXNet, the logarithms of the probabilities of what was
    drawn are a second output.
    """
    return _gen._sample_multinomial(
        data, shape=_shape(shape, ()), get_prob=get_prob, dtype=dtype_name(dtype), **kwargs
    )


def shuffle(data, **kwargs):
    """`data` with the parts along its first axis in random order."""
    return _gen._shuffle(data, **kwargs)


def _like(kind):
    """The function that draws from a distribution in the shape of a symbol."""

    def function(data, *args, **kwargs):
        return getattr(_gen, f"_random_{kind}_like")(data, *args, **kwargs)

    function.__name__ = function.__qualname__ = f"{kind}_like"
    function.__doc__ = f"`{kind}` with the parameters of its distribution, in the shape of `data`."
    return function


uniform_like = _like("uniform")
normal_like = _like("normal")
exponential_like = _like("exponential")
gamma_like = _like("gamma")
poisson_like = _like("poisson")
negative_binomial_like = _like("negative_binomial")
generalized_negative_binomial_like = _like("generalized_negative_binomial")
