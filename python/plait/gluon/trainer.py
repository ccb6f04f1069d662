"""Updates the parameters of a model after each backward pass."""

from .. import optimizer as opt
from ..symbol import Symbol
from .files import replacing
from .parameter import Parameter, version
from .symbol_trainer import SymbolTrainer

__all__ = ["Trainer"]

_IN_PROCESS = (None, "local", "device")


class Trainer:
    """Applies an optimizer to parameters.

    Parameters
    ----------
    params : ParameterDict, dict or list of Parameter
    optimizer : str or Optimizer
    optimizer_params : dict, optional
        Arguments of the optimizer if it is given by name.
    kvstore : {None, 'local', 'device'}
        Copies on several devices are summed in this process.

    For a loss that is a symbol, ``Trainer(loss, optimizer)`` gives a `SymbolTrainer`.

    Examples
    --------
    >>> trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0.1})
    >>> trainer.step(batch_size)
    """

    def __new__(cls, params, *args, **kwargs):
        if isinstance(params, Symbol):
            return SymbolTrainer(params, *args, **kwargs)
        return super().__new__(cls)

    def __init__(
        self,
        params,
        optimizer,
        optimizer_params=None,
        kvstore="device",
        compression_params=None,
        update_on_kvstore=None,
    ):
        params = list(params.values()) if hasattr(params, "values") else params
        if not isinstance(params, (list, tuple)) or not all(
            isinstance(p, Parameter) for p in params
        ):
            raise ValueError("Trainer: params must be a list or dict of Parameter")
        if kvstore not in _IN_PROCESS:
            raise NotImplementedError(
                f"Trainer: kvstore is {kvstore!r}, must be one of {_IN_PROCESS}"
            )
        if compression_params:
            raise NotImplementedError(
                "Trainer: compression_params is set, must be None in one process"
            )
        if update_on_kvstore:
            raise ValueError(
                "Trainer: update_on_kvstore is True, must be None or False in one process"
            )
        self._params = list(params)
        table = dict(enumerate(self._params))
        if isinstance(optimizer, opt.Optimizer):
            if optimizer_params:
                raise ValueError("Trainer: optimizer_params must be None with an Optimizer object")
            self._optimizer = optimizer
        else:
            self._optimizer = opt.create(optimizer, **(optimizer_params or {}))
        self._optimizer.param_dict = table
        self._scale = self._optimizer.rescale_grad
        self._updaters = []
        self._groups = None
        self._version = -1
        self._amp_loss_scaler, self._amp_original_scale = None, self._scale  # see mx.amp

    @property
    def optimizer(self):
        """Optimizer: the rule in use."""
        return self._optimizer

    @property
    def learning_rate(self):
        """float: the rate now."""
        return self._optimizer.learning_rate

    def set_learning_rate(self, lr):
        """Set the rate; not with a schedule."""
        self._optimizer.set_learning_rate(lr)

    def _collect(self):
        """By device: indices, gradients and weights of the parameters that are trained."""
        if self._version == version.value:
            return self._groups
        trained = [(i, p) for i, p in enumerate(self._params) if p.grad_req != "null"]
        copies = {len(p.list_ctx()) for _, p in trained}
        if len(copies) > 1:
            raise ValueError(
                "Trainer: parameters are on different numbers of devices, must be on the same"
            )
        self._groups = [
            (
                [i for i, _ in trained],
                [p.list_grad()[k] for _, p in trained],
                [p.list_data()[k] for _, p in trained],
            )
            for k in range(copies.pop() if copies else 0)
        ]
        while len(self._updaters) < len(self._groups):
            self._updaters.append(opt.get_updater(self._optimizer))
        self._version = version.value
        return self._groups

    def step(self, batch_size, ignore_stale_grad=False):
        """Sum gradients over devices and update, with gradients divided by `batch_size`."""
        self.allreduce_grads()
        self.update(batch_size, ignore_stale_grad)

    def allreduce_grads(self):
        """Replace each gradient by the sum over the devices."""
        groups = self._collect()
        if len(groups) < 2:
            return
        for copies in zip(*(grads for _, grads, _ in groups), strict=True):
            total = copies[0].copy()
            for grad in copies[1:]:
                total += grad.as_in_context(total.context)
            for grad in copies:
                grad[:] = total.as_in_context(grad.context)

    def update(self, batch_size, ignore_stale_grad=False):
        """Update without summing: call `allreduce_grads` first."""
        groups = self._collect()
        scaler = self._amp_loss_scaler
        if scaler is not None and scaler.has_overflow(self._params):
            return
        self._optimizer.rescale_grad = self._scale / batch_size
        counts = dict(self._optimizer._index_update_count) if len(groups) > 1 else None
        for k, (indices, grads, weights) in enumerate(groups):
            if k:
                # Every copy takes the same step: it counts as one update.
                self._optimizer._index_update_count = dict(counts)
            self._updaters[k](indices, grads, weights)

    def save_states(self, fname):
        """Write the states of the optimizer to a file."""
        self._collect()
        with replacing(fname) as partial, open(partial, "wb") as file:
            file.write(self._updaters[0].get_states(dump_optimizer=True))

    def load_states(self, fname):
        """Read what `save_states` wrote; read only files that you trust (they are pickles)."""
        self._collect()
        with open(fname, "rb") as file:
            states = file.read()
        for updater in self._updaters:
            updater.set_states(states)
            updater.optimizer = self._updaters[0].optimizer
        self._optimizer = self._updaters[0].optimizer
        self._optimizer.param_dict = dict(enumerate(self._params))
