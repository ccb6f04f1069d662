"""Optimizers whose steps depend on norms of whole weights: for large batches, and Muon."""

import math

from .. import ndarray as nd
from .optimizer import FusedOptimizer, register, zeros_like
from .sgd import SGD

__all__ = ["LARS", "LBSGD", "LAMB", "LANS", "Muon"]


@register
class LARS(SGD):
    """Momentum with the rate of each weight scaled by its norm over that of its gradient.

    You, Gitman, Ginsburg: Large batch training of convolutional networks (2017). Parameters whose
    names end in gamma, beta or bias keep the plain rate.

    Parameters
    ----------
    momentum : float
    eta : float
        Trust, no unit.
    eps : float
        Added to the norms.
    momentum_correction : bool
        Whether momentum is scaled when the rate changes.
    """

    def __init__(
        self,
        momentum=0.0,
        lazy_update=True,
        eta=0.001,
        eps=0,
        momentum_correction=True,
        learning_rate=None,
        epsilon=None,
        **kwargs,
    ):
        super().__init__(learning_rate, momentum, lazy_update, **kwargs)
        self.eta, self.eps = eta, eps if epsilon is None else epsilon
        self.momentum_correction = momentum_correction
        self.last_lr = self.cur_lr = None

    def set_wd_mult(self, args_wd_mult):
        """As `Optimizer.set_wd_mult`, but gammas have no weight decay either."""
        super().set_wd_mult({})
        for name in self.idx2name.values():
            if not name.endswith("_weight"):
                self.wd_mult[name] = 0.0
        self.wd_mult.update(self._from_symbol("__wd_mult__"))
        self.wd_mult.update(args_wd_mult)

    def create_state(self, index, weight):
        """The momentum."""
        return zeros_like(weight)

    def _get_lrs(self, indices):
        self.last_lr = self.cur_lr
        self.cur_lr = self.learning_rate
        if self.last_lr is None:
            self.last_lr = self.cur_lr
        return super()._get_lrs(indices)

    def _name(self, index):
        param = self.param_dict.get(index)
        return self.idx2name.get(index) or (param.name if param is not None else str(index))

    def _step(self, indices, weights, grads, states, masters, common):
        momentum = self.momentum
        if self.momentum_correction and self.last_lr:
            momentum *= self.cur_lr / self.last_lr
        plain = ("gamma", "beta", "bias")
        common.update(
            etas=[0.0 if self._name(i).endswith(plain) else self.eta for i in indices],
            momentum=momentum,
            epsilon=self.eps,
        )
        self._apply(nd.multi_lars_update, weights, grads, states, masters, common)


@register
class LBSGD(SGD):
    """Momentum that emulates large batches: gradients of `batch_scale` batches form one step.

    Parameters
    ----------
    momentum : float
    warmup_strategy : {'linear', 'power2', 'sqrt', 'lars'}
        How the rate grows to `batch_scale` times its value.
    warmup_epochs, updates_per_epoch, begin_epoch, num_epochs : int
    batch_scale : int
    """

    def __init__(
        self,
        momentum=0.0,
        multi_precision=False,
        warmup_strategy="linear",
        warmup_epochs=5,
        batch_scale=1,
        updates_per_epoch=32,
        begin_epoch=0,
        num_epochs=60,
        **kwargs,
    ):
        super().__init__(momentum=momentum, multi_precision=multi_precision, **kwargs)
        self.warmup_strategy, self.warmup_epochs = warmup_strategy, warmup_epochs
        self.batch_scale, self.updates_per_epoch = batch_scale, updates_per_epoch
        self.init_updates = begin_epoch * updates_per_epoch
        self.num_epochs = num_epochs
        self.lazy_update = False
        self._calls = {}  # by parameter: number of its gradients

    def create_state(self, index, weight):
        """The momentum and the sum of the gradients since the last step."""
        return zeros_like(weight, 2)

    def _factor(self, count):
        """What the rate is multiplied by after `count` updates."""
        steps = self.warmup_epochs * self.updates_per_epoch
        if count >= steps:
            return float(self.batch_scale)
        if steps <= 1:
            return 1.0
        share = {"linear": count / steps, "power2": (count / steps) ** 2}
        share["sqrt"] = math.sqrt(count / steps)
        return 1.0 + (self.batch_scale - 1) * share.get(self.warmup_strategy, 0.0)

    def _count_and_rate(self, indices):
        # The rate is that before this update is counted, as in MXNet.
        rates = self._get_lrs(indices), self._get_wds(indices)
        self._update_count(indices)
        for i in indices:
            self._calls[i] = self._calls.get(i, self.init_updates) + 1
        return rates

    def _step(self, indices, weights, grads, states, masters, common):
        counts, lars = [self._calls[i] for i in indices], self.warmup_strategy == "lars"
        if not lars:
            common["lrs"] = [
                lr * self._factor(n) for lr, n in zip(common["lrs"], counts, strict=True)
            ]
        common.update(
            counts=[float(n) for n in counts],
            batch_scale=self.batch_scale,
            momentum=self.momentum,
            lars=lars,
        )
        self._apply(nd.multi_lbsgd_update, weights, grads, states, masters, common)


class _Trusted(FusedOptimizer):
    """What LAMB and LANS share."""

    def __init__(
        self,
        learning_rate=0.001,
        beta1=0.9,
        beta2=0.999,
        epsilon=1e-6,
        lower_bound=None,
        upper_bound=None,
        bias_correction=True,
        **kwargs,
    ):
        super().__init__(learning_rate=learning_rate, **kwargs)
        self.beta1, self.beta2, self.epsilon = beta1, beta2, epsilon
        self.lower_bound, self.upper_bound = lower_bound, upper_bound
        self.bias_correction = bias_correction

    def create_state(self, index, weight):
        """Running means of the gradient and of its square."""
        return zeros_like(weight, 2)

    def _hyper(self, indices, common):
        common.update(
            step_count=self._counts(indices),
            beta1=self.beta1,
            beta2=self.beta2,
            epsilon=self.epsilon,
            lower_bound=self.lower_bound or -1.0,
            upper_bound=self.upper_bound or -1.0,
        )


@register
class LAMB(_Trusted):
    """Adam's direction, as long as the norm of the weight.

    You and others: Large batch optimization for deep learning (2020).

    Parameters
    ----------
    learning_rate, beta1, beta2, epsilon : float
    lower_bound, upper_bound : float, optional
        Bounds of the norm of a weight.
    bias_correction : bool
        Whether the means are corrected for their start at 0.
    """

    def _step(self, indices, weights, grads, states, masters, common):
        self._hyper(indices, common)
        common["bias_correction"] = self.bias_correction
        self._apply(nd.multi_lamb_update, weights, grads, states, masters, common)


@register
class LANS(_Trusted):
    """LAMB with normalised gradients and Nesterov's momentum.

    Zheng, Lin, Zha, Li: Accelerated large batch optimization of BERT pretraining (2020).
    """

    def _step(self, indices, weights, grads, states, masters, common):
        self._hyper(indices, common)
        self._apply(nd.multi_lans_update, weights, grads, states, masters, common)


@register
class Muon(FusedOptimizer):
    """Momentum made orthogonal, for matrices; other parameters take AdamW's step.

    Jordan and others: Muon, an optimizer for hidden layers (2024). Convolution weights are taken
    as matrices (channels, rest).

    Parameters
    ----------
    learning_rate, momentum : float
    nesterov : bool
        Whether the gradient is taken ahead.
    ns_steps : int
        Iterations of Newton and Schulz.
    adam_lr : float
        Rate for parameters that are no matrices, times ``learning_rate / 0.02``.
    beta1, beta2, epsilon : float
        Of AdamW.
    """

    def __init__(
        self,
        learning_rate=0.02,
        momentum=0.95,
        nesterov=True,
        ns_steps=5,
        adam_lr=3e-4,
        beta1=0.9,
        beta2=0.95,
        epsilon=1e-10,
        **kwargs,
    ):
        super().__init__(learning_rate=learning_rate, **kwargs)
        self.momentum, self.nesterov, self.ns_steps = momentum, nesterov, ns_steps
        self.adam_lr, self.beta1, self.beta2, self.epsilon = adam_lr, beta1, beta2, epsilon

    def create_state(self, index, weight):
        """(momentum,) of a matrix, AdamW's two means of others."""
        return (zeros_like(weight),) if len(weight.shape) >= 2 else zeros_like(weight, 2)

    def _step(self, indices, weights, grads, states, masters, common):
        scale = self.adam_lr / 0.02
        steps, shares = [], []  # rates with the correction of the means; decays times rates
        rates = zip(common["lrs"], common["wds"], self._counts(indices), states, strict=True)
        for lr, wd, count, state in rates:
            correction = 1.0
            if len(state) == 2:
                lr *= scale
                correction = math.sqrt(1.0 - self.beta2**count) / (1.0 - self.beta1**count)
            steps.append(lr * correction)
            shares.append(lr * wd)
        common.update(
            lrs=steps,
            wds=shares,
            momentum=self.momentum,
            nesterov=self.nesterov,
            ns_steps=self.ns_steps,
            beta1=self.beta1,
            beta2=self.beta2,
            epsilon=self.epsilon,
        )
        self._apply(nd.multi_muon_update, weights, grads, states, masters, common)
