"""The module of one symbol."""

import logging
import pickle

from .. import context as contexts
from .. import initializer as init
from .. import ndarray as nd
from .. import optimizer as opt
from ..executor import Executor
from ..executor_manager import _split_input_slice
from .base_module import BaseModule, as_batch, as_list, descriptions

__all__ = ["Module"]


class Module(BaseModule):
    """A symbol on one or several devices.

    A batch is cut along its first axis, one part for each device; gradients are summed.

    Parameters
    ----------
    symbol : Symbol
    data_names, label_names : list of str
        Arguments that are inputs, not parameters.
    logger : module or logging.Logger
    context : Context or list of Context
        Default cpu().
    work_load_list : list of float, optional
        Shares of the devices; default equal.
    fixed_param_names : list of str, optional
        Parameters that are not trained.
    state_names : list of str, optional
        Arguments that keep their value between batches, see `set_states`.
    group2ctxs : dict of str to Context, or list of such, optional
        Devices of the parts of the symbol named by the attribute ``ctx_group``.
    compression_params : dict, optional
        Must be None: gradients stay in this process.

    Examples
    --------
    >>> module = mx.mod.Module(symbol)
    >>> module.fit(train_iter, num_epoch=2)
    """

    def __init__(
        self,
        symbol,
        data_names=("data",),
        label_names=("softmax_label",),
        logger=logging,
        context=None,
        work_load_list=None,
        fixed_param_names=None,
        state_names=None,
        group2ctxs=None,
        compression_params=None,
    ):
        super().__init__(logger)
        if compression_params:
            raise NotImplementedError("Module: compression_params is set, must be None")
        self._symbol = symbol
        self._context = as_list(context) or [contexts.cpu()]
        self._work_load_list = work_load_list or [1.0] * len(self._context)
        if len(self._work_load_list) != len(self._context):
            raise ValueError(
                f"Module: work_load_list has {len(self._work_load_list)} values, must have "
                f"{len(self._context)}"
            )
        self._group2ctxs = (
            group2ctxs if isinstance(group2ctxs, list) else [group2ctxs] * len(self._context)
        )
        self._data_names, self._label_names = as_list(data_names), as_list(label_names)
        self._state_names = as_list(state_names)
        self._fixed_param_names = as_list(fixed_param_names)
        arguments = symbol.list_arguments()
        for what, names, must in (
            ("data_names", self._data_names, True),
            ("label_names", self._label_names, False),
            ("state_names", self._state_names, True),
            ("fixed_param_names", self._fixed_param_names, True),
        ):
            for name in names:
                if name in arguments:
                    continue
                message = f"Module: {what} has {name!r}, must be an argument: {arguments}"
                if must:
                    raise ValueError(message)
                logger.warning(message)
        self._label_names = [n for n in self._label_names if n in arguments]
        inputs = set(self._data_names + self._label_names + self._state_names)
        self._param_names = [n for n in arguments if n not in inputs]
        self._aux_names = symbol.list_auxiliary_states()
        self._execs = []
        self._optimizer = None
        self._updaters = []
        self._preload_opt_states = None
        self._data_shapes = self._label_shapes = None

    @staticmethod
    def load(prefix, epoch, load_optimizer_states=False, **kwargs):
        """A module from the files of `save_checkpoint`; `kwargs` as for the constructor.

        The optimizer's states are pickles: load only files that you trust.
        """
        from ..model import load_checkpoint

        symbol, arg_params, aux_params = load_checkpoint(prefix, epoch)
        module = Module(symbol, **kwargs)
        module._loaded = arg_params, aux_params
        module.params_initialized = True
        if load_optimizer_states:
            module._preload_opt_states = f"{prefix}-{epoch:04d}.states"
        return module

    _loaded = None

    def save_checkpoint(self, prefix, epoch, save_optimizer_states=False, remove_amp_cast=True):
        """Write ``prefix-symbol.json``, ``prefix-0001.params`` and, if asked, ``.states``."""
        self._symbol.save(f"{prefix}-symbol.json", remove_amp_cast=remove_amp_cast)
        name = f"{prefix}-{epoch:04d}.params"
        self.save_params(name)
        self.logger.info('Saved checkpoint to "%s"', name)
        if save_optimizer_states:
            self.save_optimizer_states(f"{prefix}-{epoch:04d}.states")

    # --- descriptions ---------------------------------------------------------------------------

    @property
    def data_names(self):
        """list of str: names of the data."""
        return self._data_names

    @property
    def label_names(self):
        """list of str: names of the labels."""
        return self._label_names

    @property
    def output_names(self):
        """list of str: names of the outputs."""
        return self._symbol.list_outputs()

    @property
    def data_shapes(self):
        """list of DataDesc: the data it is bound to."""
        self._require(binded=True)
        return self._data_shapes

    @property
    def label_shapes(self):
        """list of DataDesc: the labels it is bound to."""
        self._require(binded=True)
        return self._label_shapes

    @property
    def output_shapes(self):
        """list of (str, tuple): the outputs for the shapes it is bound to."""
        self._require(binded=True)
        given = {d.name: d.shape for d in self._data_shapes + self._label_shapes}
        _, shapes, _ = self._symbol.infer_shape(**given)
        return list(zip(self.output_names, shapes, strict=True))

    # --- binding --------------------------------------------------------------------------------

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
        """Make the arrays for inputs of these shapes.

        Parameters
        ----------
        data_shapes, label_shapes : list of DataDesc or of (str, tuple)
        for_training : bool
            Whether `backward` will be called.
        inputs_need_grad : bool
            Whether gradients of the data are wanted.
        force_rebind : bool
            Whether to bind again if bound before; parameters are kept.
        shared_module : Module, optional
            Whose parameters to use.
        grad_req : str, list or dict of str
            "write", "add" or "null".
        """
        if self.binded and not force_rebind:
            self.logger.warning("Already bound, ignoring bind()")
            return
        kept = self.get_params() if self.binded and self.params_initialized else self._loaded
        self._loaded = None
        if not for_training and inputs_need_grad:
            raise ValueError("bind: inputs_need_grad is True, must be False without for_training")
        self.for_training, self.inputs_need_grad = for_training, inputs_need_grad
        self._grad_req = grad_req
        self._set_shapes(data_shapes, label_shapes)
        shared = shared_module._execs if shared_module is not None else [None] * len(self._context)
        self._execs = [self._make_executor(k, shared[k]) for k in range(len(self._context))]
        self.binded = True
        if shared_module is not None:
            self.params_initialized = shared_module.params_initialized
        elif kept is not None:
            self.set_params(*kept)
        if shared_module is not None and shared_module.optimizer_initialized:
            self.borrow_optimizer(shared_module)

    def _set_shapes(self, data_shapes, label_shapes):
        self._data_shapes = descriptions(data_shapes)
        self._label_shapes = [d for d in descriptions(label_shapes) if d.name in self._label_names]
        names = [d.name for d in self._data_shapes]
        if sorted(names) != sorted(self._data_names):
            raise ValueError(f"bind: data_shapes has {names}, must have {self._data_names}")
        first = self._data_shapes[0]
        axis = first.get_batch_axis(first.layout)
        batch = first.shape[max(axis, 0)] if first.shape else 1
        self._slices = _split_input_slice(batch, self._work_load_list)

    def _part(self, shape, k):
        if len(self._context) == 1 or not shape:
            return tuple(shape)
        return (self._slices[k].stop - self._slices[k].start, *shape[1:])

    def _requests(self):
        """grad_req of each argument."""
        names = self._symbol.list_arguments()
        if not self.for_training:
            return dict.fromkeys(names, "null")
        req = self._grad_req
        if isinstance(req, (list, tuple)):
            req = dict(zip(names, req, strict=True))
        requests = {}
        for name in names:
            own = req.get(name, "null") if isinstance(req, dict) else req
            fixed = name in self._fixed_param_names or name in self._label_names
            fixed = fixed or name in self._state_names
            fixed = fixed or (name in self._data_names and not self.inputs_need_grad)
            requests[name] = "null" if fixed else own
        return requests

    def _make_executor(self, k, shared):
        ctx = self._context[k]
        described = self._data_shapes + self._label_shapes
        given = {d.name: self._part(d.shape, k) for d in described}
        types = {d.name: d.dtype for d in described}
        return Executor.simple_bind(
            self._symbol,
            ctx,
            self._requests(),
            types,
            given,
            group2ctx=self._group2ctxs[k],
            shared=None if shared is None else (shared, set(self._param_names)),
        )

    def reshape(self, data_shapes, label_shapes=None):
        """Bind to other shapes of the inputs; parameters stay."""
        self._require(binded=True)
        self._set_shapes(data_shapes, label_shapes)
        self._execs = [
            e.reshape(
                allow_up_sizing=True,
                partial_shaping=True,
                **{d.name: self._part(d.shape, k) for d in self._data_shapes + self._label_shapes},
            )
            for k, e in enumerate(self._execs)
        ]

    # --- parameters -----------------------------------------------------------------------------

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
            Whether the dicts may have further names.

        Raises
        ------
        RuntimeError
            If a parameter is missing and `allow_missing` is False.
        ValueError
            If a name is unknown and `allow_extra` is False.
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
            extra = [] if given is None or allow_extra else sorted(set(given) - set(arrays))
            inputs = {*self._data_names, *self._label_names, *self._state_names}
            extra = [n for n in extra if n not in inputs]
            if extra:
                raise ValueError(
                    f"init_params: no parameter {extra}; set allow_extra to ignore them"
                )
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
            other.copy_params_from(first.arg_dict, first.aux_dict, allow_extra_params=True)
        self.params_initialized = True

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

    # --- optimizer ------------------------------------------------------------------------------

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
        kvstore : str or None
            Gradients are summed in this process, whatever is named.
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
        if isinstance(optimizer, str):
            arguments = dict(optimizer_params)
            arguments.setdefault("rescale_grad", 1.0 / self._batch_size())
            arguments.setdefault("param_idx2name", dict(enumerate(self._param_names)))
            optimizer = opt.create(optimizer, **arguments)
            optimizer.set_lr_mult(self._multipliers("__lr_mult__"))
            optimizer.set_wd_mult(self._multipliers("__wd_mult__"))
        elif not optimizer.idx2name:
            optimizer.idx2name = dict(enumerate(self._param_names))
        self._optimizer = optimizer
        self._updaters = [opt.get_updater(optimizer) for _ in self._execs]
        self.optimizer_initialized = True
        if self._preload_opt_states is not None:
            self.load_optimizer_states(self._preload_opt_states)
            self._preload_opt_states = None

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
        self.optimizer_initialized = True

    def update(self):
        """Update the parameters from the gradients of the last `backward`."""
        self._require(binded=True, params_initialized=True, optimizer_initialized=True)
        trained = [
            (i, n)
            for i, n in enumerate(self._param_names)
            if self._execs[0].grad_dict.get(n) is not None
        ]
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
        with open(fname, "wb") as file:
            file.write(self._updaters[0].get_states())

    def load_optimizer_states(self, fname):
        """Read what `save_optimizer_states` wrote; read only files that you trust (pickles)."""
        self._require(optimizer_initialized=True)
        with open(fname, "rb") as file:
            states = file.read()
        pickle.loads(states)  # a damaged file changes nothing
        for updater in self._updaters:
            updater.set_states(states)

    # --- running --------------------------------------------------------------------------------

    def forward(self, data_batch, is_train=None):
        """Run a batch; batches of other shapes than those it is bound to are taken as they are.

        Parameters
        ----------
        data_batch : DataBatch or list of DataBatch
            A list holds one batch for each device.
        is_train : bool, optional
            Default `for_training`.
        """
        self._require(binded=True, params_initialized=True)
        is_train = self.for_training if is_train is None else is_train
        batches = [as_batch(b) for b in data_batch] if isinstance(data_batch, list) else None
        if batches is None:
            data_batch = as_batch(data_batch)
            self._follow_shapes(data_batch)
        for k, executor in enumerate(self._execs):
            batch = batches[k] if batches else data_batch
            arrays = {}
            for names, values in (
                (self._data_names_of(batch), batch.data),
                ([d.name for d in self._label_shapes] or self._label_names, batch.label or []),
            ):
                for name, value in zip(names, values, strict=False):
                    part = value if batches or len(self._execs) == 1 else value[self._slices[k]]
                    arrays[name] = part
            self._fill_labels(executor, arrays)
            executor.set_inputs(arrays)
            executor.forward(is_train=is_train)

    def _fill_labels(self, executor, arrays):
        """Labels that a batch does not bring, of its size: outputs do not depend on them.

        With ``label_names=None`` those of the output layers stand among the parameters.
        """
        size = next(iter(arrays.values())).shape[:1]
        for name in (*self._label_names, *(n for n in self._param_names if n.endswith("label"))):
            own = executor.arg_dict[name]
            if name not in arrays and own.shape[:1] != size:
                arrays[name] = nd.zeros((*size, *own.shape[1:]), own.context, own.dtype)

    def _data_names_of(self, batch):
        described = batch.provide_data or self._data_shapes
        return [d.name if hasattr(d, "name") else d[0] for d in described]

    def _follow_shapes(self, batch):
        """Cut batches of another size in other parts."""
        now = [tuple(a.shape) for a in batch.data]
        if now == [d.shape for d in self._data_shapes]:
            return
        described = batch.provide_data or [
            type(d)(d.name, s, d.dtype, d.layout)
            for d, s in zip(self._data_shapes, now, strict=True)
        ]
        labels = batch.provide_label
        if labels is None and batch.label:
            labels = [
                type(d)(d.name, a.shape, d.dtype, d.layout)
                for d, a in zip(self._label_shapes, batch.label, strict=False)
            ]
        self._set_shapes(described, labels if labels is not None else self._label_shapes)

    def backward(self, out_grads=None):
        """Gradients of the parameters; `out_grads` are those of outputs that are no losses."""
        self._require(binded=True, params_initialized=True)
        if not self.for_training:
            raise RuntimeError("Module: backward needs bind(for_training=True)")
        for k, executor in enumerate(self._execs):
            grads = None
            if out_grads is not None:
                grads = as_list(out_grads)
                if len(self._execs) > 1:
                    grads = [g[self._slices[k]] for g in grads]
            executor.backward(grads)

    def _merged(self, parts, merge):
        """Lists of one array for each device, joined if asked for."""
        if not merge:
            return parts
        return [p[0] if len(p) == 1 else nd.concat(*p, dim=0) for p in parts]

    def get_outputs(self, merge_multi_context=True):
        """list of NDArray: outputs of the last `forward`; unmerged, a list for each output."""
        self._require(binded=True, params_initialized=True)
        return self._merged(
            list(zip(*(e.outputs for e in self._execs), strict=True)), merge_multi_context
        )

    def get_input_grads(self, merge_multi_context=True):
        """list of NDArray: gradients of the data."""
        self._require(binded=True, params_initialized=True)
        if not self.inputs_need_grad:
            raise RuntimeError("Module: get_input_grads needs bind(inputs_need_grad=True)")
        parts = [[e.grad_dict[n] for e in self._execs] for n in self._data_names]
        return self._merged(parts, merge_multi_context)

    def get_states(self, merge_multi_context=True):
        """list of NDArray: the states."""
        self._require(binded=True, params_initialized=True)
        parts = [[e.arg_dict[n] for e in self._execs] for n in self._state_names]
        return self._merged(parts, merge_multi_context)

    def set_states(self, states=None, value=None):
        """Set the states from arrays (as unmerged `get_states` gives them) or to one number."""
        if (states is None) == (value is None):
            raise ValueError("set_states: give either states or value")
        for i, name in enumerate(self._state_names):
            for k, executor in enumerate(self._execs):
                array = executor.arg_dict[name]
                array[:] = value if states is None else states[i][k]

    def update_metric(self, eval_metric, labels, pre_sliced=False):
        """Count the outputs of the last `forward` against labels."""
        names = [d.name for d in self._label_shapes]
        for k, executor in enumerate(self._execs):
            if pre_sliced:
                part = labels[k]
            elif len(self._execs) == 1:
                part = labels
            else:
                part = [label[self._slices[k]] for label in labels]
            eval_metric.update_dict(
                dict(zip(names, part or [], strict=False)),
                dict(zip(self.output_names, executor.outputs, strict=True)),
            )

    def install_monitor(self, mon):
        """Let a `Monitor` see the results of all operators."""
        self._require(binded=True)
        for executor in self._execs:
            mon.install(executor)
