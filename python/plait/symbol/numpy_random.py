"""Draws under NumPy's names, `mx.sym.np.random`: `size` is a shape, parameters are numbers."""

from . import random
from .compose import compose

__all__ = ["FUNCTIONS"]


def _apply(op, x):
    return compose(op, None, (x,), {})


def uniform(low=0.0, high=1.0, size=None, dtype=None):
    """Equally likely numbers in [low, high)."""
    return random.uniform(low, high, _shape(size), dtype)


def normal(loc=0.0, scale=1.0, size=None, dtype=None):
    """Normal numbers of mean `loc` and standard deviation `scale`."""
    return random.normal(loc, scale, _shape(size), dtype)


def _shape(size):
    return (1,) if size is None else size


def rand(*size):
    """`uniform` in [0, 1)."""
    return uniform(size=size or None)


def randint(low, high=None, size=None, dtype="int64"):
    """Whole numbers in [low, high), or in [0, low)."""
    low, high = (0, low) if high is None else (low, high)
    return random.randint(low, high, _shape(size), dtype)


def exponential(scale=1.0, size=None):
    """Exponential numbers of mean `scale`."""
    return random.exponential(scale, _shape(size))


def gamma(shape, scale=1.0, size=None):
    """Gamma numbers of mean shape * scale."""
    return random.gamma(shape, scale, _shape(size))


def beta(a, b, size=None):
    """Beta numbers of mean a / (a + b)."""
    x = gamma(a, size=size)
    return x / (x + gamma(b, size=size))


def chisquare(df, size=None):
    """Chi-square numbers of mean `df`."""
    return gamma(df / 2.0, 2.0, size)


def f(dfnum, dfden, size=None):
    """Ratios of two chi-square numbers, each divided by its mean."""
    return (chisquare(dfnum, size) / dfnum) / (chisquare(dfden, size) / dfden)


def lognormal(mean=0.0, sigma=1.0, size=None):
    """Numbers whose logarithm is normal."""
    return _apply("exp", normal(mean, sigma, size))


def _unit(size):
    """Uniform numbers in (0, 1]: their logarithm is finite."""
    return 1.0 - uniform(size=size)


def gumbel(loc=0.0, scale=1.0, size=None):
    """Gumbel numbers: the largest of many exponential ones, shifted."""
    return loc - scale * _apply("log", exponential(size=size))


def logistic(loc=0.0, scale=1.0, size=None):
    """Logistic numbers: differences of two Gumbel ones."""
    return loc + scale * _apply("log", exponential(size=size) / exponential(size=size))


def laplace(loc=0.0, scale=1.0, size=None):
    """Laplace numbers: differences of two exponential ones."""
    return loc + scale * (exponential(size=size) - exponential(size=size))


def rayleigh(scale=1.0, size=None):
    """Lengths of two normal numbers of standard deviation `scale`."""
    return scale * _apply("sqrt", 2.0 * exponential(size=size))


def weibull(a, size=None):
    """Weibull numbers of scale 1."""
    return exponential(size=size) ** (1.0 / a)


def pareto(a, size=None):
    """Pareto numbers minus 1 (Lomax)."""
    return _apply("exp", exponential(1.0 / a, size)) - 1.0


def power(a, size=None):
    """Numbers in (0, 1] with density a x^(a - 1)."""
    return _unit(size) ** (1.0 / a)


def shuffle(x):
    """Rows of the first axis in a random order."""
    return random.shuffle(x)


FUNCTIONS = {
    function.__name__: function
    for function in (
        beta, chisquare, exponential, f, gamma, gumbel, laplace, logistic, lognormal,
        normal, pareto, power, rand, randint, rayleigh, shuffle, uniform,
        weibull,
    )
}  # fmt: skip
