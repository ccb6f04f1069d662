"""Random numbers: `mx.np.random`. Draws depend on the seed only, not on threads."""

from __future__ import annotations

from typing import Any

import numpy as _np

from .. import _engine
from .._array import invoke, operator
from ..context import current_context
from . import _operands as _o
from ._axes import reshape
from ._choice import take, where
from ._order import argsort, searchsorted
from ._reduction import cumsum, sum
from .multiarray import ndarray

__all__ = [
    "bernoulli", "beta", "binomial", "chisquare", "choice", "exponential", "f", "gamma",
    "geometric", "gumbel", "laplace", "logistic", "lognormal", "multinomial",
    "multivariate_normal", "normal", "pareto", "permutation", "poisson", "power", "rand",
    "randint", "randn", "random", "rayleigh", "seed", "shuffle", "standard_normal", "uniform",
    "weibull", "standard_exponential", "standard_gamma", "random_sample",
]  # fmt: skip

_OPS = {
    name: operator("random_" + name)
    for name in ("uniform", "normal", "gamma", "poisson", "randint")
}
_GAMMA_OF, _POISSON_OF = operator("random_gamma_of"), operator("random_poisson_of")
_PERMUTATION, _COUNTS = operator("random_permutation"), operator("random_counts")
_log, _exp = operator("log"), operator("exp")
_Size = Any


def seed(seed: int) -> None:
    """Restart the random stream."""
    _engine.seed(seed)


def _unary(op: Any, x: Any) -> Any:
    return invoke(op, (x,), (), None, ndarray)


def _finish(result: Any, ctx: Any, out: Any) -> Any:
    ctx = ctx or current_context()
    if ctx != result.ctx:
        result = result.as_in_context(ctx)
    return result if out is None else _o.store(result, out)


def _plan(size: _Size, *params: Any, dtype: Any = None) -> tuple[list[Any], tuple[int, ...], str]:
    """Parameters as numbers or floating arrays, the shape of the result and its dtype."""
    given = [p if _o.is_scalar(p) else _o.floating(_o.array_of(p)) for p in params]
    name = _o.result_dtype(dtype) or _o.float_name()
    shapes = [p.shape for p in given if not _o.is_scalar(p)]
    if not shapes:
        return given, () if size is None else _o.shape_of(size), name
    joint = _o.joint_shape("random", *shapes)
    shape = joint if size is None else _o.shape_of(size)
    fits = len(joint) <= len(shape) and all(
        j in (1, n) for j, n in zip(reversed(joint), reversed(shape), strict=False)
    )
    if not fits:
        raise ValueError(
            f"random: size is {size}, must be broadcast from parameters of shape {joint}"
        )
    return given, shape, name


def _draw(name: str, shape: tuple[int, ...], dtype: str, *parameters: float) -> Any:
    """Draws; of the standard distribution where no parameters are given."""
    numbers = map(float, parameters or (0.0, 1.0))
    return invoke(_OPS[name], (), (*numbers, shape, None, dtype), None, ndarray)


def _scaled(draws: Any, loc: Any, scale: Any) -> Any:
    """loc + scale * draws, without the work where they are 0 and 1; gradients flow to both."""
    if not (_o.is_scalar(scale) and scale == 1):
        draws = draws * scale
    return draws if _o.is_scalar(loc) and loc == 0 else draws + loc


def _positive(shape: tuple[int, ...], dtype: str) -> Any:
    """Uniform on (0, 1]."""
    return 1.0 - _draw("uniform", shape, dtype)


def uniform(low: Any = 0.0, high: Any = 1.0, size: _Size = None, dtype: Any = None, ctx: Any = None,
            out: Any = None, device: Any = None) -> Any:  # fmt: skip
    """Numbers evenly distributed in [low, high); gradients flow to arrays of bounds."""
    (low, high), shape, name = _plan(size, low, high, dtype=dtype)
    if _o.is_scalar(low) and _o.is_scalar(high):
        result = _draw("uniform", shape, name, low, high)
    else:
        result = _scaled(_draw("uniform", shape, name), low, high - low)
    return _finish(result, ctx or device, out)


def normal(loc: Any = 0.0, scale: Any = 1.0, size: _Size = None, dtype: Any = None, ctx: Any = None,
           out: Any = None, device: Any = None) -> Any:  # fmt: skip
    """Normally distributed numbers of mean `loc` and deviation `scale`; both get gradients.

    Raises
    ------
    ValueError
        If `scale` is a negative number.
    """
    (loc, scale), shape, name = _plan(size, loc, scale, dtype=dtype)
    if _o.is_scalar(scale) and scale < 0:
        raise ValueError(f"normal: scale is {scale}, must be >= 0")
    if _o.is_scalar(loc) and _o.is_scalar(scale):
        result = _draw("normal", shape, name, loc, scale)
    else:
        result = _scaled(_draw("normal", shape, name), loc, scale)
    return _finish(result, ctx or device, out)


def rand(*size: int, **kwargs: Any) -> Any:
    """`uniform` on [0, 1) with the shape as positional arguments."""
    return uniform(size=size, **kwargs)


def randn(*size: int, **kwargs: Any) -> Any:
    """`normal` with the shape as positional arguments."""
    return normal(size=size, **kwargs)


def random(size: _Size = None) -> Any:
    """`uniform` on [0, 1)."""
    return uniform(size=size)


random_sample = random


def standard_normal(size: _Size = None, dtype: Any = None) -> Any:
    """`normal` of mean 0 and standard deviation 1."""
    return normal(size=size, dtype=dtype)


def randint(low: int, high: int | None = None, size: _Size = None, dtype: Any = None,
            ctx: Any = None, out: Any = None, device: Any = None) -> Any:  # fmt: skip
    """Whole numbers in [low, high), or in [0, low); int64 by default.

    Raises
    ------
    ValueError
        If the range is empty.
    """
    if high is None:
        low, high = 0, low
    if low >= high:
        raise ValueError(f"randint: low is {low}, must be < high, which is {high}")
    shape = () if size is None else _o.shape_of(size)
    result = _draw("randint", shape, _o.result_dtype(dtype) or "int64", low, high)
    return _finish(result, ctx or device, out)


def exponential(scale: Any = 1.0, size: _Size = None, dtype: Any = None, ctx: Any = None,
                out: Any = None, device: Any = None) -> Any:  # fmt: skip
    """Exponentially distributed numbers of mean `scale`, which gets gradients."""
    (scale,), shape, name = _plan(size, scale, dtype=dtype)
    return _finish(_scaled(-_unary(_log, _positive(shape, name)), 0, scale), ctx or device, out)


def standard_exponential(size: _Size = None) -> Any:
    """`exponential` of mean 1."""
    return exponential(size=size)


def _gammas(alpha: Any, shape: tuple[int, ...], name: str) -> Any:
    if _o.is_scalar(alpha):
        return _draw("gamma", shape, name, alpha, 1.0)
    from ._axes import broadcast_to

    return invoke(_GAMMA_OF, (_o.cast(broadcast_to(alpha, shape), name),), (), None, ndarray)


def gamma(shape: Any, scale: Any = 1.0, size: _Size = None, dtype: Any = None, ctx: Any = None,
          out: Any = None, device: Any = None) -> Any:  # fmt: skip
    """Gamma distributed numbers; the mean is shape * scale."""
    (alpha, scale), wanted, name = _plan(size, shape, scale, dtype=dtype)
    return _finish(_scaled(_gammas(alpha, wanted, name), 0, scale), ctx or device, out)


def standard_gamma(shape: Any, size: _Size = None, dtype: Any = None) -> Any:
    """`gamma` of scale 1."""
    return gamma(shape, 1.0, size, dtype)


def beta(a: Any, b: Any, size: _Size = None, dtype: Any = None, ctx: Any = None,
         device: Any = None) -> Any:  # fmt: skip
    """Beta distributed numbers: x / (x + y) with x and y gamma distributed."""
    (a, b), shape, name = _plan(size, a, b, dtype=dtype)
    x, y = _gammas(a, shape, name), _gammas(b, shape, name)
    return _finish(x / (x + y), ctx or device, None)


def chisquare(
    df: Any, size: _Size = None, dtype: Any = None, ctx: Any = None, device: Any = None
) -> Any:
    """Sum of the squares of `df` standard normal numbers."""
    (df,), shape, name = _plan(size, df, dtype=dtype)
    return _finish(_gammas(df / 2, shape, name) * 2.0, ctx or device, None)


def f(dfnum: Any, dfden: Any, size: _Size = None, ctx: Any = None, device: Any = None) -> Any:
    """Ratio of two chi-square distributed numbers, each divided by its degrees of freedom."""
    (m, n), shape, _ = _plan(size, dfnum, dfden)
    result = chisquare(m, shape) / m / (chisquare(n, shape) / n)
    return _finish(result, ctx or device, None)


def gumbel(loc: Any = 0.0, scale: Any = 1.0, size: _Size = None, ctx: Any = None, out: Any = None,
           device: Any = None) -> Any:  # fmt: skip
    """Gumbel distributed numbers: loc - scale * log(-log(u))."""
    (loc, scale), shape, name = _plan(size, loc, scale)
    u = _draw("uniform", shape, name, float(_np.finfo(name).tiny), 1.0)
    return _finish(_scaled(-_unary(_log, -_unary(_log, u)), loc, scale), ctx or device, out)


def laplace(loc: Any = 0.0, scale: Any = 1.0, size: _Size = None, dtype: Any = None,
            ctx: Any = None, out: Any = None, device: Any = None) -> Any:  # fmt: skip
    """Numbers with density exp(-|x - loc| / scale) / (2 scale)."""
    (loc, scale), shape, name = _plan(size, loc, scale, dtype=dtype)
    size_ = -_unary(_log, _positive(shape, name))
    heads = _draw("uniform", shape, name) < 0.5
    return _finish(_scaled(where(heads, size_, -size_), loc, scale), ctx or device, out)


def logistic(loc: Any = 0.0, scale: Any = 1.0, size: _Size = None, ctx: Any = None, out: Any = None,
             device: Any = None) -> Any:  # fmt: skip
    """Logistic distributed numbers: loc + scale * log(u / (1 - u))."""
    (loc, scale), shape, name = _plan(size, loc, scale)
    u = _draw("uniform", shape, name, float(_np.finfo(name).eps) / 2, 1.0)
    return _finish(_scaled(_unary(_log, u / (1.0 - u)), loc, scale), ctx or device, out)


def lognormal(mean: Any = 0.0, sigma: Any = 1.0, size: _Size = None, dtype: Any = None,
              ctx: Any = None, out: Any = None, device: Any = None) -> Any:  # fmt: skip
    """Numbers whose logarithm is normally distributed."""
    return _finish(_unary(_exp, normal(mean, sigma, size, dtype)), ctx or device, out)


def pareto(a: Any, size: _Size = None, ctx: Any = None, out: Any = None, device: Any = None) -> Any:
    """Numbers x with P(x > t) = (1 + t)^-a."""
    (a,), shape, name = _plan(size, a)
    return _finish(_positive(shape, name) ** (-1.0 / a) - 1.0, ctx or device, out)


def power(
    a: Any = 1.0, size: _Size = None, ctx: Any = None, out: Any = None, device: Any = None
) -> Any:
    """Numbers in [0, 1] with density a x^(a - 1)."""
    (a,), shape, name = _plan(size, a)
    return _finish(_positive(shape, name) ** (1.0 / a), ctx or device, out)


def rayleigh(scale: Any = 1.0, size: _Size = None, ctx: Any = None, out: Any = None,
             device: Any = None) -> Any:  # fmt: skip
    """Length of a plane vector of independent normal numbers of standard deviation `scale`."""
    (scale,), shape, name = _plan(size, scale)
    return _finish(
        _scaled((_unary(_log, _positive(shape, name)) * -2.0) ** 0.5, 0, scale), ctx or device, out
    )


def weibull(
    a: Any = 1.0, size: _Size = None, ctx: Any = None, out: Any = None, device: Any = None
) -> Any:
    """Numbers (-log u)^(1/a)."""
    (a,), shape, name = _plan(size, a)
    return _finish((-_unary(_log, _positive(shape, name))) ** (1.0 / a), ctx or device, out)


def poisson(lam: Any = 1.0, size: _Size = None, dtype: Any = None, ctx: Any = None, out: Any = None,
            device: Any = None) -> Any:  # fmt: skip
    """Poisson distributed numbers of mean `lam`."""
    (lam,), shape, name = _plan(size, lam, dtype=dtype)
    if _o.is_scalar(lam):
        result = _draw("poisson", shape, name, lam)
    else:
        from ._axes import broadcast_to

        result = invoke(_POISSON_OF, (_o.cast(broadcast_to(lam, shape), name),), (), None, ndarray)
    return _finish(result, ctx or device, out)


def bernoulli(prob: Any = None, logit: Any = None, size: _Size = None, dtype: Any = None,
              ctx: Any = None, out: Any = None, device: Any = None) -> Any:  # fmt: skip
    """1 with probability `prob`, or 1 / (1 + exp(-logit)), else 0."""
    if (prob is None) == (logit is None):
        raise ValueError("bernoulli: exactly one of prob and logit must be given")
    if prob is None:
        logit = _o.array_of(logit) if not _o.is_scalar(logit) else logit
        prob = 1.0 / (1.0 + (_np.exp(-logit) if _o.is_scalar(logit) else _unary(_exp, -logit)))
    (prob,), shape, name = _plan(size, prob, dtype=dtype)
    floating = name if name in _o.FLOATS else "float32"
    return _finish(_o.cast(_draw("uniform", shape, floating) < prob, name), ctx or device, out)


def binomial(n: int, p: Any, size: _Size = None, dtype: Any = None, ctx: Any = None) -> Any:
    """Successes among `n` trials of probability `p`."""
    (p,), shape, _ = _plan(size, p)
    if n < 0:
        raise ValueError(f"binomial: n is {n}, must be >= 0")
    heads = _draw("uniform", (int(n), *shape), "float32") < p
    return _finish(sum(heads, 0, _o.result_dtype(dtype) or "int64"), ctx, None)


def geometric(p: Any, size: _Size = None) -> Any:
    """Trials up to and with the first success of probability `p`."""
    (p,), shape, name = _plan(size, p)
    from . import ceil, log1p

    return _o.cast(ceil(_unary(_log, _positive(shape, name)) / log1p(-p)), "int64").clip(1, None)


# --- orders and draws from lists ----------------------------------------------------------------


def _order(n: int) -> Any:
    return invoke(_PERMUTATION, (), (int(n),), None, ndarray)


def permutation(x: Any) -> Any:
    """The numbers below `x` or the parts of an array along its first axis in random order."""
    if hasattr(x, "__index__") and not isinstance(x, _o.Array):
        return _order(x.__index__())
    x = _o.array_of(x)
    if hasattr(x, "ndim") and x.ndim == 0:
        return _order(int(x))
    return take(x, _order(x.shape[0]), 0)


def shuffle(x: Any) -> None:
    """Put the parts of an array along its first axis in random order, in place."""
    x[...] = permutation(x)


def choice(a: Any, size: _Size = None, replace: bool = True, p: Any = None, ctx: Any = None,
           out: Any = None, device: Any = None) -> Any:  # fmt: skip
    """Draws from the numbers below `a` or from the elements of a vector.

    Parameters
    ----------
    replace : bool
        The same element may be drawn again.
    p : vector, optional
        Probabilities; default: equal.

    Raises
    ------
    ValueError
        There are not enough elements, or `p` does not fit.
    """
    vector = None if hasattr(a, "__index__") and not isinstance(a, _o.Array) else _o.array_of(a)
    n = a.__index__() if vector is None else vector.shape[0]
    shape = () if size is None else _o.shape_of(size)
    count = int(_np.prod(shape, dtype="int64"))
    if n < 1 and count or not replace and count > n:
        raise ValueError(
            f"choice: a has {n} elements, must have at least {count if not replace else 1}"
        )
    if p is not None:
        p = _o.cast(_o.array_of(p), "float64")
        if p.shape != (n,):
            raise ValueError(f"choice: p has shape {p.shape}, must be ({n},)")
    if not replace:
        keys = _unary(_log, _positive((n,), "float64"))  # P. Efraimidis, P. Spirakis (2006)
        places = argsort(keys if p is None else keys / p, descending=True)[:count]
    elif p is None:
        places = _draw("randint", (count,), "int64", 0, n)
    else:
        bounds = cumsum(p)
        places = searchsorted(bounds / bounds[-1], _draw("uniform", (count,), "float64"), "right")
    places = reshape(places, shape)
    return _finish(places if vector is None else take(vector, places, 0), ctx or device, out)


def multinomial(n: int, pvals: Any, size: _Size = None) -> Any:
    """How often each of some results came in `n` trials; the last axis are the results."""
    pvals = _o.cast(_o.array_of(pvals), "float64")
    if pvals.ndim != 1 or (pvals.size and float(sum(pvals)) > 1.0 + 1e-5):
        raise ValueError("multinomial: pvals must be a vector of probabilities whose sum is 1")
    shape = () if size is None else _o.shape_of(size)
    return invoke(_COUNTS, (pvals,), (int(n), shape), None, ndarray)


def multivariate_normal(mean: Any, cov: Any, size: _Size = None, check_valid: Any = None,
                        tol: Any = None) -> Any:  # fmt: skip
    """Normally distributed vectors of a mean and a positive definite covariance."""
    from .linalg import cholesky

    mean, cov = (_o.floating(_o.array_of(v)) for v in (mean, cov))
    k = mean.shape[-1]
    if cov.shape[-2:] != (k, k):
        raise ValueError(f"multivariate_normal: cov has shape {cov.shape}, must end in ({k}, {k})")
    batch = _o.joint_shape("multivariate_normal", mean.shape[:-1], cov.shape[:-2])
    shape = () if size is None else _o.shape_of(size)
    z = _draw("normal", (*shape, *batch, k, 1), mean.dtype_name)
    return mean + (cholesky(cov) @ z)[..., 0]
