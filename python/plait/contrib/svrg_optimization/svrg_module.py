"""Modules that correct each gradient by that of the whole data at an earlier point."""

from ...module import Module

__all__ = ["SVRGModule"]


class SVRGModule(Module):
    """`Module` trained with stochastic variance-reduced gradients.

    Every `update_freq` epochs the weights are kept and the gradient there, of all data, is taken.
    From then on each step uses ``g(w, batch) - g(kept, batch) + g(kept, all)``, which has the same
    mean as ``g(w, batch)`` and a variance that goes to 0.

    Parameters
    ----------
    update_freq : int
        Epochs from one point to the next, > 0.
    others
        As `Module`.

    Raises
    ------
    ValueError
        If update_freq is no whole number > 0.

    Notes
    -----
    Johnson, Zhang: Accelerating stochastic gradient descent using predictive variance reduction
    (2013). A batch costs two passes.

    Examples
    --------
    >>> module = mx.contrib.svrg_optimization.SVRGModule(symbol, update_freq=2)
    >>> module.fit(train_iter, num_epoch=8)
    """

    def __init__(self, symbol, *args, update_freq=None, **kwargs):
        super().__init__(symbol, *args, **kwargs)
        if not isinstance(update_freq, int) or update_freq < 1:
            raise ValueError(
                f"SVRGModule: update_freq is {update_freq!r}, must be a whole number > 0"
            )
        self.update_freq = update_freq
        self._kept = Module(symbol, *args, **kwargs)  # the same network at the kept weights
        self._full = None  # for each device: gradient of all data at the kept weights, by parameter

    def bind(self, data_shapes, label_shapes=None, for_training=True, *args, **kwargs):
        """See `Module.bind`."""
        super().bind(data_shapes, label_shapes, for_training, *args, **kwargs)
        if for_training:
            self._kept.bind(data_shapes, label_shapes, True, *args, **kwargs)

    def reshape(self, data_shapes, label_shapes=None):
        """See `Module.reshape`."""
        super().reshape(data_shapes, label_shapes)
        self._kept.reshape(data_shapes, label_shapes)

    def forward(self, data_batch, is_train=None):
        """See `Module.forward`; in training also at the kept weights."""
        super().forward(data_batch, is_train)
        if self._full is not None and (self.for_training if is_train is None else is_train):
            self._kept.forward(data_batch, True)

    def backward(self, out_grads=None):
        """See `Module.backward`; gradients are the corrected ones once there is a kept point."""
        super().backward(out_grads)
        if self._full is None:
            return
        self._kept.backward(out_grads)
        for full, gradients, kept in zip(
            self._full, _gradients(self), _gradients(self._kept), strict=True
        ):
            for name, gradient in gradients.items():
                gradient += full[name] - kept[name]

    def update_full_grads(self, train_data):
        """Keep the weights and take the gradient of all batches of `train_data` there.

        The gradient is the mean over the batches; `train_data` is reset before and after.
        """
        self._kept.set_params(*self.get_params())
        sums, count = None, 0
        train_data.reset()
        for batch in train_data:
            self._kept.forward(batch, True)
            self._kept.backward()
            found = _gradients(self._kept)
            if sums is None:
                sums = [{n: g.copy() for n, g in grads.items()} for grads in found]
            else:
                for total, gradients in zip(sums, found, strict=True):
                    for name, gradient in gradients.items():
                        total[name] += gradient
            count += 1
        if not count:
            raise ValueError("update_full_grads: train_data has no batches, must have some")
        self._full = [{n: total / count for n, total in grads.items()} for grads in sums]
        train_data.reset()

    def _fit_epoch(self, epoch, data, *args):
        if epoch % self.update_freq == 0:
            self.update_full_grads(data)
        super()._fit_epoch(epoch, data, *args)


def _gradients(module):
    """For each device, the gradients of the parameters by name."""
    trained = set(module._param_names)
    return [
        {
            name: gradient
            for name, gradient in executor.grad_dict.items()
            if name in trained and gradient is not None
        }
        for executor in module._execs
    ]
