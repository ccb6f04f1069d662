"""Modules one behind the other."""

import logging

from ..io import DataBatch
from .base_module import BaseModule, as_batch, descriptions

__all__ = ["SequentialModule"]


class SequentialModule(BaseModule):
    """Outputs of each module are the data of the next.

    Parameters
    ----------
    logger : module or logging.Logger

    Examples
    --------
    >>> chain = mx.mod.SequentialModule()
    >>> chain.add(first).add(second, take_labels=True, auto_wiring=True)
    """

    META_TAKE_LABELS = "take_labels"
    META_AUTO_WIRING = "auto_wiring"

    def __init__(self, logger=logging):
        super().__init__(logger)
        self._modules, self._metas = [], []
        self._label_shapes = None

    def add(self, module, **kwargs):
        """Append a module.

        Parameters
        ----------
        module : BaseModule
        take_labels : bool
            Whether it gets the labels of the batch.
        auto_wiring : bool
            Whether its data take the names of the outputs before it.

        Returns
        -------
        SequentialModule
            This one.
        """
        known = {self.META_TAKE_LABELS, self.META_AUTO_WIRING}
        if set(kwargs) - known:
            raise ValueError(
                f"add: got {sorted(set(kwargs) - known)}, must be among {sorted(known)}"
            )
        self._modules.append(module)
        self._metas.append(kwargs)
        self.binded = self.params_initialized = self.optimizer_initialized = False
        return self

    @property
    def data_names(self):
        """list of str: names of the data of the first module."""
        return self._modules[0].data_names if self._modules else []

    @property
    def output_names(self):
        """list of str: names of the outputs of the last module."""
        return self._modules[-1].output_names if self._modules else []

    @property
    def data_shapes(self):
        """list of DataDesc: the data of the first module."""
        self._require(binded=True)
        return self._modules[0].data_shapes

    @property
    def label_shapes(self):
        """list of DataDesc: the labels."""
        self._require(binded=True)
        return self._label_shapes

    @property
    def output_shapes(self):
        """list of (str, tuple): the outputs of the last module."""
        self._require(binded=True)
        return self._modules[-1].output_shapes

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
        """Bind all modules, each to the outputs of the one before."""
        if self.binded and not force_rebind:
            self.logger.warning("Already bound, ignoring bind()")
            return
        if shared_module is not None:
            raise ValueError("SequentialModule: shared_module must be None")
        if not self._modules:
            raise RuntimeError("SequentialModule: has no modules, add some first")
        self.for_training, self.inputs_need_grad = for_training, inputs_need_grad
        shapes, takes_labels = descriptions(data_shapes), False
        for i, (module, meta) in enumerate(zip(self._modules, self._metas, strict=True)):
            labels = label_shapes if meta.get(self.META_TAKE_LABELS) else None
            takes_labels = takes_labels or labels is not None
            if meta.get(self.META_AUTO_WIRING):
                names = module.data_names
                if len(names) != len(shapes):
                    raise ValueError(
                        f"bind: module {i} has {len(names)} data, must have {len(shapes)}"
                    )
                shapes = descriptions((n, d[1]) for n, d in zip(names, shapes, strict=True))
            module.bind(
                shapes,
                labels,
                for_training=for_training,
                inputs_need_grad=inputs_need_grad or (for_training and i > 0),
                force_rebind=force_rebind,
                grad_req=grad_req,
            )
            shapes = descriptions(module.output_shapes)
        self._label_shapes = label_shapes if takes_labels else None
        self.binded = True

    def init_params(
        self,
        initializer="uniform",
        arg_params=None,
        aux_params=None,
        allow_missing=False,
        force_init=False,
        allow_extra=False,
    ):
        """As `Module.init_params`, each module taking its own names.

        Raises
        ------
        ValueError
            If two modules have a parameter of the same name.
        """
        if self.params_initialized and not force_init:
            return
        self._require(binded=True)
        for module in self._modules:
            module.init_params(
                initializer, arg_params, aux_params, allow_missing, force_init, allow_extra=True
            )
        seen = {}
        for i, module in enumerate(self._modules):
            for params in module.get_params():
                for name in params:
                    if name in seen:
                        raise ValueError(
                            f"init_params: {name} is in the modules {seen[name]} and {i}, "
                            "must be in one"
                        )
                    seen[name] = i
        extra = [n for n in {**(arg_params or {}), **(aux_params or {})} if n not in seen]
        if extra and not allow_extra:
            raise ValueError(f"init_params: no parameter {extra}; set allow_extra to ignore them")
        self.params_initialized = True

    def get_params(self):
        """(arg_params, aux_params): dicts of copies, of all modules."""
        self._require(binded=True, params_initialized=True)
        args, aux = {}, {}
        for module in self._modules:
            own_args, own_aux = module.get_params()
            args.update(own_args)
            aux.update(own_aux)
        return args, aux

    def init_optimizer(
        self,
        kvstore="local",
        optimizer="sgd",
        optimizer_params=(("learning_rate", 0.01),),
        force_init=False,
    ):
        """As `Module.init_optimizer`, for all modules."""
        self._require(binded=True, params_initialized=True)
        if self.optimizer_initialized and not force_init:
            self.logger.warning("optimizer already initialized, ignoring init_optimizer()")
            return
        for module in self._modules:
            module.init_optimizer(kvstore, optimizer, optimizer_params, force_init)
        self.optimizer_initialized = True

    def forward(self, data_batch, is_train=None):
        """Run a batch through all modules."""
        self._require(binded=True, params_initialized=True)
        data_batch = as_batch(data_batch)
        data = data_batch.data
        for i, module in enumerate(self._modules):
            described = data_batch.provide_data if i == 0 else None
            batch = DataBatch(data, data_batch.label, data_batch.pad, provide_data=described)
            module.forward(batch, is_train=is_train)
            data = module.get_outputs()

    def backward(self, out_grads=None):
        """Gradients of all modules, from the last to the first."""
        self._require(binded=True, params_initialized=True)
        for i in range(len(self._modules) - 1, -1, -1):
            self._modules[i].backward(out_grads)
            if i:
                out_grads = self._modules[i].get_input_grads()

    def update(self):
        """Update the parameters of all modules."""
        self._require(binded=True, params_initialized=True, optimizer_initialized=True)
        for module in self._modules:
            module.update()

    def get_outputs(self, merge_multi_context=True):
        """list of NDArray: outputs of the last module."""
        self._require(binded=True, params_initialized=True)
        return self._modules[-1].get_outputs(merge_multi_context)

    def get_input_grads(self, merge_multi_context=True):
        """list of NDArray: gradients of the data of the first module."""
        self._require(binded=True, params_initialized=True)
        return self._modules[0].get_input_grads(merge_multi_context)

    def update_metric(self, eval_metric, labels, pre_sliced=False):
        """Count the outputs of the modules that take labels."""
        for module, meta in zip(self._modules, self._metas, strict=True):
            if meta.get(self.META_TAKE_LABELS):
                module.update_metric(eval_metric, labels, pre_sliced)

    def install_monitor(self, mon):
        """Let a `Monitor` see the results of all operators."""
        self._require(binded=True)
        for module in self._modules:
            module.install_monitor(mon)
