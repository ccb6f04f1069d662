"""Random numbers in graphs: `mx.sym.random`. Each run of the graph draws anew."""

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


def _like(name):
    """The function that draws from a distribution in the shape of a symbol."""

    def function(data, *args, **kwargs):
        return getattr(_gen, f"random_{name}_like")(data, *args, **kwargs)

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


def _tuple(shape):
    return (shape,) if hasattr(shape, "__index__") else tuple(shape or ())


def _draw(distribution, shape, dtype, params, name=None, attr=None, ctx=None):
    symbols = [isinstance(v, Symbol) for v in params.values()]
    if any(symbols):
        if not all(symbols):
            raise TypeError(
                f"{distribution}: {' and '.join(params)} must be all symbols or numbers"
            )
        function = getattr(_gen, f"_sample_{distribution}")
        return function(
            *params.values(), shape=_tuple(shape), dtype=dtype_name(dtype), name=name, attr=attr
        )
    function = getattr(_gen, f"_random_{distribution}")
    shape = (1,) if shape is None else _tuple(shape)
    return function(
        **params, shape=shape, dtype=dtype_name(dtype) or "float32", name=name, attr=attr
    )


def uniform(low=0, high=1, shape=None, dtype=None, **kwargs):
    """Numbers evenly distributed in [low, high).

    Parameters
    ----------
    low, high : float or Symbol
        Symbols of one shape give `shape` draws for each pair of their elements.
    shape : int or tuple of int, optional
        Default (1,), or with symbols one draw for each element.
    dtype : optional
        Default float32, or that of the symbols.
    **kwargs
        `name` and `attr` of the node. `ctx` is decided where the graph is bound.
    """
    return _draw("uniform", shape, dtype, {"low": low, "high": high}, **kwargs)


def normal(loc=0, scale=1, shape=None, dtype=None, **kwargs):
    """Normally distributed numbers of mean `loc` and standard deviation `scale`; see `uniform`."""
    return _draw("normal", shape, dtype, {"loc": loc, "scale": scale}, **kwargs)


def randn(*shape, loc=0, scale=1, dtype=None, **kwargs):
    """`normal` with the shape as positional arguments."""
    return normal(loc, scale, shape or None, dtype, **kwargs)


def randint(low, high, shape=None, dtype=None, **kwargs):
    """Whole numbers in [low, high), int32 by default; see `uniform`."""
    return _draw("randint", shape, dtype or "int32", {"low": low, "high": high}, **kwargs)


def exponential(scale=1, shape=None, dtype=None, **kwargs):
    """Exponentially distributed numbers of mean `scale`; see `uniform`."""
    return _draw("exponential", shape, dtype, {"lam": 1.0 / scale}, **kwargs)


def gamma(alpha=1, beta=1, shape=None, dtype=None, **kwargs):
    """Gamma distributed numbers of shape `alpha` and scale `beta`; see `uniform`."""
    return _draw("gamma", shape, dtype, {"alpha": alpha, "beta": beta}, **kwargs)


def poisson(lam=1, shape=None, dtype=None, **kwargs):
    """Poisson distributed numbers of mean `lam`; see `uniform`."""
    return _draw("poisson", shape, dtype, {"lam": lam}, **kwargs)


def negative_binomial(k=1, p=1, shape=None, dtype=None, **kwargs):
    """Failures before the `k`-th success of probability `p`; see `uniform`."""
    return _draw("negative_binomial", shape, dtype, {"k": k, "p": p}, **kwargs)


def generalized_negative_binomial(mu=1, alpha=1, shape=None, dtype=None, **kwargs):
    """Negative binomial numbers of mean `mu` and dispersion `alpha`; see `uniform`."""
    params = {"mu": mu, "alpha": alpha}
    return _draw("generalized_negative_binomial", shape, dtype, params, **kwargs)


def multinomial(data, shape=None, get_prob=True, dtype="int32", **kwargs):
    """Classes drawn with given probabilities.

    Parameters
    ----------
    data : Symbol
        Probabilities (classes,) or (batch, classes).
    shape : int or tuple of int, optional
        Draws from each distribution; default one.
    get_prob : bool
        Give the logarithms of the probabilities of what was drawn as a second output.
    """
    return _gen._sample_multinomial(
        data, shape=_tuple(shape), get_prob=get_prob, dtype=dtype_name(dtype), **kwargs
    )


def shuffle(data, **kwargs):
    """`data` with the parts along its first axis in random order."""
    return _gen._shuffle(data, **kwargs)
