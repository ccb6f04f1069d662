"""Adam and its relatives."""

import math

from .. import ndarray as nd
from .optimizer import FusedOptimizer, register, zeros_like

__all__ = ["Adam", "AdamW", "AdaBelief", "Adamax", "Nadam", "FTML"]


class _Moments(FusedOptimizer):
    """Optimizers with a mean and a second mean; subclasses name their `_operator`."""

    def __init__(self, learning_rate, beta1, beta2, epsilon, **kwargs):
        super().__init__(learning_rate=learning_rate, **kwargs)
        self.beta1, self.beta2, self.epsilon = beta1, beta2, epsilon

    def create_state(self, index, weight):
        """Running means of the gradient and of its square (or what takes its place)."""
        return zeros_like(weight, 2)

    def _correct(self, indices, lrs):
        """Rates that make up for means that start at 0."""
        b1, b2, factors = self.beta1, self.beta2, {}
        for count in set(self._counts(indices)):
            factors[count] = math.sqrt(1.0 - b2**count) / (1.0 - b1**count)
        counts = self._counts(indices)
        return [lr * factors[count] for lr, count in zip(lrs, counts, strict=True)]

    def _hyper(self, common):
        common.update(beta1=self.beta1, beta2=self.beta2, epsilon=self.epsilon)


@register
class Adam(_Moments):
    """Adaptive moments. Kingma, Ba: Adam, a method for stochastic optimization (2014).

    Parameters
    ----------
    learning_rate, beta1, beta2, epsilon : float
    lazy_update : bool
        Row-sparse gradients change their rows only; no effect on dense ones.
    **kwargs
        As `Optimizer`.
    """

    def __init__(
        self, learning_rate=0.001, beta1=0.9, beta2=0.999, epsilon=1e-8, lazy_update=True, **kwargs
    ):
        super().__init__(learning_rate, beta1, beta2, epsilon, **kwargs)
        self.lazy_update = lazy_update

    def _step(self, indices, weights, grads, states, masters, common):
        self._hyper(common)
        common["lrs"] = self._correct(indices, common["lrs"])
        self._apply(nd.multi_adam_update, weights, grads, states, masters, common)


@register
class AdamW(_Moments):
    """Adam with weight decay apart from the gradient: ``w -= lr wd w`` beside Adam's step.

    Loshchilov, Hutter: Decoupled weight decay regularization (2019).

    Parameters
    ----------
    learning_rate, beta1, beta2, epsilon : float
    correct_bias : bool
        Whether rates make up for means that start at 0.
    """

    def __init__(
        self, learning_rate=0.001, beta1=0.9, beta2=0.999, epsilon=1e-6, correct_bias=True, **kwargs
    ):
        super().__init__(learning_rate, beta1, beta2, epsilon, **kwargs)
        self.correct_bias = correct_bias

    def _step(self, indices, weights, grads, states, masters, common):
        self._hyper(common)
        lrs = common["lrs"]
        common["wds"] = [lr * wd for lr, wd in zip(lrs, common["wds"], strict=True)]
        if self.correct_bias:
            common["lrs"] = self._correct(indices, lrs)
        self._apply(nd.multi_adamw_update, weights, grads, states, masters, common)


@register
class AdaBelief(_Moments):
    """Adam with the mean square of what the mean did not foresee.

    Zhuang and others: AdaBelief optimizer (2020).
    """

    def __init__(
        self, learning_rate=0.001, beta1=0.9, beta2=0.999, epsilon=1e-6, correct_bias=True, **kwargs
    ):
        super().__init__(learning_rate, beta1, beta2, epsilon, **kwargs)
        self.correct_bias = correct_bias

    def _step(self, indices, weights, grads, states, masters, common):
        self._hyper(common)
        if self.correct_bias:
            common["lrs"] = self._correct(indices, common["lrs"])
        self._apply(nd.multi_adabelief_update, weights, grads, states, masters, common)


@register
class Adamax(_Moments):
    """Adam with the largest gradient in place of the mean square; same paper, section 7.1."""

    def __init__(self, learning_rate=0.002, beta1=0.9, beta2=0.999, **kwargs):
        super().__init__(learning_rate, beta1, beta2, 0.0, **kwargs)

    def _step(self, indices, weights, grads, states, masters, common):
        common.update(beta1=self.beta1, beta2=self.beta2)
        counts = self._counts(indices)
        common["lrs"] = [
            lr / (1.0 - self.beta1**count) for lr, count in zip(common["lrs"], counts, strict=True)
        ]
        self._apply(nd.multi_adamax_update, weights, grads, states, masters, common)


@register
class Nadam(_Moments):
    """Adam with the mean taken one step ahead. Dozat: Incorporating Nesterov momentum (2016).

    Parameters
    ----------
    learning_rate, beta1, beta2, epsilon : float
    schedule_decay : float
        How fast the share of the momentum grows, no unit.

    Notes
    -----
    As in MXNet, the product of the momentum schedule is one number for all parameters, multiplied
    once for each of them.
    """

    def __init__(
        self,
        learning_rate=0.001,
        beta1=0.9,
        beta2=0.999,
        epsilon=1e-8,
        schedule_decay=0.004,
        **kwargs,
    ):
        super().__init__(learning_rate, beta1, beta2, epsilon, **kwargs)
        self.schedule_decay = schedule_decay
        self.m_schedule = 1.0

    def _share(self, count):
        return self.beta1 * (1.0 - 0.5 * 0.96 ** (count * self.schedule_decay))

    def _step(self, indices, weights, grads, states, masters, common):
        self._hyper(common)
        of_grad, of_mean, of_var = [], [], []
        for count in self._counts(indices):
            now, ahead = self._share(count), self._share(count + 1)
            self.m_schedule *= now
            of_grad.append((1.0 - now) / (1.0 - self.m_schedule))
            of_mean.append(ahead / (1.0 - self.m_schedule * ahead))
            of_var.append(1.0 / (1.0 - self.beta2**count))
        common.update(grad_factors=of_grad, mean_factors=of_mean, var_factors=of_var)
        self._apply(nd.multi_nadam_update, weights, grads, states, masters, common)


@register
class FTML(_Moments):
    """Follow the moving leader. Zheng, Kwok: Follow the moving leader in deep learning (2017)."""

    def __init__(self, beta1=0.6, beta2=0.999, epsilon=1e-8, learning_rate=None, **kwargs):
        super().__init__(learning_rate, beta1, beta2, epsilon, **kwargs)

    def create_state(self, index, weight):
        """The three running values of the method."""
        return zeros_like(weight, 3)

    def _step(self, indices, weights, grads, states, masters, common):
        self._hyper(common)
        common["t"] = self._counts(indices)
        self._apply(nd.multi_ftml_update, weights, grads, states, masters, common)
