"""Updates the parameters of a model after each backward pass."""

import functools
import weakref

from .. import kvstore as kvs
from .. import ndarray
from .. import optimizer as opt
from ..files import replacing
from ..symbol import Symbol
from .gradient_exchange import GradientExchange
from .parameter import Parameter, version
from .sharded_update import ShardedUpdate, mapped
from .symbol_trainer import SymbolTrainer
from .trainer_names import TrainerNames

__all__ = ["Trainer"]

_IN_PROCESS = (None, "local", "device", "nccl")


def _changed(shape, change, array):
    return change(array) if array.shape == shape else array


class Trainer(TrainerNames):
    """Applies an optimizer to parameters.

    Parameters
    ----------
    params : ParameterDict, dict or list of Parameter
    optimizer : str or Optimizer
    optimizer_params : dict, optional
        Arguments of the optimizer if it is given by name.
    kvstore : str or KVStore, optional
        'local', 'device' or None: copies on several devices are summed in this process; 'nccl':
        by NCCL, on GPUs.
        'dist_sync' and its like: over all processes that MPI started, while backward goes on.
        'dist_async': ranks that serve parameters apply each gradient as it comes.
    compression_params : dict, optional
        For 'dist_sync': see `KVStore.set_gradient_compression`.
    update_on_kvstore : bool, optional
        Whether the store keeps the parameters and applies the optimizer: `step` gives it gradients
        and takes what they became. Default with 'dist_async' and a KVStore object of one process.
    zero : {0, 1, 2}
        With 'dist_sync': whether each rank keeps the optimizer's states of its part of the
        parameters only (1), and gets the sums of its part of the gradients only (2).

    With several processes rank 0 gives the parameters to all, `step` is called by all as often, or
    those with less data end with `join`, and the gradients of all are summed: give `step` the
    number of samples of all processes together. Parameters of which the same ranks hold parts
    (`gluon.parallel`) are updated by each of them.

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
        *,
        zero=0,
    ):
        params = list(params.values()) if hasattr(params, "values") else params
        if not isinstance(params, (list, tuple)) or not all(
            isinstance(p, Parameter) for p in params
        ):
            raise ValueError("Trainer: params must be a list or dict of Parameter")
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
        self._groups, self._marks = [], []
        self._has_marks = False
        self._version = -1
        self._amp_loss_scaler, self._amp_original_scale = None, self._scale  # see mx.amp
        self._kvstore_params = {"kvstore": kvstore, "update_on_kvstore": update_on_kvstore}
        self._open_store(kvstore, compression_params, update_on_kvstore)
        self._updaters = [opt.get_updater(self._optimizer)]
        self._zero, self._sharded = zero, None
        if zero and any(map(self._is_kept, self._params)):
            raise ValueError(f"Trainer: zero is {zero!r}, must be 0 with parameters in parts")
        if zero and self._exchange is None:
            raise ValueError(
                f"Trainer: zero is {zero!r}, must be 0 without 'dist_sync', or with compression or "
                "update_on_kvstore"
            )

    def _open_store(self, store, compression_params, update_on_kvstore):
        self._kvstore = self._exchange = self._device_ranks = None
        self._update_on_kvstore = False
        self._shared = set()  # positions of parameters that the store knows
        if store in _IN_PROCESS:
            if compression_params:
                raise ValueError("Trainer: compression_params is set, must be None in one process")
            if not update_on_kvstore:
                return
            if store is None:
                raise ValueError(
                    "Trainer: update_on_kvstore is True, must be None or False without a kvstore"
                )
        self._kvstore = kvs.create(store) if isinstance(store, str) else store
        if not isinstance(self._kvstore, kvs.KVStoreBase):
            raise TypeError(f"Trainer: kvstore is {store!r}, must be a str or a KVStoreBase")
        if update_on_kvstore and not self._kvstore.is_capable("optimizer"):
            raise ValueError(
                f"Trainer: update_on_kvstore is True, must be None or False with {store!r}"
            )
        is_async = isinstance(self._kvstore, kvs.AsyncKVStore)
        if is_async and update_on_kvstore is False:
            raise ValueError("Trainer: update_on_kvstore is False, must be True with 'dist_async'")
        if update_on_kvstore is None and type(store) is kvs.KVStore:
            update_on_kvstore = True  # programs pull the parameters from their store
        self._update_on_kvstore = is_async or bool(update_on_kvstore)
        is_summed = isinstance(self._kvstore, kvs.DistKVStore) and not compression_params
        if any(map(self._is_kept, self._params)) and (self._update_on_kvstore or not is_summed):
            raise ValueError(
                "Trainer: there are parameters in parts, kvstore must be 'dist_sync' without "
                "compression and update_on_kvstore, or None"
            )
        if compression_params:
            self._kvstore.set_gradient_compression(compression_params)
        elif isinstance(self._kvstore, kvs.DistKVStore) and not self._update_on_kvstore:
            self._exchange = GradientExchange(self._kvstore.comm)
        if self._update_on_kvstore:
            self._kvstore.set_optimizer(self._optimizer)
            self._optimizer = self._kvstore.optimizer
            self._optimizer.param_dict = dict(enumerate(self._params))
        for param in self._params:
            param._trainer = weakref.ref(self)
            self._share(param)

    def _is_kept(self, param):
        """Whether each rank has a part of its own, whose gradient it knows."""
        return param.parts_over is not None and param.parts_over is self.comm

    def _share(self, param):
        """Give all ranks the values that rank 0 has, once they exist."""
        if self._kvstore is None or param._data is None or self._is_kept(param):
            return
        i = next(i for i, p in enumerate(self._params) if p is param)
        if i in self._shared:
            return
        self._shared.add(i)
        copies = param.list_data()
        if self._exchange:
            self._kvstore.comm.broadcast(copies[0], name=param.name)
            for copy in copies[1:]:
                copies[0].copyto(copy)
        else:
            self._kvstore.broadcast(i, copies[0], copies)

    def _took(self, param):
        """A program has set the values: a store in this process that updates them takes them."""
        if self._update_on_kvstore and self.comm is None:
            self._shared.discard(next(i for i, p in enumerate(self._params) if p is param))
            self._share(param)

    @property
    def comm(self):
        """Communicator: the ranks that train together; None in one process."""
        comm = getattr(self._kvstore, "comm", None)
        return comm if comm is not None and comm.size > 1 else None

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
        marks = self._marks_by_array()
        self._groups, self._marks = [], []
        for k in range(copies.pop() if copies else 0):
            grads = [p.list_grad()[k] for _, p in trained]
            self._groups.append(
                ([i for i, _ in trained], grads, [p.list_data()[k] for _, p in trained])
            )
            new = [p._new_grads[k] if k < len(p._new_grads) else -1 for _, p in trained]
            self._marks.append([marks.get(id(g), n) for g, n in zip(grads, new, strict=True)])
        self._has_marks = any(mark is not None for marks in self._marks for mark in marks)
        while len(self._updaters) < len(self._groups):
            self._updaters.append(opt.get_updater(self._optimizer))
        self._version = version.value
        return self._groups

    # --- gradients that no backward pass has written ----------------------------------------------
    #
    # A mark is the version that a gradient had when it was made or last used: a gradient that
    # still has it is stale. None: a sparse one, which is never taken for stale; -1: not known.

    def _marks_by_array(self):
        """dict of id of a gradient to its mark; the groups keep the arrays alive."""
        return {
            id(grad): mark
            for (_, grads, _), marks in zip(self._groups, self._marks, strict=True)
            for grad, mark in zip(grads, marks, strict=True)
        }

    def _stale(self, ignore):
        """set of positions of parameters to leave out: stale on all devices.

        With several processes nothing is left out; there a stale gradient counts as zeros, as it
        does on one device if it is fresh on another.
        """
        groups = self._collect()
        if not self._has_marks:
            return ()
        found = [
            {j for j, mark in enumerate(marks) if mark is not None and grads[j].version == mark}
            for (_, grads, _), marks in zip(groups, self._marks, strict=True)
        ]
        if not any(found):
            return ()
        if not ignore:
            param = self._params[groups[0][0][min(set().union(*found))]]
            raise UserWarning(
                f"Trainer: no backward pass has written the gradient of {param.name} since the "
                "last step, must be all\n  hint: ignore_stale_grad=True leaves such parameters out"
            )
        everywhere = set() if self.comm else set.intersection(*found)
        for (_, grads, _), stale in zip(groups, found, strict=True):
            for j in stale - everywhere:
                grads[j][...] = 0
        return everywhere

    def _mark(self):
        """Remember that the gradients of now are used; optimizers count as writing them."""
        if not self._has_marks:
            return
        for k, (_, grads, _) in enumerate(self._groups):
            self._marks[k] = [
                None if mark is None else grad.version
                for grad, mark in zip(grads, self._marks[k], strict=True)
            ]

    def step(self, batch_size, ignore_stale_grad=False):
        """Sum gradients over devices and processes and update; they are divided by `batch_size`.

        Where processes give different numbers, their mean is taken.

        Parameters
        ----------
        batch_size : int
        ignore_stale_grad : bool
            Whether parameters whose gradient no backward pass has written since the last step are
            left out.

        Raises
        ------
        UserWarning
            If there is such a parameter and ignore_stale_grad is False.
        """
        batch_size = self._agree(batch_size)
        left_out = self._stale(ignore_stale_grad)
        if not self._update_on_kvstore:
            self._allreduce_grads()
        self._update(batch_size, left_out)

    def join(self):
        """Take part in the steps of the others, without gradients, until all have called it.

        For a process whose data end earlier than those of others.
        """
        if self._exchange is None:
            return
        while batch_size := self._agree(None):
            for _, grads, _ in self._collect():
                for grad in grads:
                    grad[...] = 0
            self._allreduce_grads()
            self._update(batch_size, ())

    def _agree(self, batch_size):
        """Mean of what the ranks that have data give; 0 if none has."""
        if self._exchange is None or self._kvstore.num_workers == 1:
            return batch_size or 0
        mine = [0.0, 0.0] if batch_size is None else [batch_size, 1.0]
        total = ndarray.array(mine, dtype="float64")
        self._kvstore.comm.allreduce(total, name="batch size", priority=1, wait=True)
        size, active = total.asnumpy().tolist()
        return size / active if active else 0

    def allreduce_grads(self):
        """Replace each gradient by the sum over the devices and processes; returns at once."""
        self._require_own_update("allreduce_grads")
        self._allreduce_grads()

    def _allreduce_grads(self):
        """The sums; what trainers of other communication libraries define anew."""
        groups = self._collect()
        if self._kvstore is None and len(groups) < 2:
            return
        if self._kvstore is not None and self._exchange is None:
            for i, *copies in zip(groups[0][0], *(grads for _, grads, _ in groups), strict=True):
                self._kvstore.pushpull(i, copies, priority=-i)
            return
        if len(groups) > 1 and self._kvstore_params["kvstore"] == "nccl":
            self._sum_by_nccl(groups)
            return
        if len(groups) > 1:
            for copies in zip(*(grads for _, grads, _ in groups), strict=True):
                total = copies[0].copy()
                for grad in copies[1:]:
                    total = total + grad.as_in_context(total.context)
                copies[0][...] = total
        if self._exchange and groups and self._zero < 2:
            shared = [
                (self._params[i].name, grad)
                for i, grad in zip(*groups[0][:2], strict=True)
                if not self._is_kept(self._params[i])
            ]
            self._exchange.allreduce([name for name, _ in shared], [grad for _, grad in shared])
        for copies in zip(*(grads for _, grads, _ in groups), strict=True):
            for grad in copies[1:]:
                grad[...] = copies[0].as_in_context(grad.context)

    def _sum_by_nccl(self, groups):
        if self._device_ranks is None:
            self._device_ranks = kvs.DeviceRanks("Trainer")
        names = [self._params[i].name for i in groups[0][0]]
        ranks = self._device_ranks.of([grads[0] for _, grads, _ in groups])
        for rank, (_, grads, _) in zip(ranks, groups, strict=True):
            GradientExchange(rank).allreduce(names, grads)

    def _require_own_update(self, method):
        if self._update_on_kvstore:
            raise ValueError(f"{method}: the store updates, must be update_on_kvstore=False")

    def update(self, batch_size, ignore_stale_grad=False):
        """Update without summing: call `allreduce_grads` first. Arguments as for `step`.

        Raises
        ------
        ValueError
            If the store updates.
        """
        self._require_own_update("update")
        self._update(batch_size, self._stale(ignore_stale_grad))

    def _update(self, batch_size, left_out):
        scaler = self._amp_loss_scaler
        if scaler is not None and self._zero == 2:
            raise ValueError("Trainer: zero is 2, must be at most 1 with a loss scaler")
        if scaler is not None and scaler.has_overflow(self._params):
            return
        self._optimizer.rescale_grad = self._scale / batch_size
        self._apply(self._collect(), left_out)
        self._mark()

    def _apply(self, groups, left_out):
        if self._update_on_kvstore:
            columns = zip(groups[0][0], *(grads for _, grads, _ in groups), strict=True)
            for j, (i, *copies) in enumerate(columns):
                if j not in left_out:
                    self._kvstore.push(i, copies, priority=-i)
                    self._kvstore.pull(i, self._params[i].list_data(), priority=-i)
            return
        if self._zero:
            self._shards().step()
            return
        counts = dict(self._optimizer._index_update_count) if len(groups) > 1 else None
        for k, (indices, grads, weights) in enumerate(groups):
            if k:
                # Every copy takes the same step: it counts as one update.
                self._optimizer._index_update_count = dict(counts)
            if left_out:
                indices, grads, weights = (
                    [x for j, x in enumerate(part) if j not in left_out]
                    for part in (indices, grads, weights)
                )
            self._updaters[k](indices, grads, weights)

    def get_states(self):
        """bytes: the states of the optimizer, whole, for `set_states`.

        With `zero` and with parameters in parts all ranks call it.
        """
        self._collect()
        if self._zero:
            return self._shards().get_states()
        keeper = self._keepers()[0]
        whole = opt.get_updater(keeper.optimizer)
        whole.states = self._with_parts(keeper.states, lambda param: (param.shape, param.whole_of))
        return whole.get_states(dump_optimizer=True)

    def _with_parts(self, states, way_of):
        """The states with arrays of a shape, both told by `way_of(parameter)`, changed."""
        changed = dict(states)
        for i, param in enumerate(self._params):
            if param.parts_over is not None and i in states:
                changed[i] = mapped(states[i], functools.partial(_changed, *way_of(param)))
        return changed

    def _shards(self):
        """ShardedUpdate: what updates with `zero`."""
        if self._sharded is None:
            groups = self._collect()
            if len(groups) != 1:
                raise ValueError(f"Trainer: zero is {self._zero}, must be 0 with several devices")
            indices = groups[0][0]
            params = [self._params[i] for i in indices]
            self._sharded = ShardedUpdate(
                self._kvstore.comm, self._optimizer, params, indices, self._zero
            )
        return self._sharded

    def _keepers(self):
        """Updaters that hold states."""
        if not self._update_on_kvstore:
            return self._updaters
        if isinstance(self._kvstore, kvs.AsyncKVStore):
            raise ValueError("Trainer: ranks keep states of their own, use save_states")
        return [self._kvstore.updater]

    def set_states(self, states):
        """Take what `get_states` gave; only trusted bytes (they are pickles)."""
        self._collect()
        if self._zero:
            self._shards().set_states(states)
            keepers = [self._shards().updater]
        else:
            keepers = self._keepers()
            for updater in keepers:
                updater.set_states(states)
                updater.optimizer = keepers[0].optimizer
                updater.states = self._with_parts(
                    updater.states, lambda param: (param.whole_shape, param.part_of)
                )
        self._optimizer = keepers[0].optimizer
        self._optimizer.param_dict = dict(enumerate(self._params))

    def save_states(self, fname):
        """Write the states of the optimizer to a file: with several processes, rank 0 does."""
        if self._update_on_kvstore:
            self._kvstore.save_optimizer_states(fname, dump_optimizer=True)
        elif self.comm:
            self.comm.write_once(fname, self.get_states())
        else:
            with replacing(fname) as partial, open(partial, "wb") as file:
                file.write(self.get_states())

    def load_states(self, fname):
        """Read what `save_states` wrote; read only files that you trust (they are pickles).

        The number of processes may be another than when it was written.
        """
        if self._update_on_kvstore:
            self._kvstore.load_optimizer_states(fname)
            self._optimizer = self._kvstore.optimizer
            self._optimizer.param_dict = dict(enumerate(self._params))
        elif self.comm:
            self.set_states(self.comm.read_once(fname))
        else:
            with open(fname, "rb") as file:
                self.set_states(file.read())
