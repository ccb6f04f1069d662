"""The update rules."""

import math

from .. import ndarray as nd
from .optimizer import Optimizer, register

__all__ = ["SGD", "Adam"]


def _as_lists(*args):
    """Each argument as a list, from one parameter or many."""
    return args if isinstance(args[0], (list, tuple)) else tuple([arg] for arg in args)


@register
class SGD(Optimizer):
    """Gradient descent with momentum: ``m = momentum m - lr (g + wd w)``, ``w += m``.

    All weights of one call are updated by one operation.

    Parameters
    ----------
    momentum : float
    lazy_update : bool
        Accepted for sparse gradients; no effect on dense ones.
    """

    def __init__(self, momentum=0.0, lazy_update=True, **kwargs):
        super().__init__(**kwargs)
        self.momentum = momentum
        self.lazy_update = lazy_update

    def create_state(self, index, weight):
        """The momentum, or None without."""
        return nd.zeros_like(weight) if self.momentum else None

    def update(self, index, weight, grad, state):
        indices, weights, grads, states = _as_lists(index, weight, grad, state)
        lrs, wds = self._begin(indices)
        common = {
            "lrs": lrs,
            "wds": wds,
            "rescale_grad": self.rescale_grad,
            "num_weights": len(weights),
            "out": list(weights),
            "clip_gradient": self.clip_gradient or -1.0,
        }
        if self.momentum:
            arrays = [a for group in zip(weights, grads, states, strict=True) for a in group]
            nd.multi_sgd_mom_update(*arrays, momentum=self.momentum, **common)
        else:
            arrays = [a for group in zip(weights, grads, strict=True) for a in group]
            nd.multi_sgd_update(*arrays, **common)


@register
class Adam(Optimizer):
    """Adaptive moments. Kingma, Ba: Adam, a method for stochastic optimization (2014)."""

    def __init__(
        self, learning_rate=0.001, beta1=0.9, beta2=0.999, epsilon=1e-8, lazy_update=True, **kwargs
    ):
        super().__init__(learning_rate=learning_rate, **kwargs)
        self.beta1, self.beta2, self.epsilon = beta1, beta2, epsilon
        self.lazy_update = lazy_update

    def create_state(self, index, weight):
        """Running means of the gradient and of its square."""
        return nd.zeros_like(weight), nd.zeros_like(weight)

    def update(self, index, weight, grad, state):
        indices, weights, grads, states = _as_lists(index, weight, grad, state)
        lrs, wds = self._begin(indices)
        for i, w, g, (mean, var), lr, wd in zip(
            indices, weights, grads, states, lrs, wds, strict=True
        ):
            count = self._index_update_count[i]
            rate = lr * math.sqrt(1.0 - self.beta2**count) / (1.0 - self.beta1**count)
            nd.adam_update(
                w,
                g,
                mean,
                var,
                out=w,
                lr=rate,
                wd=wd,
                beta1=self.beta1,
                beta2=self.beta2,
                epsilon=self.epsilon,
                rescale_grad=self.rescale_grad,
                clip_gradient=self.clip_gradient or -1.0,
            )
