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

    aggregate_num = 0

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
        self._sums = {}  # by parameter: (sum of gradients, number of them), since its last step

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

    @staticmethod
    def _trust(weight, grad, wd):
        w2 = float((weight * weight).sum().asscalar())
        g2 = float((grad * grad).sum().asscalar())
        return min(max(math.sqrt(w2 / (g2 + wd * w2 + 1e-18)), 0.01), 100.0)

    def _run(self, index, weight, grad, state, mixed):
        # The rate is that before this update is counted, as in MXNet.
        lr, wd = self._get_lr(index), self._get_wd(index)
        self._update_count(index)
        total, count = self._sums.get(index, (None, self.init_updates))
        total, count = (grad.copy() if total is None else total + grad), count + 1
        if count % self.batch_scale:
            self._sums[index] = total, count
            return
        self._sums[index] = None, count
        grad = total / self.batch_scale
        if self.warmup_strategy == "lars":
            lr *= self._trust(weight, grad, wd)
        else:
            lr *= self._factor(count)
        common = {
            "lrs": [lr],
            "wds": [wd],
            "rescale_grad": self.rescale_grad,
            "clip_gradient": self.clip_gradient or -1.0,
            "num_weights": 1,
            "out": [weight],
        }
        state, master = state if mixed else (state, None)
        masters = [master] if mixed else None
        self._step([index], [weight], [grad], [state], masters, common)


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
        other = []
        for i, state in enumerate(states):
            if len(state) == 2:
                other.append(i)
                continue
            target = weights[i] if masters is None else masters[i]
            rate, decay = common["lrs"][i], common["wds"][i]
            self._matrix_step(target, grads[i], state[0], rate, decay)
            if masters is not None:
                weights[i][:] = target
        if not other:
            return

        def pick(values):
            return [values[i] for i in other] if values is not None else None

        scale = self.adam_lr / 0.02
        counts = self._counts(pick(indices))
        lrs = [lr * scale for lr in pick(common["lrs"])]
        common["wds"] = [lr * wd for lr, wd in zip(lrs, pick(common["wds"]), strict=True)]
        common["lrs"] = [
            lr * math.sqrt(1.0 - self.beta2**t) / (1.0 - self.beta1**t)
            for lr, t in zip(lrs, counts, strict=True)
        ]
        common.update(beta1=self.beta1, beta2=self.beta2, epsilon=self.epsilon)
        common.update(num_weights=len(other), out=pick(weights))
        self._apply(
            nd.multi_adamw_update, pick(weights), pick(grads), pick(states), pick(masters), common
        )

    def _matrix_step(self, weight, grad, moment, lr, wd):
        grad = self._clipped(grad.astype(weight.dtype))
        moment[:] = self.momentum * moment + grad
        ahead = grad + self.momentum * moment if self.nesterov else moment
        rows = weight.shape[0]
        matrix = self._orthogonal(ahead.reshape((rows, -1)))
        scale = math.sqrt(max(1.0, rows / matrix.shape[1]))
        if wd:
            weight *= 1.0 - lr * wd
        weight -= lr * scale * matrix.reshape(weight.shape)

    def _orthogonal(self, x):
        """Nearly the closest orthogonal matrix, by iterations of fifth order."""
        a, b, c = 3.4445, -4.7750, 2.0315
        turned = x.shape[0] > x.shape[1]
        x = nd.transpose(x) if turned else x
        x = nd.broadcast_div(x, nd.sqrt((x * x).sum()) + 1e-7)
        for _ in range(self.ns_steps):
            square = nd.dot(x, x, transpose_b=True)
            x = a * x + nd.dot(b * square + c * nd.dot(square, square), x)
        return nd.transpose(x) if turned else x
