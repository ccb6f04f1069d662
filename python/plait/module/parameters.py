"""Parameters of a module and the optimizer that changes them."""

import pickle

from .. import initializer as init
from .. import optimizer as opt
from ..files import replacing
from .base_module import BaseModule
from .store import ModuleStore

__all__ = ["WithParameters"]


class WithParameters(BaseModule):
    """Base of Module: what it does with parameters, on the executors that `bind` made."""

    def init_params(
        self,
        initializer="uniform",
        arg_params=None,
        aux_params=None,
        allow_missing=False,
        force_init=False,
        allow_extra=False,
    ):
        """Set the parameters from dicts, and those that are missing by the initializer.

        Parameters
        ----------
        initializer : Initializer
            Default Uniform(0.01).
        arg_params, aux_params : dict of str to NDArray, optional
        allow_missing : bool
            Whether the dicts may leave parameters out.
        force_init : bool
            Whether to start again if initialised before.
        allow_extra : bool
            Accepted for MXNet's programs: names that the module does not have are ignored here,
            see `set_params`.

        Raises
        ------
        RuntimeError
            If a parameter is missing and `allow_missing` is False.
        """
        if self.params_initialized and not force_init and self._loaded is None:
            return
        self._require(binded=True)
        if isinstance(initializer, str):
            initializer = (
                init.Uniform(0.01) if initializer == "uniform" else init.create(initializer)
            )
        attrs = self._symbol.attr_dict()
        first = self._execs[0]
        for given, arrays in (
            (arg_params, {n: first.arg_dict[n] for n in self._param_names}),
            (aux_params, first.aux_dict),
        ):
            for name, array in arrays.items():
                if given is not None and name in given:
                    self._copy(name, given[name], array)
                elif given is not None and not allow_missing and initializer is not None:
                    raise RuntimeError(f"init_params: {name} is not among the parameters given")
                elif initializer is not None:
                    initializer(init.InitDesc(name, attrs.get(name)), array)
                elif not allow_missing:
                    raise RuntimeError(f"init_params: {name} is not among the parameters given")
        for other in self._execs[1:]:
            args = {name: first.arg_dict[name] for name in self._param_names}
            other.copy_params_from(args, first.aux_dict)
        self.params_initialized = True
        if self._store is not None:
            self._store.forget()

    def set_params(
        self, arg_params, aux_params, allow_missing=False, force_init=True, allow_extra=False
    ):
        """Set the parameters from dicts of arrays.

        Raises
        ------
        RuntimeError
            If a parameter is missing and `allow_missing` is False.
        ValueError
            With `allow_missing`, where a name may be misspelt, if the module does not have it and
            `allow_extra` is False.
        """
        if allow_missing and not allow_extra:
            own = {*self._symbol.list_arguments(), *self._symbol.list_auxiliary_states()}
            extra = sorted({*(arg_params or {}), *(aux_params or {})} - own)
            if extra:
                raise ValueError(
                    f"set_params: no parameter {extra}; set allow_extra to ignore them"
                )
        super().set_params(arg_params, aux_params, allow_missing, force_init, allow_extra)

    @staticmethod
    def _copy(name, value, array):
        if value.shape != array.shape:
            raise ValueError(f"init_params: {name} has shape {value.shape}, must be {array.shape}")
        if value is not array:
            value.astype(array.dtype).copyto(array)

    def get_params(self):
        """(arg_params, aux_params): dicts of copies."""
        if self._loaded is not None:
            return self._loaded
        self._require(binded=True, params_initialized=True)
        first = self._execs[0]
        args = {n: first.arg_dict[n].copy() for n in self._param_names}
        aux = {}
        for name in self._aux_names:  # devices saw different samples
            copies = [e.aux_dict[name] for e in self._execs]
            total = copies[0].copy()
            for c in copies[1:]:
                total += c.as_in_context(total.context)
            aux[name] = total / len(copies) if len(copies) > 1 else total
        return args, aux

    def init_optimizer(
        self,
        kvstore="local",
        optimizer="sgd",
        optimizer_params=(("learning_rate", 0.01),),
        force_init=False,
    ):
        """Choose the rule of `update`.

        Parameters
        ----------
        kvstore : str, KVStore or None
            'local', 'device' or None: gradients are summed over the devices of this process, with
            'nccl' by NCCL.
            'dist_sync' and its like: over all processes; a store that can apply the optimizer, such
            as `mx.kv.create("local")`, gets the gradients and gives the parameters back.
        optimizer : str or Optimizer
        optimizer_params : dict or sequence of pairs
            Arguments of an optimizer given by name; ``rescale_grad`` is 1 / batch size by default.
        force_init : bool
            Whether to start again if done before.
        """
        self._require(binded=True, params_initialized=True)
        if self.optimizer_initialized and not force_init:
            self.logger.warning("optimizer already initialized, ignoring init_optimizer()")
            return
        store = ModuleStore.of(kvstore, len(self._execs))
        if isinstance(optimizer, str):
            arguments = dict(optimizer_params)
            samples = self._batch_size() * (1 if store is None else store.workers)
            arguments.setdefault("rescale_grad", 1.0 / samples)
            arguments.setdefault("param_idx2name", dict(enumerate(self._param_names)))
            optimizer = opt.create(optimizer, **arguments)
            optimizer.set_lr_mult(self._multipliers("__lr_mult__"))
            optimizer.set_wd_mult(self._multipliers("__wd_mult__"))
        elif not optimizer.idx2name:
            optimizer.idx2name = dict(enumerate(self._param_names))
        self._optimizer = optimizer if store is None else store.set_optimizer(optimizer)
        self._updaters = [opt.get_updater(self._optimizer) for _ in self._execs]
        self._store = store
        self._give_to_store()
        self.optimizer_initialized = True
        if self._preload_opt_states is not None:
            self.load_optimizer_states(self._preload_opt_states)
            self._preload_opt_states = None

    @property
    def _kvstore(self):
        return None if self._store is None else self._store.store

    @property
    def _update_on_kvstore(self):
        return self._store is not None and self._store.updates

    def _arrays(self, table, name):
        """The array of each device; `table` is the name of a dict of the executors."""
        return [getattr(e, table)[name] for e in self._execs]

    def _give_to_store(self):
        """Give the store the parameters that it does not have: those of rank 0 go to all."""
        if self._store is not None:
            for name in self._param_names:
                self._store.share(name, self._arrays("arg_dict", name))

    def _multipliers(self, key):
        """dict of float by parameter: an attribute of the variables."""
        attrs = self._symbol.attr_dict()
        return {n: float(attrs[n][key]) for n in self._param_names if key in attrs.get(n, {})}

    def _batch_size(self):
        desc = self._data_shapes[0]
        return desc.shape[max(desc.get_batch_axis(desc.layout), 0)] if desc.shape else 1

    def borrow_optimizer(self, shared_module):
        """Use the optimizer of another module, with its states."""
        self._optimizer = shared_module._optimizer
        self._updaters = shared_module._updaters
        self._store = shared_module._store
        self.optimizer_initialized = True

    def update(self):
        """Update the parameters from the gradients of the last `backward`."""
        self._require(binded=True, params_initialized=True, optimizer_initialized=True)
        trained = [
            (i, n)
            for i, n in enumerate(self._param_names)
            if self._execs[0].grad_dict.get(n) is not None
        ]
        if self._store is not None:
            self._give_to_store()
            for _, n in trained:
                weights = self._arrays("arg_dict", n)
                self._store.exchange(n, self._arrays("grad_dict", n), weights)
            if self._store.updates:
                return
        else:
            self._sum_gradients([n for _, n in trained])
        counts = dict(self._optimizer._index_update_count) if len(self._execs) > 1 else None
        for k, executor in enumerate(self._execs):
            if k:  # every copy takes the same step
                self._optimizer._index_update_count = dict(counts)
            grads, weights = executor.grad_dict, executor.arg_dict
            self._updaters[k](
                [i for i, _ in trained],
                [grads[n] for _, n in trained],
                [weights[n] for _, n in trained],
            )

    def _sum_gradients(self, names):
        if len(self._execs) == 1:
            return
        for name in names:
            copies = [e.grad_dict[name] for e in self._execs]
            total = copies[0].copy()
            for grad in copies[1:]:
                total += grad.as_in_context(total.context)
            for grad in copies:
                total.copyto(grad)

    def save_optimizer_states(self, fname):
        """Write the states of the optimizer."""
        self._require(optimizer_initialized=True)
        if self._update_on_kvstore:
            self._kvstore.save_optimizer_states(fname)
            return
        with replacing(fname) as partial, open(partial, "wb") as file:
            file.write(self._updaters[0].get_states())

    def load_optimizer_states(self, fname):
        """Read what `save_optimizer_states` wrote; read only files that you trust (pickles)."""
        self._require(optimizer_initialized=True)
        if self._update_on_kvstore:
            self._kvstore.load_optimizer_states(fname)
            return
        with open(fname, "rb") as file:
            states = file.read()
        pickle.loads(states)  # a damaged file changes nothing
        for updater in self._updaters:
            updater.set_states(states)
