"""Modules that share parameters, one for each length of the data."""

import logging

from .. import ndarray as nd
from .. import symbol as sym
from .base_module import BaseModule, as_batch, as_list
from .module import Module

__all__ = ["BucketingModule"]


class BucketingModule(BaseModule):
    """Runs each batch by the module of its bucket; all have the same parameters.

    Parameters
    ----------
    sym_gen : function
        Gets a bucket key; returns (symbol, data_names, label_names).
    default_bucket_key : object
        Of the largest bucket, whose symbol has all parameters.
    logger, context, work_load_list, fixed_param_names, state_names, group2ctxs, compression_params
        As for `Module`.
    """

    def __init__(
        self,
        sym_gen,
        default_bucket_key=None,
        logger=logging,
        context=None,
        work_load_list=None,
        fixed_param_names=None,
        state_names=None,
        group2ctxs=None,
        compression_params=None,
    ):
        super().__init__(logger)
        if default_bucket_key is None:
            raise ValueError("BucketingModule: default_bucket_key is None, must be given")
        self._sym_gen = sym_gen
        self._default_bucket_key = default_bucket_key
        self._options = {
            "logger": logger,
            "context": context,
            "work_load_list": work_load_list,
            "fixed_param_names": as_list(fixed_param_names),
            "state_names": as_list(state_names),
            "group2ctxs": group2ctxs,
            "compression_params": compression_params,
        }
        self._buckets = {}
        self._curr_module = self._curr_bucket_key = None
        self._monitor = None
        self._bind_options = {}
        self._symbols = {}  # by key: those that take the place of sym_gen's
        self._loaded = None

    @property
    def symbol(self):
        """Symbol: that of the current bucket."""
        return None if self._curr_module is None else self._curr_module.symbol

    @property
    def data_names(self):
        """list of str: names of the data."""
        if self.binded:
            return self._curr_module.data_names
        return as_list(self._sym_gen(self._default_bucket_key)[1])

    @property
    def output_names(self):
        """list of str: names of the outputs."""
        if self.binded:
            return self._curr_module.output_names
        return self._sym_gen(self._default_bucket_key)[0].list_outputs()

    @property
    def data_shapes(self):
        """list of DataDesc: the data of the current bucket."""
        self._require(binded=True)
        return self._curr_module.data_shapes

    @property
    def label_shapes(self):
        """list of DataDesc: the labels of the current bucket."""
        self._require(binded=True)
        return self._curr_module.label_shapes

    @property
    def output_shapes(self):
        """list of (str, tuple): the outputs of the current bucket."""
        self._require(binded=True)
        return self._curr_module.output_shapes

    def _make(self, key):
        symbol, data_names, label_names = self._sym_gen(key)
        symbol = self._symbols.get(key, symbol)
        return Module(symbol, data_names, label_names, **self._options)

    @staticmethod
    def load(prefix, epoch, sym_gen=None, default_bucket_key=None, **kwargs):
        """A module from the files of `save_checkpoint`; `kwargs` as for the constructor.

        Raises
        ------
        ValueError
            If `sym_gen` or `default_bucket_key` is None.
        """
        keys = nd.load(f"{prefix}.buckets")[0].asnumpy().astype("int64").tolist()
        symbols = {key: sym.load(f"{prefix}-{key}-symbol.json") for key in keys}
        params = nd.load(f"{prefix}-{epoch:04d}.params")
        from ..model import split_params

        return BucketingModule.load_dict(
            symbols, sym_gen, default_bucket_key, *split_params(params, prefix), **kwargs
        )

    @staticmethod
    def load_dict(
        sym_dict=None,
        sym_gen=None,
        default_bucket_key=None,
        arg_params=None,
        aux_params=None,
        **kwargs,
    ):
        """A module from the symbols of its buckets and its parameters.

        Parameters
        ----------
        sym_dict : dict of Symbol by bucket key
            Other buckets are made by `sym_gen`.
        sym_gen : function
            Tells the names of data and labels.
        default_bucket_key : object
        arg_params, aux_params : dict of str to NDArray
        **kwargs
            As for the constructor.

        Raises
        ------
        ValueError
            If one of them is None.
        """
        given = {
            "sym_dict": sym_dict, "sym_gen": sym_gen, "arg_params": arg_params,
            "aux_params": aux_params,
        }  # fmt: skip
        for name, value in given.items():
            if value is None:
                raise ValueError(f"BucketingModule: {name} is None, must be given")
        module = BucketingModule(sym_gen, default_bucket_key, **kwargs)
        module._symbols = dict(sym_dict)
        module._loaded = arg_params, aux_params
        module.params_initialized = True
        return module

    def bind(
        self,
        data_shapes,
        label_shapes=None,
        for_training=True,
        inputs_need_grad=False,
        force_rebind=False,
        shared_module=None,
        grad_req="write",
    ):
        """Bind the default bucket; others are bound when their first batch comes."""
        if shared_module is not None:
            raise ValueError("BucketingModule: shared_module must be None")
        if self.binded and not force_rebind:
            self.logger.warning("Already bound, ignoring bind()")
            return
        kept = self.get_params() if self.params_initialized else None
        self._loaded = None
        self.for_training, self.inputs_need_grad = for_training, inputs_need_grad
        self._bind_options = {
            "for_training": for_training,
            "inputs_need_grad": inputs_need_grad,
            "grad_req": grad_req,
        }
        module = self._make(self._default_bucket_key)
        module.bind(data_shapes, label_shapes, **self._bind_options)
        self._buckets = {self._default_bucket_key: module}
        self._curr_module, self._curr_bucket_key = module, self._default_bucket_key
        self.binded = True
        if kept is not None:
            self.set_params(*kept)

    def switch_bucket(self, bucket_key, data_shapes, label_shapes=None):
        """Make a bucket the current one, binding it if it is new."""
        self._require(binded=True)
        if bucket_key not in self._buckets:
            module = self._make(bucket_key)
            module.bind(
                data_shapes,
                label_shapes,
                shared_module=self._buckets[self._default_bucket_key],
                **self._bind_options,
            )
            if self._monitor is not None:
                module.install_monitor(self._monitor)
            self._buckets[bucket_key] = module
        self._curr_module, self._curr_bucket_key = self._buckets[bucket_key], bucket_key
        self._follow()

    def _follow(self):
        first = self._buckets[self._default_bucket_key]
        module = self._curr_module
        module.params_initialized = first.params_initialized
        if first.optimizer_initialized and not module.optimizer_initialized:
            module.borrow_optimizer(first)

    def init_params(
        self,
        initializer="uniform",
        arg_params=None,
        aux_params=None,
        allow_missing=False,
        force_init=False,
        allow_extra=False,
    ):
        """As `Module.init_params`, for the parameters of the default bucket."""
        self._require(binded=True)
        self._buckets[self._default_bucket_key].init_params(
            initializer, arg_params, aux_params, allow_missing, force_init, allow_extra
        )
        self.params_initialized = True
        for module in self._buckets.values():
            module.params_initialized = True

    def get_params(self):
        """(arg_params, aux_params): dicts of copies."""
        if self._loaded is not None:
            return self._loaded
        self._require(binded=True, params_initialized=True)
        return self._buckets[self._default_bucket_key].get_params()

    def init_optimizer(
        self,
        kvstore="local",
        optimizer="sgd",
        optimizer_params=(("learning_rate", 0.01),),
        force_init=False,
    ):
        """As `Module.init_optimizer`; all buckets use it."""
        self._require(binded=True, params_initialized=True)
        if self.optimizer_initialized and not force_init:
            self.logger.warning("optimizer already initialized, ignoring init_optimizer()")
            return
        first = self._buckets[self._default_bucket_key]
        first.init_optimizer(kvstore, optimizer, optimizer_params, force_init)
        for module in self._buckets.values():
            if module is not first:
                module.borrow_optimizer(first)
        self.optimizer_initialized = True

    def _switch_to(self, batch):
        batch = as_batch(batch)
        key = self._curr_bucket_key if batch.bucket_key is None else batch.bucket_key
        if key != self._curr_bucket_key or batch.provide_data is not None:
            shapes = batch.provide_data or self._curr_module.data_shapes
            self.switch_bucket(key, shapes, batch.provide_label)

    def prepare(self, data_batch, sparse_row_id_fn=None):
        """Bind the bucket of a batch, without leaving the current one."""
        self._require(binded=True, params_initialized=True)
        current = self._curr_bucket_key
        self._switch_to(data_batch)
        self._curr_module.prepare(data_batch, sparse_row_id_fn=sparse_row_id_fn)
        self._curr_module, self._curr_bucket_key = self._buckets[current], current

    def forward(self, data_batch, is_train=None):
        """Run a batch by the module of its bucket."""
        self._require(binded=True, params_initialized=True)
        self._switch_to(data_batch)
        self._curr_module.forward(data_batch, is_train=is_train)

    def backward(self, out_grads=None):
        """As `Module.backward`, of the current bucket."""
        self._curr_module.backward(out_grads)

    def update(self):
        """Update the parameters from the gradients of the current bucket."""
        self._require(binded=True, params_initialized=True, optimizer_initialized=True)
        self._curr_module.update()

    def get_outputs(self, merge_multi_context=True):
        """list of NDArray: outputs of the last `forward`."""
        return self._curr_module.get_outputs(merge_multi_context)

    def get_input_grads(self, merge_multi_context=True):
        """list of NDArray: gradients of the data."""
        return self._curr_module.get_input_grads(merge_multi_context)

    def get_states(self, merge_multi_context=True):
        """list of NDArray: the states of the current bucket."""
        return self._curr_module.get_states(merge_multi_context)

    def set_states(self, states=None, value=None):
        """Set the states of the current bucket."""
        self._curr_module.set_states(states, value)

    def update_metric(self, eval_metric, labels, pre_sliced=False):
        """Count the outputs of the last `forward` against labels."""
        self._curr_module.update_metric(eval_metric, labels, pre_sliced)

    def install_monitor(self, mon):
        """Let a `Monitor` see the results of all operators, in every bucket."""
        self._require(binded=True)
        self._monitor = mon
        for module in self._buckets.values():
            module.install_monitor(mon)

    def save_checkpoint(self, prefix, epoch, remove_amp_cast=True):
        """Write the symbols of all buckets, their keys and the parameters.

        Raises
        ------
        ValueError
            If a key is no whole number.
        """
        self._require(binded=True, params_initialized=True)
        wrong = [key for key in self._buckets if not hasattr(key, "__index__")]
        if wrong:
            raise ValueError(f"save_checkpoint: bucket key is {wrong[0]!r}, must be a whole number")
        nd.save(f"{prefix}.buckets", nd.array(list(self._buckets), dtype="int32"))
        for key, module in self._buckets.items():
            module.symbol.save(f"{prefix}-{key}-symbol.json", remove_amp_cast=remove_amp_cast)
        self.save_params(f"{prefix}-{epoch:04d}.params")
