"""The base of the distributions."""

import copy
import math

from .... import numpy as np
from .... import numpy_extension as npx

__all__ = ["Distribution", "ExponentialFamily"]

EULER = 0.5772156649015329  # the limit of 1 + 1/2 + ... + 1/n - log n
LOG_2PI = math.log(2 * math.pi)


def as_array(value):
    """The value as an array of `mx.np`."""
    return value if isinstance(value, np.ndarray) else np.array(value, dtype="float32")


def as_shape(size):
    """A shape given as None, an int or a tuple."""
    if size is None:
        return ()
    return (size,) if isinstance(size, int) else tuple(size)


def softplus(x):
    """log(1 + exp(x)) without overflow."""
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def log_beta(a, b):
    """Logarithm of the beta function."""
    return npx.gammaln(a) + npx.gammaln(b) - npx.gammaln(a + b)


def outside(inside, log_prob):
    """`log_prob` where `inside`, else minus infinity."""
    return np.where(inside, log_prob, -math.inf)


def x_log_y(x, y):
    """x log(y), and 0 where x is 0."""
    return np.where(x == 0, 0.0, x * np.log(np.where(x == 0, 1.0, y)))


class Distribution:
    """Base of the distributions.

    Parameters
    ----------
    validate_args : bool, optional
        Whether parameters and values are checked, which waits for them; default
        `set_default_validate_args`.

    Notes
    -----
    Parameters broadcast against each other to the batch shape. ``sample(size)`` has the shape
    `size`, which the batch shape broadcasts to; ``sample_n(size)`` puts `size` before it. The
    axes of one event, if it is not a number, come behind. Where `has_grad` is True samples are
    differentiable functions of the parameters.
    """

    has_grad = False
    has_enumerate_support = False
    support = None
    arg_constraints = {}
    event_dim = 0
    _validate = False

    def __init__(self, validate_args=None, **params):
        self._names = tuple(params)
        for name, value in params.items():
            setattr(self, name, as_array(value))
        if validate_args is not None:
            self._validate = validate_args
        if self._validate:
            for name, rule in self.arg_constraints.items():
                if name in params:
                    rule.check(getattr(self, name), name)

    @staticmethod
    def set_default_validate_args(value):
        """Set whether distributions check their parameters and values unless told otherwise."""
        Distribution._validate = bool(value)

    def __repr__(self):
        values = ", ".join(f"{name}: shape {getattr(self, name).shape}" for name in self._names)
        return f"{type(self).__name__}({values})"

    # --- shapes ---------------------------------------------------------------------------------

    def _event_axes(self, name):
        """How many of the last axes of a parameter belong to one event."""
        return self.event_dim

    @property
    def _batch_shape(self):
        shapes = []
        for name in self._names:
            shape = getattr(self, name).shape
            shapes.append(shape[: len(shape) - self._event_axes(name)])
        return np.broadcast_shapes(*shapes)

    def broadcast_to(self, batch_shape):
        """The same distribution with parameters of this batch shape."""
        new = copy.copy(self)
        for name in self._names:
            value, axes = getattr(self, name), self._event_axes(name)
            event = value.shape[value.ndim - axes :]
            setattr(new, name, np.broadcast_to(value, (*as_shape(batch_shape), *event)))
        return new

    # --- drawing --------------------------------------------------------------------------------

    def _draw(self, shape):
        """A sample of the batch shape `shape`."""
        raise NotImplementedError(f"{type(self).__name__} must define _draw")

    def sample(self, size=None):
        """A sample of the shape `size`, by default the batch shape."""
        return self._draw(self._batch_shape if size is None else as_shape(size))

    def sample_n(self, size=None):
        """Independent samples: shape `size` + batch shape."""
        return self._draw(as_shape(size) + self._batch_shape)

    # --- values ---------------------------------------------------------------------------------

    def _checked(self, value):
        value = as_array(value)
        return self.support.check(value) if self._validate and self.support else value

    def log_prob(self, value):
        """Logarithm of the density, or of the probability, at `value`."""
        return self._log_prob(self._checked(value))

    def _log_prob(self, value):
        raise NotImplementedError(f"{type(self).__name__} has no log_prob")

    def pdf(self, value):
        """The density, or the probability, at `value`."""
        return np.exp(self.log_prob(value))

    prob_of = pdf

    def cdf(self, value):
        """Probability of at most `value`."""
        raise NotImplementedError(f"{type(self).__name__} has no cdf")

    def icdf(self, value):
        """Where `cdf` is `value`."""
        raise NotImplementedError(f"{type(self).__name__} has no icdf")

    def enumerate_support(self):
        """All events, along the first axis."""
        raise NotImplementedError(f"{type(self).__name__} has no finite support")

    # --- moments --------------------------------------------------------------------------------

    def _full(self, value):
        """`value` in the batch shape."""
        return np.broadcast_to(as_array(value), self._batch_shape)

    @property
    def mean(self):
        """Array: the mean, nan or inf where there is none."""
        raise NotImplementedError(f"{type(self).__name__} has no mean")

    @property
    def variance(self):
        """Array: the variance, nan or inf where there is none."""
        raise NotImplementedError(f"{type(self).__name__} has no variance")

    @property
    def stddev(self):
        """Array: the root of the variance."""
        return np.sqrt(self.variance)

    def entropy(self):
        """Minus the mean of `log_prob`."""
        raise NotImplementedError(f"{type(self).__name__} has no entropy")

    def perplexity(self):
        """exp of the entropy."""
        return np.exp(self.entropy())


class ExponentialFamily(Distribution):
    """Distributions whose log_prob is linear in statistics of the value."""
