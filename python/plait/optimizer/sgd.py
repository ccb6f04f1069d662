"""Gradient descent and its relatives with momentum."""

from .. import ndarray as nd
from .._array import invoke, operator
from ..ndarray._storage import rows
from .optimizer import FusedOptimizer, Optimizer, register, zeros_like

__all__ = ["SGD", "NAG", "Signum", "SGLD", "DCASGD", "Lion", "Test", "ccSGD"]

_ROWS, _ROWS_WITH_MOMENTUM = operator("sgd_row_update"), operator("sgd_mom_row_update")


@register
class SGD(FusedOptimizer):
    """Gradient descent with momentum: ``m = momentum m - lr (g + wd w)``, ``w += m``.

    Parameters
    ----------
    learning_rate : float
    momentum : float
    lazy_update : bool
        Row-sparse gradients change their rows only; no effect on dense ones.
    **kwargs
        As `Optimizer`.
    """

    def __init__(self, learning_rate=None, momentum=0.0, lazy_update=True, **kwargs):
        super().__init__(learning_rate=learning_rate, **kwargs)
        self.momentum = momentum
        self.lazy_update = lazy_update

    def create_state(self, index, weight):
        """The momentum, or None without."""
        return zeros_like(weight) if self.momentum else None

    def _step(self, indices, weights, grads, states, masters, common):
        if self.momentum:
            common["momentum"] = self.momentum
            step = nd.multi_mp_sgd_mom_update if masters else nd.multi_sgd_mom_update
        else:
            step = nd.multi_mp_sgd_update if masters else nd.multi_sgd_update
        self._apply(step, weights, grads, states, masters, common)

    def _update_rows(self, index, weight, grad, state, mixed):
        values, numbers = rows(grad)
        is_own_rule = type(self)._step is SGD._step
        if mixed or not is_own_rule or numbers.size == 0:
            super()._update_rows(index, weight, grad, state, mixed)
            return
        (lr,), (wd,) = self._count_and_rate([index])
        common = (wd, self.rescale_grad, self.clip_gradient or -1.0)
        if self.momentum:
            inputs, attrs = (weight, values, numbers, state), (lr, self.momentum, *common)
            invoke(_ROWS_WITH_MOMENTUM, inputs, attrs, weight, nd.NDArray)
        else:
            invoke(_ROWS, (weight, values, numbers), (lr, *common), weight, nd.NDArray)


@register
class ccSGD(SGD):  # noqa: N801 - MXNet's name
    """Another name of `SGD`."""


@register
class NAG(SGD):
    """Momentum with the gradient taken ahead.

    Sutskever, Martens, Dahl, Hinton: On the importance of initialization and momentum (2013).
    """

    def _step(self, indices, weights, grads, states, masters, common):
        if not self.momentum:
            super()._step(indices, weights, grads, states, masters, common)
            return
        common["momentum"] = self.momentum
        self._apply(nd.multi_nag_mom_update, weights, grads, states, masters, common)


@register
class Signum(FusedOptimizer):
    """Steps of one size along the sign of the momentum.

    Bernstein, Wang, Azizzadenesheli, Anandkumar: signSGD (2018).

    Parameters
    ----------
    learning_rate, momentum : float
    wd_lh : float
        Weight decay apart from the momentum.
    """

    def __init__(self, learning_rate=0.01, momentum=0.9, wd_lh=0.0, **kwargs):
        super().__init__(learning_rate=learning_rate, **kwargs)
        self.momentum = momentum
        self.wd_lh = wd_lh

    def create_state(self, index, weight):
        """The momentum, or None without."""
        return zeros_like(weight) if self.momentum else None

    def _step(self, indices, weights, grads, states, masters, common):
        if not self.momentum:
            self._apply(nd.multi_signsgd_update, weights, grads, states, masters, common)
            return
        common.update(momentum=self.momentum, wd_lh=self.wd_lh)
        self._apply(nd.multi_signum_update, weights, grads, states, masters, common)


@register
class DCASGD(FusedOptimizer):
    """Gradient descent that makes up for gradients of older weights.

    Zheng and others: Asynchronous SGD with delay compensation (2017).

    Parameters
    ----------
    momentum : float
    lamda : float
        Strength of the compensation, no unit.
    """

    def __init__(self, momentum=0.0, lamda=0.04, **kwargs):
        super().__init__(**kwargs)
        self.momentum = momentum
        self.lamda = lamda

    def create_state(self, index, weight):
        """Momentum and the weight before the last step."""
        return zeros_like(weight), weight.copy()

    def _step(self, indices, weights, grads, states, masters, common):
        common.update(momentum=self.momentum, lamda=self.lamda)
        self._apply(nd.multi_dcasgd_update, weights, grads, states, masters, common)


@register
class Lion(FusedOptimizer):
    """Steps of one size along the sign of a mean of gradients, with decoupled weight decay.

    Chen and others: Symbolic discovery of optimization algorithms (2023).

    Parameters
    ----------
    learning_rate : float
        A third to a tenth of Adam's suits.
    beta1, beta2 : float
        Share of the mean in the step, and its decay.
    """

    def __init__(self, learning_rate=1e-4, beta1=0.9, beta2=0.99, **kwargs):
        super().__init__(learning_rate=learning_rate, **kwargs)
        self.beta1, self.beta2 = beta1, beta2

    def create_state(self, index, weight):
        """The mean of the gradients."""
        return zeros_like(weight)

    def _step(self, indices, weights, grads, states, masters, common):
        common.update(beta1=self.beta1, beta2=self.beta2)
        self._apply(nd.multi_lion_update, weights, grads, states, masters, common)


@register
class SGLD(FusedOptimizer):
    """Gradient descent with noise: draws from the posterior of the weights.

    Welling, Teh: Bayesian learning via stochastic gradient Langevin dynamics (2011).
    """

    def _step(self, indices, weights, grads, states, masters, common):
        self._apply(nd.multi_sgld_update, weights, grads, states, masters, common)


@register
class Test(Optimizer):
    """Adds the rescaled gradient to the weight and keeps a copy: for tests of the machinery."""

    __test__ = False  # pytest must not collect it

    def create_state(self, index, weight):
        """A copy of the weight after each step."""
        return zeros_like(weight)

    def update(self, index, weight, grad, state):
        """Update one parameter; see `Optimizer.update`."""
        weight += grad * self.rescale_grad
        state[:] = weight
