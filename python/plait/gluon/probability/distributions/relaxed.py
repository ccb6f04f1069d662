"""Samples that are nearly discrete, and differentiable.

Maddison, Mnih, Teh: The concrete distribution (2017).
"""

from .... import numpy as np
from .... import numpy_extension as npx
from . import constraint
from .categorical import Categorical
from .count import Bernoulli
from .distribution import as_array, softplus

__all__ = ["RelaxedBernoulli", "RelaxedOneHotCategorical"]


def _noise(shape):
    return np.clip(np.random.uniform(size=shape), 2.0**-24, 1 - 2.0**-24)


class RelaxedBernoulli(Bernoulli):
    """Numbers in (0, 1), near the ends for small `T`.

    Parameters
    ----------
    T : float or array
        Temperature, > 0.
    prob, logit : float or array
        Of 1, as T goes to 0; one of the two.
    """

    has_grad = True
    support = constraint.OpenInterval(0, 1)

    def __init__(self, T, prob=None, logit=None, validate_args=None):
        self.T = as_array(T)
        super().__init__(prob, logit, validate_args)

    def _log_prob(self, value):
        x = np.log(value) - np.log1p(-value)
        away = self.logit - self.T * x
        jacobian = np.log(value) + np.log1p(-value)
        return np.log(self.T) + away - 2 * softplus(away) - jacobian

    def _draw(self, shape):
        u = _noise(shape)
        return npx.sigmoid((self.logit + np.log(u) - np.log1p(-u)) / self.T)

    @property
    def mean(self):
        raise NotImplementedError("RelaxedBernoulli has no mean in closed form")

    @property
    def variance(self):
        raise NotImplementedError("RelaxedBernoulli has no variance in closed form")

    def entropy(self):
        """There is no closed form.

        Raises
        ------
        NotImplementedError
            Always.
        """
        raise NotImplementedError("RelaxedBernoulli has no entropy in closed form")


class RelaxedOneHotCategorical(Categorical):
    """Vectors of positive numbers that sum to 1, near one-hot ones for small `T`.

    Parameters
    ----------
    T : float or array
        Temperature, > 0.
    num_events : int
    prob, logit : array (..., num_events)
        As in `Categorical`.
    """

    has_grad = True
    has_enumerate_support = False
    event_dim = 1
    support = constraint.Simplex()

    def __init__(self, T, num_events, prob=None, logit=None, validate_args=None):
        self.T = as_array(T)
        super().__init__(num_events, prob, logit, validate_args)

    def _log_prob(self, value):
        k, log_x = self.num_events, np.log(value)
        score = self._log_probs() - self.T * log_x
        top = score.max(axis=-1, keepdims=True)
        total = np.log(np.exp(score - top).sum(axis=-1)) + top.squeeze(-1)
        norm = npx.gammaln(as_array(float(k))) + (k - 1) * np.log(self.T)
        return norm + (score - log_x).sum(axis=-1) - k * total

    def _draw(self, shape):
        noise = -np.log(-np.log(_noise((*shape, self.num_events))))
        return npx.softmax((self._log_probs() + noise) / self.T, axis=-1)

    def enumerate_support(self):
        """The events are not finite.

        Raises
        ------
        NotImplementedError
            Always.
        """
        raise NotImplementedError("RelaxedOneHotCategorical has no finite support")

    def entropy(self):
        """There is no closed form.

        Raises
        ------
        NotImplementedError
            Always.
        """
        raise NotImplementedError("RelaxedOneHotCategorical has no entropy in closed form")
