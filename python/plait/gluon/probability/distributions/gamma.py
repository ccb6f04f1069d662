"""The gamma distribution and those made of it."""

import math

from .... import numpy as np
from .... import numpy_extension as npx
from . import constraint
from .distribution import Distribution, ExponentialFamily, log_beta, outside

__all__ = ["Beta", "Chi2", "Dirichlet", "FisherSnedecor", "Gamma", "StudentT"]

_REAL, _POSITIVE = constraint.Real(), constraint.Positive()


def _standard_gamma(shape_parameter, size):
    return np.random.gamma(np.broadcast_to(shape_parameter, size), 1.0, size=size)


class Gamma(ExponentialFamily):
    """Sum of exponential numbers.

    Parameters
    ----------
    shape, scale : float or array
        How many (not only whole numbers), and their mean.

    Notes
    -----
    Gradients of samples flow to `scale`, not to `shape`.
    """

    arg_constraints = {"shape": _POSITIVE, "scale": _POSITIVE}
    support = _POSITIVE

    def __init__(self, shape, scale=1.0, validate_args=None):
        super().__init__(validate_args, shape=shape, scale=scale)

    def _log_prob(self, value):
        a, inside = self.shape, value > 0
        x = np.where(inside, value, 1.0) / self.scale
        return outside(inside, (a - 1) * np.log(x) - x - npx.gammaln(a) - np.log(self.scale))

    def _draw(self, shape):
        return _standard_gamma(self.shape, shape) * self.scale

    @property
    def mean(self):
        return self._full(self.shape * self.scale)

    @property
    def variance(self):
        return self._full(self.shape * self.scale**2)

    def entropy(self):
        a = self.shape
        return self._full(a + np.log(self.scale) + npx.gammaln(a) + (1 - a) * npx.digamma(a))


class Chi2(Gamma):
    """Sum of squares of normal numbers.

    Parameters
    ----------
    df : float or array
        How many.
    """

    arg_constraints = {"df": _POSITIVE}

    def __init__(self, df, validate_args=None):
        Distribution.__init__(self, validate_args, df=df)

    @property
    def shape(self):
        """Array: `shape` of the gamma distribution."""
        return self.df / 2

    scale = 2.0


class Beta(ExponentialFamily):
    """Share of one gamma number in the sum of two.

    Parameters
    ----------
    alpha, beta : float or array
        Shapes of the two.
    """

    arg_constraints = {"alpha": _POSITIVE, "beta": _POSITIVE}
    support = constraint.UnitInterval()

    def __init__(self, alpha, beta, validate_args=None):
        super().__init__(validate_args, alpha=alpha, beta=beta)

    def _log_prob(self, value):
        a, b = self.alpha, self.beta
        inside = np.logical_and(value > 0, value < 1)
        x = np.where(inside, value, 0.5)
        return outside(inside, (a - 1) * np.log(x) + (b - 1) * np.log1p(-x) - log_beta(a, b))

    def _draw(self, shape):
        x, y = _standard_gamma(self.alpha, shape), _standard_gamma(self.beta, shape)
        return x / (x + y)

    @property
    def mean(self):
        return self._full(self.alpha / (self.alpha + self.beta))

    @property
    def variance(self):
        total = self.alpha + self.beta
        return self._full(self.alpha * self.beta / (total**2 * (total + 1)))

    def entropy(self):
        a, b = self.alpha, self.beta
        known = (a + b - 2) * npx.digamma(a + b)
        return self._full(
            log_beta(a, b) - (a - 1) * npx.digamma(a) - (b - 1) * npx.digamma(b) + known
        )


class Dirichlet(ExponentialFamily):
    """Shares of gamma numbers in their sum; events are vectors.

    Parameters
    ----------
    alpha : array (..., k)
        Shapes.
    """

    event_dim = 1
    arg_constraints = {"alpha": _POSITIVE}
    support = constraint.Simplex()

    def __init__(self, alpha, validate_args=None):
        super().__init__(validate_args, alpha=alpha)

    def _log_prob(self, value):
        a = self.alpha
        terms = ((a - 1) * np.log(value)).sum(axis=-1)
        return terms + npx.gammaln(a.sum(axis=-1)) - npx.gammaln(a).sum(axis=-1)

    def _draw(self, shape):
        x = _standard_gamma(self.alpha, (*shape, self.alpha.shape[-1]))
        return x / x.sum(axis=-1, keepdims=True)

    @property
    def mean(self):
        return self.alpha / self.alpha.sum(axis=-1, keepdims=True)

    @property
    def variance(self):
        total = self.alpha.sum(axis=-1, keepdims=True)
        return self.alpha * (total - self.alpha) / (total**2 * (total + 1))

    def entropy(self):
        a, total = self.alpha, self.alpha.sum(axis=-1)
        log_norm = npx.gammaln(a).sum(axis=-1) - npx.gammaln(total)
        known = ((a - 1) * npx.digamma(a)).sum(axis=-1)
        return log_norm + (total - a.shape[-1]) * npx.digamma(total) - known


class StudentT(Distribution):
    """Normal number divided by the root of a `Chi2` number over its `df`.

    Parameters
    ----------
    df, loc, scale : float or array
    """

    arg_constraints = {"df": _POSITIVE, "loc": _REAL, "scale": _POSITIVE}
    support = _REAL

    def __init__(self, df, loc=0.0, scale=1.0, validate_args=None):
        super().__init__(validate_args, df=df, loc=loc, scale=scale)

    def _log_norm(self):
        return log_beta(self.df / 2, 0.5 + 0 * self.df) + 0.5 * np.log(self.df)

    def _log_prob(self, value):
        z = (value - self.loc) / self.scale
        tail = 0.5 * (self.df + 1) * np.log1p(z**2 / self.df)
        return -tail - self._log_norm() - np.log(self.scale)

    def _draw(self, shape):
        chi2 = 2 * _standard_gamma(self.df / 2, shape)
        return self.loc + self.scale * np.random.normal(size=shape) * np.sqrt(self.df / chi2)

    @property
    def mean(self):
        return self._full(np.where(self.df > 1, self.loc + 0 * self.df, math.nan))

    @property
    def variance(self):
        df = self.df
        finite = self.scale**2 * df / np.maximum(df - 2, 1e-30)
        return self._full(np.where(df > 2, finite, np.where(df > 1, math.inf, math.nan)))

    def entropy(self):
        half = (self.df + 1) / 2
        turn = half * (npx.digamma(half) - npx.digamma(self.df / 2))
        return self._full(turn + self._log_norm() + np.log(self.scale))


class FisherSnedecor(Distribution):
    """Quotient of two `Chi2` numbers, each over its `df`.

    Parameters
    ----------
    df1, df2 : float or array
    """

    arg_constraints = {"df1": _POSITIVE, "df2": _POSITIVE}
    support = _POSITIVE

    def __init__(self, df1, df2, validate_args=None):
        super().__init__(validate_args, df1=df1, df2=df2)

    def _log_prob(self, value):
        a, b, inside = self.df1 / 2, self.df2 / 2, value > 0
        ratio = self.df1 / self.df2
        x = np.where(inside, value, 1.0)
        power = a * np.log(ratio) + (a - 1) * np.log(x) - (a + b) * np.log1p(ratio * x)
        return outside(inside, power - log_beta(a, b))

    def _draw(self, shape):
        x = _standard_gamma(self.df1 / 2, shape) / self.df1
        return x / (_standard_gamma(self.df2 / 2, shape) / self.df2)

    @property
    def mean(self):
        b = self.df2
        return self._full(np.where(b > 2, b / np.maximum(b - 2, 1e-30), math.nan))

    @property
    def variance(self):
        a, b = self.df1, self.df2
        rest = a * np.maximum(b - 2, 1e-30) ** 2 * np.maximum(b - 4, 1e-30)
        return self._full(np.where(b > 4, 2 * b**2 * (a + b - 2) / rest, math.nan))
