"""Optimizers that divide by the size of earlier gradients."""

from .. import ndarray as nd
from .optimizer import FusedOptimizer, register, zeros_like

__all__ = ["AdaGrad", "GroupAdaGrad", "AdaDelta", "RMSProp", "Ftrl"]


@register
class AdaGrad(FusedOptimizer):
    """Rates that fall with the sum of squared gradients.

    Duchi, Hazan, Singer: Adaptive subgradient methods (2011).

    Parameters
    ----------
    eps : float
        Added under the root; `epsilon` is the same.

    Row-sparse gradients change their rows only.
    """

    lazy_update = True

    def __init__(self, eps=1e-7, epsilon=None, learning_rate=None, **kwargs):
        super().__init__(learning_rate=learning_rate, **kwargs)
        self.float_stable_eps = eps if epsilon is None else epsilon

    def create_state(self, index, weight):
        """The sum of the squared gradients."""
        return zeros_like(weight)

    def _step(self, indices, weights, grads, states, masters, common):
        common["epsilon"] = self.float_stable_eps
        self._apply(nd.multi_adagrad_update, weights, grads, states, masters, common)


@register
class GroupAdaGrad(FusedOptimizer):
    """AdaGrad with one rate for each row of a matrix; no weight decay.

    Parameters
    ----------
    eps : float
        Added under the root.

    Row-sparse gradients change their rows only.
    """

    lazy_update = True

    def __init__(self, eps=1e-5, **kwargs):
        super().__init__(**kwargs)
        self.float_stable_eps = eps

    def create_state(self, index, weight):
        """The sum of the mean squares of the rows, (n, 1)."""
        if len(weight.shape) != 2:
            raise ValueError(f"GroupAdaGrad: weight has shape {weight.shape}, must be a matrix")
        return nd.zeros((weight.shape[0], 1), ctx=weight.context, dtype=weight.dtype_name)

    def _step(self, indices, weights, grads, states, masters, common):
        if any(common["wds"]):
            raise ValueError(f"GroupAdaGrad: wd is {max(common['wds'])}, must be 0")
        common["epsilon"] = self.float_stable_eps
        self._apply(nd.multi_group_adagrad_update, weights, grads, states, masters, common)


@register
class AdaDelta(FusedOptimizer):
    """Steps in the ratio of the sizes of earlier steps and of gradients. Zeiler: ADADELTA (2012).

    The learning rate is not used.
    """

    def __init__(self, rho=0.90, epsilon=1e-5, learning_rate=None, **kwargs):
        super().__init__(learning_rate=learning_rate, **kwargs)
        self.rho, self.epsilon = rho, epsilon

    def create_state(self, index, weight):
        """Running mean squares of the gradients and of the steps."""
        return zeros_like(weight, 2)

    def _step(self, indices, weights, grads, states, masters, common):
        common.update(rho=self.rho, epsilon=self.epsilon)
        self._apply(nd.multi_adadelta_update, weights, grads, states, masters, common)


@register
class RMSProp(FusedOptimizer):
    """Gradients divided by the root of their mean square, or of their variance if `centered`.

    Tieleman, Hinton: lecture 6.5 (2012); Graves: Generating sequences (2013), eq. 38-45.

    Parameters
    ----------
    learning_rate : float
    gamma1 : float
        Decay of the means; `rho` is the same.
    gamma2 : float
        Momentum if `centered`; `momentum` is the same.
    epsilon : float
        Added under the root.
    centered : bool
    clip_weights : float, optional
        Largest absolute value of a weight.
    """

    def __init__(
        self,
        learning_rate=0.001,
        gamma1=0.9,
        gamma2=0.9,
        epsilon=1e-8,
        centered=False,
        clip_weights=None,
        rho=None,
        momentum=None,
        **kwargs,
    ):
        super().__init__(learning_rate=learning_rate, **kwargs)
        self.gamma1 = gamma1 if rho is None else rho
        self.gamma2 = gamma2 if momentum is None else momentum
        self.epsilon, self.centered, self.clip_weights = epsilon, centered, clip_weights

    def create_state(self, index, weight):
        """(mean square,) or (mean square, mean, last step)."""
        return zeros_like(weight, 3) if self.centered else (zeros_like(weight),)

    def _step(self, indices, weights, grads, states, masters, common):
        common.update(
            gamma1=self.gamma1, epsilon=self.epsilon, clip_weights=self.clip_weights or -1.0
        )
        operator = nd.multi_rmsprop_update
        if self.centered:
            common["gamma2"] = self.gamma2
            operator = nd.multi_rmspropalex_update
        self._apply(operator, weights, grads, states, masters, common)


@register
class Ftrl(FusedOptimizer):
    """Follow the regularised leader, with sparse weights. McMahan and others (2013).

    Parameters
    ----------
    lamda1 : float
        1-norm decay, no unit.
    learning_rate : float
    beta : float
        Added to the root of the summed squares.

    Row-sparse gradients change their rows only.
    """

    lazy_update = True

    def __init__(self, lamda1=0.01, learning_rate=0.1, beta=1, **kwargs):
        super().__init__(learning_rate=learning_rate, **kwargs)
        self.lamda1, self.beta = lamda1, beta

    def create_state(self, index, weight):
        """The leader and the sum of the squared gradients."""
        return zeros_like(weight, 2)

    def _step(self, indices, weights, grads, states, masters, common):
        common.update(lamda1=self.lamda1, beta=self.beta)
        self._apply(nd.multi_ftrl_update, weights, grads, states, masters, common)
