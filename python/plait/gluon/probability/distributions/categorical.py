"""Distributions over a fixed number of events."""

from .... import numpy as np
from .... import numpy_extension as npx
from . import constraint
from .distribution import Distribution, x_log_y

__all__ = ["Categorical", "Multinomial", "OneHotCategorical"]


class Categorical(Distribution):
    """One of the numbers 0, 1, ..., num_events - 1.

    Parameters
    ----------
    num_events : int
    prob, logit : array (..., num_events)
        Probabilities, or their logarithms up to a constant; one of the two.
    """

    has_enumerate_support = True
    arg_constraints = {"prob": constraint.Simplex(), "logit": constraint.Real()}

    def __init__(self, num_events, prob=None, logit=None, validate_args=None):
        if num_events < 1:
            raise ValueError(f"{type(self).__name__}: num_events is {num_events}, must be >= 1")
        if (prob is None) == (logit is None):
            raise ValueError(f"{type(self).__name__}: must have prob or logit, and not both")
        self.num_events = num_events
        super().__init__(validate_args, **({"prob": prob} if logit is None else {"logit": logit}))
        if getattr(self, self._names[0]).shape[-1:] != (num_events,):
            raise ValueError(
                f"{type(self).__name__}: {self._names[0]} has shape "
                f"{getattr(self, self._names[0]).shape}, must end with {num_events}"
            )

    def __getattr__(self, name):
        if name == "prob" and "logit" in self.__dict__:
            return npx.softmax(self.logit, axis=-1)
        if name == "logit" and "prob" in self.__dict__:
            return np.log(self.prob)
        raise AttributeError(f"{type(self).__name__!r} has no attribute {name!r}")

    @property
    def support(self):
        """Constraint: whole numbers below num_events."""
        return constraint.IntegerInterval(0, self.num_events - 1)

    def _event_axes(self, name):
        return 1

    def _log_probs(self):
        if "logit" in self.__dict__:
            return npx.log_softmax(self.logit, axis=-1)
        return np.log(self.prob)

    def _one_hot(self, value):
        return npx.one_hot(value, self.num_events)

    def _log_prob(self, value):
        one = self._one_hot(value)
        return np.where(one == 1, self._log_probs(), 0.0).sum(axis=-1)

    def _indices(self, shape):
        """Draws of the batch shape `shape`, by the largest logit with Gumbel noise."""
        u = np.clip(np.random.uniform(size=(*shape, self.num_events)), 2.0**-24, 1 - 2.0**-24)
        return np.argmax(self._log_probs() - np.log(-np.log(u)), axis=-1)

    def _draw(self, shape):
        return self._indices(shape).astype("float32")

    def enumerate_support(self):
        """0, 1, ..., each in the batch shape, along the first axis."""
        batch = self._batch_shape
        numbers = np.arange(self.num_events, dtype="float32")
        return np.broadcast_to(
            numbers.reshape((-1,) + (1,) * len(batch)), (self.num_events, *batch)
        )

    def entropy(self):
        p = self.prob
        return -x_log_y(p, p).sum(axis=-1)


class OneHotCategorical(Categorical):
    """`Categorical` with vectors as events: 1 at the number, else 0."""

    event_dim = 1
    support = constraint.OneHot()

    def _one_hot(self, value):
        return value

    def _draw(self, shape):
        return npx.one_hot(self._indices(shape), self.num_events)

    @property
    def mean(self):
        return self.prob

    @property
    def variance(self):
        return self.prob * (1 - self.prob)

    def enumerate_support(self):
        """All vectors, each in the batch shape, along the first axis."""
        return npx.one_hot(super().enumerate_support(), self.num_events)


class Multinomial(Categorical):
    """How often each event comes in some draws.

    Parameters
    ----------
    num_events : int
    prob, logit : array (..., num_events)
        As in `Categorical`.
    total_count : int
        Number of draws.
    """

    event_dim = 1
    has_enumerate_support = False
    support = constraint.NonNegativeInteger()

    def __init__(self, num_events, prob=None, logit=None, total_count=1, validate_args=None):
        if not isinstance(total_count, int) or total_count < 0:
            raise ValueError(f"Multinomial: total_count is {total_count!r}, must be an int >= 0")
        self.total_count = total_count
        super().__init__(num_events, prob, logit, validate_args)

    def _log_prob(self, value):
        ways = npx.gammaln(value.sum(axis=-1) + 1) - npx.gammaln(value + 1).sum(axis=-1)
        terms = np.where(value == 0, 0.0, value * self._log_probs())
        return ways + terms.sum(axis=-1)

    def _draw(self, shape):
        draws = npx.one_hot(self._indices((self.total_count, *shape)), self.num_events)
        return draws.sum(axis=0)

    @property
    def mean(self):
        return self.total_count * self.prob

    @property
    def variance(self):
        return self.total_count * self.prob * (1 - self.prob)

    def entropy(self):
        """There is no short formula.

        Raises
        ------
        NotImplementedError
            Always.
        """
        raise NotImplementedError("Multinomial has no entropy")

    def enumerate_support(self):
        """Not offered.

        Raises
        ------
        NotImplementedError
            Always.
        """
        raise NotImplementedError("Multinomial: its events are not listed")
