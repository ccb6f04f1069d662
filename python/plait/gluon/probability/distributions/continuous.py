"""Distributions of one number that have a simple inverse of their cdf."""

import math

from .... import numpy as np
from .... import numpy_extension as npx
from . import constraint
from .distribution import EULER, LOG_2PI, Distribution, ExponentialFamily, as_array, outside

__all__ = [
    "Cauchy",
    "Exponential",
    "Gumbel",
    "HalfCauchy",
    "HalfNormal",
    "Laplace",
    "Normal",
    "Pareto",
    "Uniform",
    "Weibull",
]

_ROOT2 = math.sqrt(2)
_REAL, _POSITIVE = constraint.Real(), constraint.Positive()


class _Located(Distribution):
    """Distributions of ``loc + scale z``; subclasses speak of z."""

    has_grad = True
    support = _REAL
    arg_constraints = {"loc": _REAL, "scale": _POSITIVE}

    def __init__(self, loc=0.0, scale=1.0, validate_args=None):
        super().__init__(validate_args, loc=loc, scale=scale)

    def _standard(self, value):
        return (as_array(value) - self.loc) / self.scale

    def _log_prob(self, value):
        return self._z_log_prob(self._standard(value)) - np.log(self.scale)

    def cdf(self, value):
        return self._z_cdf(self._standard(value))

    def icdf(self, value):
        return self.loc + self.scale * self._z_icdf(as_array(value))

    def _draw(self, shape):
        return self.loc + self.scale * self._z_draw(shape)

    def _z_draw(self, shape):
        # 0 would give -inf: numbers of float32 in (0, 1).
        u = np.random.uniform(size=shape)
        return self._z_icdf(np.clip(u, 2.0**-24, 1 - 2.0**-24))

    @property
    def mean(self):
        return self._full(self.loc + self.scale * self._z_mean)

    @property
    def variance(self):
        return self._full(self.scale**2 * self._z_variance)

    def entropy(self):
        return self._full(np.log(self.scale) + self._z_entropy)


class Normal(_Located, ExponentialFamily):
    """Normal distribution.

    Parameters
    ----------
    loc, scale : float or array
        Mean and standard deviation.
    """

    _z_mean, _z_variance, _z_entropy = 0.0, 1.0, 0.5 + 0.5 * LOG_2PI

    def _z_log_prob(self, z):
        return -0.5 * z**2 - 0.5 * LOG_2PI

    def _z_cdf(self, z):
        return 0.5 * (1 + npx.erf(z / _ROOT2))

    def _z_icdf(self, p):
        return _ROOT2 * npx.erfinv(2 * p - 1)

    def _z_draw(self, shape):
        return np.random.normal(size=shape)


class Laplace(_Located):
    """Two exponential distributions back to back.

    Parameters
    ----------
    loc, scale : float or array
        Mean, and mean distance from it.
    """

    _z_mean, _z_variance, _z_entropy = 0.0, 2.0, 1 + math.log(2)

    def _z_log_prob(self, z):
        return -np.abs(z) - math.log(2)

    def _z_cdf(self, z):
        return 0.5 - 0.5 * np.sign(z) * np.expm1(-np.abs(z))

    def _z_icdf(self, p):
        return -np.sign(p - 0.5) * np.log1p(-2 * np.abs(p - 0.5))


class Cauchy(_Located):
    """Quotient of two normal numbers: no mean, no variance.

    Parameters
    ----------
    loc, scale : float or array
        Median, and distance of the quartiles from it.
    """

    _z_mean, _z_variance, _z_entropy = math.nan, math.nan, math.log(4 * math.pi)

    def _z_log_prob(self, z):
        return -np.log1p(z**2) - math.log(math.pi)

    def _z_cdf(self, z):
        return np.arctan(z) / math.pi + 0.5

    def _z_icdf(self, p):
        return np.tan(math.pi * (p - 0.5))


class Gumbel(_Located):
    """Limit of the largest of many numbers.

    Parameters
    ----------
    loc, scale : float or array
        Mode, and spread.
    """

    _z_mean, _z_variance, _z_entropy = EULER, math.pi**2 / 6, 1 + EULER

    def __init__(self, loc, scale=1.0, validate_args=None):
        super().__init__(loc, scale, validate_args)

    def _z_log_prob(self, z):
        return -(z + np.exp(-z))

    def _z_cdf(self, z):
        return np.exp(-np.exp(-z))

    def _z_icdf(self, p):
        return -np.log(-np.log(p))


class _Scaled(_Located):
    """Distributions of ``scale z`` with z >= 0."""

    support = constraint.NonNegative()

    def __init__(self, scale=1.0, validate_args=None):
        Distribution.__init__(self, validate_args, scale=scale)

    loc = 0.0

    def _log_prob(self, value):
        return outside(value >= 0, super()._log_prob(value))

    def cdf(self, value):
        return super().cdf(np.maximum(as_array(value), 0))


class Exponential(_Scaled, ExponentialFamily):
    """Time between events that come at a fixed rate.

    Parameters
    ----------
    scale : float or array
        Mean.
    """

    _z_mean, _z_variance, _z_entropy = 1.0, 1.0, 1.0

    @property
    def rate(self):
        """Array: events in one unit."""
        return 1 / self.scale

    def _z_log_prob(self, z):
        return -z

    def _z_cdf(self, z):
        return -np.expm1(-z)

    def _z_icdf(self, p):
        return -np.log1p(-p)


class HalfNormal(_Scaled):
    """Absolute value of a normal number of mean 0.

    Parameters
    ----------
    scale : float or array
        Standard deviation of that number.
    """

    _z_mean, _z_variance = math.sqrt(2 / math.pi), 1 - 2 / math.pi
    _z_entropy = 0.5 + 0.5 * math.log(math.pi / 2)

    def _z_log_prob(self, z):
        return -0.5 * z**2 + math.log(2) - 0.5 * LOG_2PI

    def _z_cdf(self, z):
        return npx.erf(z / _ROOT2)

    def _z_icdf(self, p):
        return _ROOT2 * npx.erfinv(p)


class HalfCauchy(_Scaled):
    """Absolute value of a `Cauchy` number of median 0."""

    _z_mean, _z_variance, _z_entropy = math.inf, math.inf, math.log(2 * math.pi)

    def _z_log_prob(self, z):
        return math.log(2 / math.pi) - np.log1p(z**2)

    def _z_cdf(self, z):
        return np.arctan(z) * (2 / math.pi)

    def _z_icdf(self, p):
        return np.tan(math.pi / 2 * p)


class _Shaped(Distribution):
    """Distributions drawn by their `icdf`."""

    has_grad = True

    def _draw(self, shape):
        return self.icdf(np.clip(np.random.uniform(size=shape), 2.0**-24, 1 - 2.0**-24))


class Uniform(_Shaped):
    """All numbers of an interval alike.

    Parameters
    ----------
    low, high : float or array
    """

    arg_constraints = {"low": _REAL, "high": _REAL}
    support = _REAL

    def __init__(self, low=0.0, high=1.0, validate_args=None):
        super().__init__(validate_args, low=low, high=high)

    def _log_prob(self, value):
        inside = np.logical_and(value >= self.low, value <= self.high)
        return outside(inside, -np.log(self.high - self.low))

    def cdf(self, value):
        return np.clip((as_array(value) - self.low) / (self.high - self.low), 0, 1)

    def icdf(self, value):
        return self.low + as_array(value) * (self.high - self.low)

    @property
    def mean(self):
        return self._full((self.low + self.high) / 2)

    @property
    def variance(self):
        return self._full((self.high - self.low) ** 2 / 12)

    def entropy(self):
        return self._full(np.log(self.high - self.low))


class Weibull(_Shaped):
    """Power of an exponential number.

    Parameters
    ----------
    concentration, scale : float or array
        ``scale * e ** (1 / concentration)`` for an exponential number e of mean 1.
    """

    arg_constraints = {"concentration": _POSITIVE, "scale": _POSITIVE}
    support = _POSITIVE

    def __init__(self, concentration, scale=1.0, validate_args=None):
        super().__init__(validate_args, concentration=concentration, scale=scale)

    def _log_prob(self, value):
        k, z = self.concentration, value / self.scale
        inside = value > 0
        log_z = np.log(np.where(inside, z, 1.0))
        return outside(inside, np.log(k / self.scale) + (k - 1) * log_z - np.exp(k * log_z))

    def cdf(self, value):
        z = np.maximum(as_array(value), 0) / self.scale
        return -np.expm1(-(z**self.concentration))

    def icdf(self, value):
        return self.scale * (-np.log1p(-as_array(value))) ** (1 / self.concentration)

    def _moment(self, n):
        return np.exp(npx.gammaln(1 + n / self.concentration))

    @property
    def mean(self):
        return self._full(self.scale * self._moment(1))

    @property
    def variance(self):
        return self._full(self.scale**2 * (self._moment(2) - self._moment(1) ** 2))

    def entropy(self):
        k = self.concentration
        return self._full(EULER * (1 - 1 / k) + np.log(self.scale / k) + 1)


class Pareto(_Shaped):
    """exp of an exponential number.

    Parameters
    ----------
    alpha, scale : float or array
        ``scale * exp(e / alpha)`` for an exponential number e of mean 1.
    """

    arg_constraints = {"alpha": _POSITIVE, "scale": _POSITIVE}
    support = _POSITIVE

    def __init__(self, alpha, scale=1.0, validate_args=None):
        super().__init__(validate_args, alpha=alpha, scale=scale)

    def _log_prob(self, value):
        inside = value >= self.scale
        log_z = np.log(np.where(inside, value / self.scale, 1.0))
        return outside(inside, np.log(self.alpha / self.scale) - (self.alpha + 1) * log_z)

    def cdf(self, value):
        z = np.maximum(as_array(value) / self.scale, 1.0)
        return 1 - z**-self.alpha

    def icdf(self, value):
        return self.scale * np.exp(-np.log1p(-as_array(value)) / self.alpha)

    @property
    def mean(self):
        a = self.alpha
        return self._full(np.where(a > 1, a * self.scale / np.maximum(a - 1, 1e-30), math.inf))

    @property
    def variance(self):
        a = self.alpha
        finite = self.scale**2 * a / (np.maximum(a - 1, 1.0) ** 2 * np.maximum(a - 2, 1e-30))
        return self._full(np.where(a > 2, finite, math.inf))

    def entropy(self):
        return self._full(np.log(self.scale / self.alpha) + 1 + 1 / self.alpha)
