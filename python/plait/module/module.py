"""The module of one symbol."""

import logging

from .. import context as contexts
from ..executor import Executor
from ..executor_manager import _split_input_slice
from .base_module import as_list, descriptions
from .executor_group import ExecutorGroup
from .parameters import WithParameters
from .running import Running

__all__ = ["Module"]


class Module(WithParameters, Running):
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
        self._store = None
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

    # --- names of MXNet that programs use ---------------------------------------------------------

    @property
    def _exec_group(self):
        return ExecutorGroup(self)

    @property
    def _arg_params(self):
        """dict of str to NDArray: copies of the parameters; None before there are any."""
        return self.get_params()[0] if self.params_initialized else None

    @property
    def _aux_params(self):
        """dict of str to NDArray: copies of the auxiliary states; None before there are any."""
        return self.get_params()[1] if self.params_initialized else None

    @property
    def _updater(self):
        """Updater: that of the first device; None where the store updates."""
        return None if self._update_on_kvstore or not self._updaters else self._updaters[0]

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
