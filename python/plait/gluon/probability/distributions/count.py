"""Distributions of counts."""

from .... import numpy as np
from .... import numpy_extension as npx
from . import constraint
from .distribution import Distribution, ExponentialFamily, as_array, outside, softplus, x_log_y

__all__ = ["Bernoulli", "Binomial", "Geometric", "NegativeBinomial", "Poisson", "WithLogit"]

_REAL, _UNIT = constraint.Real(), constraint.UnitInterval()


class WithLogit(Distribution):
    """Distributions given by a probability, or by its logit ``log(p / (1 - p))``.

    Raises
    ------
    ValueError
        If none of the two is given, or both are.
    """

    def __init__(self, prob=None, logit=None, validate_args=None, **others):
        if (prob is None) == (logit is None):
            raise ValueError(f"{type(self).__name__}: must have prob or logit, and not both")
        given = {"prob": prob} if logit is None else {"logit": logit}
        super().__init__(validate_args, **given, **others)

    def __getattr__(self, name):
        if name == "prob" and "logit" in self.__dict__:
            return npx.sigmoid(self.logit)
        if name == "logit" and "prob" in self.__dict__:
            return np.log(self.prob) - np.log1p(-self.prob)
        raise AttributeError(f"{type(self).__name__!r} has no attribute {name!r}")

    def _log_probs(self):
        """Logarithms of p and 1 - p."""
        if "logit" in self.__dict__:
            return -softplus(-self.logit), -softplus(self.logit)
        return np.log(self.prob), np.log1p(-self.prob)


class Bernoulli(WithLogit, ExponentialFamily):
    """1 with the probability `prob`, else 0.

    Parameters
    ----------
    prob, logit : float or array
        One of the two.
    """

    arg_constraints = {"prob": _UNIT, "logit": _REAL}
    support = constraint.Boolean()

    def _log_prob(self, value):
        if "logit" in self.__dict__:
            return value * self.logit - softplus(self.logit)
        return x_log_y(value, self.prob) + x_log_y(1 - value, 1 - self.prob)

    def _draw(self, shape):
        return (np.random.uniform(size=shape) < self.prob).astype(self.prob.dtype)

    @property
    def mean(self):
        return self._full(self.prob)

    @property
    def variance(self):
        return self._full(self.prob * (1 - self.prob))

    def entropy(self):
        p = self.prob
        return self._full(-x_log_y(p, p) - x_log_y(1 - p, 1 - p))


def _log_choices(n, k):
    """Logarithm of the number of ways to choose k of n."""
    return npx.gammaln(n + 1) - npx.gammaln(k + 1) - npx.gammaln(n - k + 1)


class Binomial(WithLogit):
    """How many of `n` draws are 1.

    Parameters
    ----------
    n : int or array
    prob, logit : float or array
        Of each draw; one of the two.
    """

    arg_constraints = {"n": constraint.NonNegativeInteger(), "prob": _UNIT, "logit": _REAL}

    def __init__(self, n=1, prob=None, logit=None, validate_args=None):
        super().__init__(prob, logit, validate_args, n=n)

    @property
    def support(self):
        """Constraint: whole numbers up to n."""
        return constraint.IntegerInterval(0, self.n)

    def _log_prob(self, value):
        if "logit" in self.__dict__:
            known = value * self.logit - self.n * softplus(self.logit)
        else:
            known = x_log_y(value, self.prob) + x_log_y(self.n - value, 1 - self.prob)
        return _log_choices(self.n, value) + known

    def _draw(self, shape):
        most = int(self.n.max())
        draws = np.random.uniform(size=(most, *shape)) < self.prob
        turns = np.arange(most).reshape((most,) + (1,) * len(shape)) < self.n
        return np.logical_and(draws, turns).astype(self.prob.dtype).sum(axis=0)

    @property
    def mean(self):
        return self._full(self.n * self.prob)

    @property
    def variance(self):
        return self._full(self.n * self.prob * (1 - self.prob))


class Geometric(WithLogit):
    """How many draws are 0 before the first 1.

    Parameters
    ----------
    prob, logit : float or array
        Of 1; one of the two.
    """

    arg_constraints = {"prob": _UNIT, "logit": _REAL}
    support = constraint.NonNegativeInteger()

    def _log_prob(self, value):
        yes, no = self._log_probs()
        return value * no + yes

    def _draw(self, shape):
        u = np.clip(np.random.uniform(size=shape), 2.0**-24, 1.0)
        return np.floor(np.log(u) / np.log1p(-self.prob))

    @property
    def mean(self):
        return self._full((1 - self.prob) / self.prob)

    @property
    def variance(self):
        return self._full((1 - self.prob) / self.prob**2)

    def entropy(self):
        p = self.prob
        return self._full(-(x_log_y(p, p) + x_log_y(1 - p, 1 - p)) / p)


class NegativeBinomial(WithLogit):
    """How many draws are 1 before `n` are 0.

    Parameters
    ----------
    n : float or array
    prob, logit : float or array
        Of 1; one of the two.
    """

    arg_constraints = {"n": constraint.Positive(), "prob": _UNIT, "logit": _REAL}
    support = constraint.NonNegativeInteger()

    def __init__(self, n, prob=None, logit=None, validate_args=None):
        super().__init__(prob, logit, validate_args, n=n)

    def _log_prob(self, value):
        yes, no = self._log_probs()
        ways = npx.gammaln(value + self.n) - npx.gammaln(value + 1) - npx.gammaln(self.n)
        return ways + self.n * no + value * yes

    def _draw(self, shape):
        odds = np.exp(self.logit)
        rate = np.random.gamma(np.broadcast_to(self.n, shape), 1.0, size=shape) * odds
        return np.random.poisson(rate).astype(odds.dtype)

    @property
    def mean(self):
        return self._full(self.n * np.exp(self.logit))

    @property
    def variance(self):
        odds = np.exp(self.logit)
        return self._full(self.n * odds * (1 + odds))


class Poisson(ExponentialFamily):
    """How many events come in one unit.

    Parameters
    ----------
    rate : float or array
        Mean.
    """

    arg_constraints = {"rate": constraint.Positive()}
    support = constraint.NonNegativeInteger()

    def __init__(self, rate=1.0, validate_args=None):
        super().__init__(validate_args, rate=rate)

    def _log_prob(self, value):
        inside = value >= 0
        k = np.where(inside, value, 0.0)
        return outside(inside, x_log_y(k, self.rate) - self.rate - npx.gammaln(k + 1))

    def _draw(self, shape):
        return np.random.poisson(np.broadcast_to(self.rate, shape)).astype(
            as_array(self.rate).dtype
        )

    @property
    def mean(self):
        return self._full(self.rate)

    @property
    def variance(self):
        return self._full(self.rate)
