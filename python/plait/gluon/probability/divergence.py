"""Kullback-Leibler divergence of two distributions."""

import math

from ... import numpy as np
from ... import numpy_extension as npx
from . import distributions as d
from .distributions.distribution import EULER, log_beta, x_log_y
from .distributions.independent import sum_right

__all__ = ["empirical_kl", "kl_divergence", "register_kl"]

_formulas = {}


def register_kl(typeP, typeQ):
    """Decorator of a function ``f(p, q)`` for these two classes and what extends them."""

    def mark(function):
        _formulas[typeP, typeQ] = function
        return function

    return mark


def kl_divergence(p, q):
    """Mean of ``p.log_prob(x) - q.log_prob(x)`` for x drawn from p.

    Raises
    ------
    NotImplementedError
        If there is no formula for the two classes.
    """
    for left in type(p).__mro__:
        for right in type(q).__mro__:
            if (left, right) in _formulas:
                return _formulas[left, right](p, q)
    raise NotImplementedError(
        f"kl_divergence: no formula for {type(p).__name__} and {type(q).__name__}\n"
        "  hint: empirical_kl draws samples"
    )


def empirical_kl(p, q, n_samples=1):
    """`kl_divergence` estimated from samples of p."""
    x = p.sample_n(n_samples)
    return np.mean(p.log_prob(x) - q.log_prob(x), axis=0)


def _ratio(p, q):
    """p log(p / q), 0 where p is 0."""
    return x_log_y(p, p) - np.where(p == 0, 0.0, p * np.log(np.where(p == 0, 1.0, q)))


@register_kl(d.Bernoulli, d.Bernoulli)
def _bernoulli(p, q):
    return _ratio(p.prob, q.prob) + _ratio(1 - p.prob, 1 - q.prob)


@register_kl(d.Categorical, d.Categorical)
def _categorical(p, q):
    return _ratio(p.prob, q.prob).sum(axis=-1)


@register_kl(d.Binomial, d.Binomial)
def _binomial(p, q):
    if bool(np.any(p.n > q.n)):
        return np.where(p.n > q.n, math.inf, p.n * _bernoulli(p, q))
    return p.n * _bernoulli(p, q)


@register_kl(d.Geometric, d.Geometric)
def _geometric(p, q):
    return -p.entropy() - np.log1p(-q.prob) / p.prob - q.logit


@register_kl(d.Poisson, d.Poisson)
def _poisson(p, q):
    return p.rate * (np.log(p.rate) - np.log(q.rate)) - (p.rate - q.rate)


@register_kl(d.Normal, d.Normal)
def _normal(p, q):
    ratio = (p.scale / q.scale) ** 2
    return 0.5 * (ratio + ((p.loc - q.loc) / q.scale) ** 2 - 1 - np.log(ratio))


@register_kl(d.HalfNormal, d.HalfNormal)
def _half_normal(p, q):
    ratio = (p.scale / q.scale) ** 2
    return 0.5 * (ratio - 1 - np.log(ratio))


@register_kl(d.MultivariateNormal, d.MultivariateNormal)
def _multivariate_normal(p, q):
    size = p.loc.shape[-1]
    precision = q.precision
    away = np.expand_dims(q.loc - p.loc, -1)
    distance = np.matmul(np.matmul(np.swapaxes(away, -2, -1), precision), away).squeeze((-2, -1))
    trace = np.trace(np.matmul(precision, p.cov), axis1=-2, axis2=-1)
    log_det = q._log_det(q.scale_tril) - p._log_det(p.scale_tril)
    return 0.5 * (trace + distance - size) + log_det


@register_kl(d.Laplace, d.Laplace)
def _laplace(p, q):
    away = np.abs(p.loc - q.loc)
    near = p.scale * np.exp(-away / p.scale) + away
    return np.log(q.scale / p.scale) + near / q.scale - 1


@register_kl(d.Cauchy, d.Cauchy)
def _cauchy(p, q):
    top = (p.scale + q.scale) ** 2 + (p.loc - q.loc) ** 2
    return np.log(top / (4 * p.scale * q.scale))


@register_kl(d.Uniform, d.Uniform)
def _uniform(p, q):
    inside = np.logical_and(q.low <= p.low, q.high >= p.high)
    return np.where(inside, np.log((q.high - q.low) / (p.high - p.low)), math.inf)


@register_kl(d.Exponential, d.Exponential)
def _exponential(p, q):
    return p.scale / q.scale - 1 - np.log(p.scale / q.scale)


@register_kl(d.Pareto, d.Pareto)
def _pareto(p, q):
    ratio = p.scale / q.scale
    value = q.alpha * np.log(ratio) + np.log(p.alpha / q.alpha) + q.alpha / p.alpha - 1
    return np.where(ratio >= 1, value, math.inf)


@register_kl(d.Gumbel, d.Gumbel)
def _gumbel(p, q):
    ratio = p.scale / q.scale
    away = (p.loc - q.loc) / q.scale
    known = np.exp(-away + npx.gammaln(1 + ratio))
    return -np.log(ratio) - EULER - 1 + away + ratio * EULER + known


@register_kl(d.Gamma, d.Gamma)
def _gamma(p, q):
    a, b = p.shape, q.shape
    known = npx.gammaln(b) - npx.gammaln(a) + (a - b) * npx.digamma(a)
    ratio = np.log(q.scale / p.scale + 0 * a)
    return known + b * ratio + a * (p.scale / q.scale - 1)


@register_kl(d.Beta, d.Beta)
def _beta(p, q):
    a, b = p.alpha - q.alpha, p.beta - q.beta
    known = log_beta(q.alpha, q.beta) - log_beta(p.alpha, p.beta)
    turn = a * npx.digamma(p.alpha) + b * npx.digamma(p.beta)
    return known + turn - (a + b) * npx.digamma(p.alpha + p.beta)


@register_kl(d.Dirichlet, d.Dirichlet)
def _dirichlet(p, q):
    total, other = p.alpha.sum(axis=-1), q.alpha.sum(axis=-1)
    known = npx.gammaln(total) - npx.gammaln(other)
    parts = npx.gammaln(q.alpha) - npx.gammaln(p.alpha)
    turn = npx.digamma(p.alpha) - np.expand_dims(npx.digamma(total), -1)
    return known + (parts + (p.alpha - q.alpha) * turn).sum(axis=-1)


@register_kl(d.Independent, d.Independent)
def _independent(p, q):
    if p.reinterpreted_batch_ndims != q.reinterpreted_batch_ndims:
        raise ValueError(
            f"kl_divergence: events have {p.reinterpreted_batch_ndims} and "
            f"{q.reinterpreted_batch_ndims} axes of the batch, must have the same"
        )
    return sum_right(kl_divergence(p.base_dist, q.base_dist), p.reinterpreted_batch_ndims)


@register_kl(d.Uniform, d.Normal)
def _uniform_normal(p, q):
    width = p.high - p.low
    away = ((p.high + p.low) / 2 - q.loc) ** 2 + width**2 / 12
    return -np.log(width) + 0.5 * np.log(2 * math.pi * q.scale**2) + away / (2 * q.scale**2)


@register_kl(d.Uniform, d.Gumbel)
def _uniform_gumbel(p, q):
    width = (p.high - p.low) / q.scale
    low, high = ((bound - q.loc) / q.scale for bound in (p.low, p.high))
    tail = (np.exp(-high) - np.exp(-low)) / width
    return (low + high) / 2 - np.log(width) - tail


@register_kl(d.Exponential, d.Gumbel)
def _exponential_gumbel(p, q):
    ratio = q.scale / p.scale
    away = q.loc / q.scale
    return np.log(ratio) - 1 - away + 1 / ratio + np.exp(away) * ratio / (ratio + 1)


@register_kl(d.Exponential, d.Normal)
def _exponential_normal(p, q):
    away = (p.scale - q.loc) ** 2 + p.scale**2
    return 0.5 * np.log(2 * math.pi * q.scale**2) - 1 - np.log(p.scale) + away / (2 * q.scale**2)


@register_kl(d.Exponential, d.Gamma)
def _exponential_gamma(p, q):
    ratio = p.scale / q.scale
    return -np.log(ratio) * q.shape + ratio + npx.gammaln(q.shape) + (q.shape - 1) * EULER - 1
