"""Parameters of blocks: arrays that are initialised, trained, saved and shared."""

import threading
import warnings

import numpy as np

from .. import autograd, initializer, ndarray, symbol
from ..base import MXNetError, dtype_name
from ..context import Context, cpu, current_context
from ..util import is_np_array

__all__ = ["DeferredInitializationError", "Parameter", "Constant"]


tensor_types = (symbol.Symbol, ndarray.NDArray)


class DeferredInitializationError(MXNetError):
    """The shape of a parameter is not known yet; a first forward pass tells it."""


class _Version:
    """Counts the times that any parameter got new arrays; blocks cache arrays until it moves."""

    value = 0


version = _Version()


class Tracing(threading.local):
    """Whether this thread traces a block: then `Parameter.data` gives symbols."""

    active = False


tracing = Tracing()


class _Copies(list):
    """The arrays of a parameter, one on each device. Blocks see what a program puts in their place.

    Programs of MXNet replace them to run a network with other weights, such as sampled ones.
    """

    def __setitem__(self, place, array):
        super().__setitem__(place, array)
        version.value += 1


def _as_contexts(ctx):
    if ctx is None:
        return [current_context()]
    return [ctx] if isinstance(ctx, Context) else list(ctx)


def _places(contexts):
    """Positions of devices, as MXNet keeps them: by the parity of their kind, then by number."""
    places = [[], []]
    for i, ctx in enumerate(contexts):
        row = places[ctx.device_typeid & 1]
        row.extend([None] * (ctx.device_id + 1 - len(row)))
        row[ctx.device_id] = i
    return places


def _in_world(array):
    """`array` as `mx.np.ndarray` while `npx.set_np()` holds; sparse arrays have no such form."""
    dense = type(array) is ndarray.NDArray
    return array.as_np_ndarray() if dense and is_np_array() else array


def shape_known(shape):
    """Whether all dimensions are known; 0 and -1 stand for unknown."""
    return shape is not None and all(size > 0 for size in shape)


class Parameter:
    """Array of a block, with one copy on each device, and its gradient.

    Parameters
    ----------
    name : str
        Full name, such as ``dense0_weight``.
    grad_req : {'write', 'add', 'null'}
        Whether backward replaces the gradient, adds to it, or computes none.
    shape : int or tuple of int, optional
        0 or -1 stands for a dimension that the first forward pass tells.
    dtype : str or numpy.dtype
    lr_mult, wd_mult : float
        Factors on the learning rate and the weight decay of the optimizer.
    init : Initializer or str, optional
        Used in place of that of the whole model.
    allow_deferred_init : bool
        Whether `initialize` may wait for the shape.
    differentiable : bool
        False: there is never a gradient.
    stype : {'default', 'row_sparse'}
        Kept for MXNet's programs: the data are dense, `row_sparse_data` gives them.
    grad_stype : {'default', 'row_sparse'}
        With 'row_sparse' the gradient holds only the rows to which something flows.
    """

    parts_over = None  # the Communicator whose ranks hold parts: see `gluon.parallel`
    _computes_data = False

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        # A `data` of its own, as of weights that are dropped at random, is asked in each call.
        cls._computes_data = cls.data is not Parameter.data

    def __init__(
        self,
        name="weight",
        grad_req="write",
        shape=None,
        dtype=np.float32,
        lr_mult=1.0,
        wd_mult=1.0,
        init=None,
        allow_deferred_init=False,
        differentiable=True,
        stype="default",
        grad_stype="default",
    ):
        for key, value in (("stype", stype), ("grad_stype", grad_stype)):
            if value not in ("default", "row_sparse"):
                raise ValueError(
                    f"parameter {name}: {key} is {value!r}, must be 'default' or 'row_sparse'"
                )
        self._stype, self._grad_stype = stype, grad_stype
        self.name = name
        self._shape = (shape,) if isinstance(shape, int) else shape and tuple(shape)
        if shape == ():
            self._shape = ()
        self._dtype = dtype
        self._differentiable = differentiable
        self._allow_deferred_init = allow_deferred_init
        self._grad_req = None
        self._var = None
        self._copies = self._grad = self._ctx_list = self._ctx_map = None
        self._new_grads = ()  # versions of the gradients when they were made; (): not known
        self._deferred_init = ()
        self._structure = None
        self._trainer = None  # a weak reference to the trainer that shares it with other ranks
        self.lr_mult = lr_mult
        self.wd_mult = wd_mult
        self.init = init
        self.grad_req = grad_req

    def __repr__(self):
        return f"{type(self).__name__} {self.name} (shape={self.shape}, dtype={self.dtype})"

    def __getstate__(self):
        """Values and description, for `pickle` and `copy.deepcopy`: no gradients, no trainer."""
        return {**self.__dict__, "_grad": None, "_new_grads": (), "_var": None, "_trainer": None}

    def __setstate__(self, state):
        self.__dict__.update(state)
        if self._copies is not None:
            self._init_grad()

    # --- description ----------------------------------------------------------------------------

    @property
    def grad_req(self):
        """'write', 'add' or 'null'; may be set at any time."""
        return self._grad_req

    @grad_req.setter
    def grad_req(self, req):
        if req not in ("write", "add", "null"):
            raise ValueError(
                f"parameter {self.name}: grad_req is {req!r}, must be 'write', 'add' or 'null'"
            )
        if not self._differentiable:
            req = "null"
        if req == self._grad_req:
            return
        self._grad_req = req
        if self._data is not None:
            self._init_grad()
            version.value += 1

    @property
    def dtype(self):
        """Type of the elements; setting it casts."""
        return self._dtype

    @dtype.setter
    def dtype(self, dtype):
        self.cast(dtype)

    @property
    def shape(self):
        """Shape, with 0 or -1 where unknown; None if nothing is known. Unknown parts can be set."""
        return self._shape

    @shape.setter
    def shape(self, shape):
        shape = tuple(shape)
        known = self._shape
        if known is not None:
            fits = len(known) == len(shape) and all(
                a <= 0 or b <= 0 or a == b for a, b in zip(known, shape, strict=True)
            )
            if not fits:
                raise ValueError(f"parameter {self.name}: shape is {shape}, must match {known}")
            shape = tuple(b if a <= 0 else a for a, b in zip(known, shape, strict=True))
        self._shape = shape
        if shape != known:
            self._var = None

    @property
    def stype(self):
        """Storage that was asked for: 'default' or 'row_sparse'."""
        return self._stype

    @property
    def grad_stype(self):
        """Storage of the gradient: 'default' or 'row_sparse'."""
        return self._grad_stype

    def var(self):
        """The symbol of this parameter, always the same."""
        if self._var is None:
            self._var = symbol.var(
                self.name,
                shape=self._shape,
                dtype=self._dtype,
                lr_mult=self.lr_mult,
                wd_mult=self.wd_mult,
                init=self._symbol_init(),
            )
        return self._var

    def _symbol_init(self):
        init = self.init
        return init.dumps() if hasattr(init, "dumps") else init

    # --- arrays ---------------------------------------------------------------------------------

    @property
    def _data(self):
        """list of NDArray, one on each device; None before they are made."""
        return self._copies

    @_data.setter
    def _data(self, arrays):
        self._copies = arrays if arrays is None or isinstance(arrays, _Copies) else _Copies(arrays)
        version.value += 1

    def _is_placed(self):
        """Whether the devices are known: it has values or waits for its shape."""
        return self._data is not None or bool(self._deferred_init)

    def initialize(self, init=None, ctx=None, default_init=None, force_reinit=False):
        """Allocate and fill the data and its gradient.

        Parameters
        ----------
        init : Initializer or str, optional
            Overrides the parameter's own `init` and `default_init`.
        ctx : Context or list of Context, optional
            Devices; one copy on each. Default: the current context.
        default_init : Initializer or str, optional
            Used if there is no other; default Uniform().
        force_reinit : bool
            Whether to start again if already initialised; else a warning is given.

        Raises
        ------
        ValueError
            If the shape is not known and may not be deferred.
        """
        if self._data is not None and not force_reinit:
            warnings.warn(
                f"Parameter '{self.name}' is already initialized, ignoring. "
                "Set force_reinit=True to re-initialize.",
                stacklevel=2,
            )
            return
        self._data = self._grad = None
        default_init = initializer.Uniform() if default_init is None else default_init
        if init is None:
            init = default_init if self.init is None else self.init
        pending = (init, _as_contexts(ctx), default_init, None)
        if not shape_known(self._shape) and not self._allow_deferred_init:
            raise ValueError(
                f"parameter {self.name}: shape is {self._shape}, must be known "
                "without allow_deferred_init"
            )
        self._deferred_init = pending
        if shape_known(self._shape):
            self._finish_deferred_init()

    def _finish_deferred_init(self):
        if not self._deferred_init:
            return
        if not shape_known(self._shape):
            raise ValueError(
                f"parameter {self.name}: shape is {self._shape}, must be known "
                "to initialize\n  hint: give in_units, in_channels and the like"
            )
        init, contexts, default_init, data = self._deferred_init
        with autograd.pause():
            if data is None:
                data = self._first_values(self._shape, init, contexts[0], default_init)
            self._init_impl(data, contexts)
            if self._trainer is not None and (trainer := self._trainer()) is not None:
                trainer._share(self)
        self._deferred_init = ()

    def _first_values(self, shape, init, ctx, default_init):
        data = _in_world(ndarray.zeros(shape, ctx=ctx, dtype=self._dtype))
        initializer.create(default_init)(initializer.InitDesc(self.name, {"__init__": init}), data)
        return data

    def _init_impl(self, data, contexts):
        self._ctx_list = list(contexts)
        self._ctx_map = _places(self._ctx_list)
        self._data = [_in_world(data.copyto(ctx)) for ctx in contexts]
        self._init_grad()
        version.value += 1

    def _init_grad(self):
        if self._grad_req == "null":
            self._grad = None
            self._data = [array.detach() for array in self._data]
            return
        if self._grad is None:
            self._grad = [
                ndarray.zeros(array.shape, dtype=array.dtype, stype=self._grad_stype)
                if self._grad_stype != "default"
                else _in_world(ndarray.zeros_like(array))
                for array in self._data
            ]
            self._new_grads = [None if g._is_sparse else g.version for g in self._grad]
        autograd.mark_variables(self._data, self._grad, self._grad_req)

    def _check_and_get(self, arrays, ctx):
        """The one of `arrays` that is on `ctx`; all of them for the type `list`."""
        if arrays is not None:
            if ctx is list:
                return arrays
            if ctx is None:
                if len(arrays) == 1:
                    return arrays[0]
                ctx = current_context()
            for array, place in zip(arrays, self._ctx_list, strict=True):
                if place.has_memory_of(ctx):
                    return array
            raise RuntimeError(
                f"parameter {self.name}: ctx is {ctx}, must be one of {self._ctx_list}"
            )
        if self._deferred_init:
            raise DeferredInitializationError(
                f"parameter {self.name}: shape is {self._shape}, not known before a first "
                "forward pass\n  hint: run the network once, or give in_units, in_channels"
            )
        raise RuntimeError(
            f"parameter {self.name}: not initialized\n"
            "  hint: call initialize() on the outermost block"
        )

    def data(self, ctx=None):
        """The array on device `ctx`; by default the only one, or that on the current context.

        Raises
        ------
        RuntimeError
            If not initialised, or not on `ctx`.
        DeferredInitializationError
            If the shape is not known yet.

        Notes
        -----
        While a block is traced for `hybridize`, this is the symbol of the parameter.
        """
        if tracing.active:
            return self.var()
        return self._check_and_get(self._data, ctx)

    def row_sparse_data(self, row_id):
        """The array on the device of `row_id`, the numbers of rows that will be read."""
        return self.data(getattr(row_id, "context", None))

    def list_row_sparse_data(self, row_id):
        """list of NDArray: the copies on all devices."""
        return self.list_data()

    def list_data(self):
        """list of NDArray: the copies on all devices."""
        return list(self._check_and_get(self._data, list))

    def grad(self, ctx=None):
        """The gradient on device `ctx`; shape and dtype of the data."""
        self._check_has_grad()
        return self._check_and_get(self._grad, ctx)

    def list_grad(self):
        """list of NDArray: the gradients on all devices."""
        self._check_has_grad()
        return list(self._check_and_get(self._grad, list))

    def _check_has_grad(self):
        if self._data is not None and self._grad is None:
            raise RuntimeError(
                f"parameter {self.name}: grad_req is 'null', "
                "must be 'write' or 'add' to have a gradient"
            )

    def list_ctx(self):
        """list of Context: devices that hold a copy."""
        if self._data is None:
            if self._deferred_init:
                return self._deferred_init[1]
            raise RuntimeError(f"parameter {self.name}: not initialized")
        return self._ctx_list

    list_device = list_ctx

    def zero_grad(self):
        """Set the gradient to 0 on all devices."""
        for grad in self._grad or ():
            grad[:] = 0

    def set_data(self, data):
        """Copy `data` (array of the same shape) to all devices."""
        self.shape = data.shape
        if self._data is None:
            if not self._deferred_init:
                raise RuntimeError(f"parameter {self.name}: not initialized")
            self._deferred_init = self._deferred_init[:3] + (self._cast_array(data),)
            if self._trainer is not None or shape_known(self._shape):
                self._finish_deferred_init()
            return
        with autograd.pause():
            for array in self._data:
                array[:] = data
        if self._trainer is not None and (trainer := self._trainer()) is not None:
            trainer._took(self)

    def _cast_array(self, data):
        if not hasattr(data, "as_in_context"):
            data = ndarray.array(data, dtype=self._dtype)
        return data if data.dtype_name == dtype_name(self._dtype) else data.astype(self._dtype)

    def reset_ctx(self, ctx):
        """Move to other devices (a Context or a list); values are those of the first copy."""
        contexts = _as_contexts(ctx)
        if self._data is not None:
            with autograd.pause():
                data, self._grad = self._reduce(), None
                self._init_impl(data, contexts)
        elif self._deferred_init:
            init, _, default_init, data = self._deferred_init
            self._deferred_init = (init, contexts, default_init, data)
        else:
            raise ValueError(f"parameter {self.name}: not initialized")

    reset_device = reset_ctx

    def _reduce(self):
        """Mean of the copies, on the CPU: what is saved."""
        data = self.list_data()
        if len(data) == 1:
            return data[0].copyto(cpu())
        with autograd.pause():
            total = data[0].copyto(cpu())
            for array in data[1:]:
                total = total + array.as_in_context(cpu())
            return total / len(data)

    def cast(self, dtype):
        """Change the type of data and gradient; values are converted."""
        if dtype_name(dtype) == dtype_name(self._dtype) and self._data is None:
            self._dtype = dtype
            return
        self._dtype = dtype
        self._var = None
        if self._data is None:
            if self._deferred_init and self._deferred_init[3] is not None:
                data = self._deferred_init[3].astype(dtype)
                self._deferred_init = self._deferred_init[:3] + (data,)
            return
        with autograd.pause():
            self._data = [array.astype(dtype) for array in self._data]
            if self._grad is not None:
                self._grad = [array.astype(dtype) for array in self._grad]
                self._new_grads = ()
            self._init_grad()
        version.value += 1

    def _load_init(self, data, ctx, cast_dtype=False, dtype_source="current"):
        """Take the value from a file; `data` is an array of the parameter's shape."""
        if dtype_source not in ("current", "saved"):
            raise ValueError(
                f"parameter {self.name}: dtype_source is {dtype_source!r}, "
                "must be 'current' or 'saved'"
            )
        self.shape = data.shape
        if dtype_name(self._dtype) != data.dtype_name:
            if not cast_dtype:
                raise TypeError(
                    f"parameter {self.name}: dtype is {data.dtype_name} in "
                    f"the file, must be {dtype_name(self._dtype)}\n"
                    "  hint: set cast_dtype=True"
                )
            if dtype_source == "current":
                data = data.astype(self._dtype)
            else:
                self.cast(data.dtype)
        if self._data is None or ctx is not None and _as_contexts(ctx) != self._ctx_list:
            pending = self._deferred_init[1] if self._deferred_init else self._ctx_list
            contexts = _as_contexts(ctx) if ctx is not None else pending or [cpu()]
            self._grad = None
            with autograd.pause():
                self._init_impl(data, contexts)
            self._deferred_init = ()
        else:
            self.set_data(data)


class Constant(Parameter):
    """Parameter of fixed value: no gradient, never updated, but saved and moved with the others.

    Parameters
    ----------
    name : str
    value : array-like
        Its shape and dtype are taken over.
    """

    def __init__(self, name, value=None):
        if value is None:
            name, value = "const", name
        if not hasattr(value, "asnumpy"):
            value = ndarray.array(value)
        self.value = value
        super().__init__(
            name,
            grad_req="null",
            shape=value.shape,
            dtype=value.dtype,
            init=initializer.Constant(value),
        )

    def __repr__(self):
        return f"Constant {self.name} (shape={self.shape}, dtype={self.dtype})"

    @property
    def grad_req(self):
        """Always 'null'."""
        return self._grad_req

    @grad_req.setter
    def grad_req(self, req):
        if req != "null":
            warnings.warn(
                f"Constant parameter '{self.name}' does not support grad_req other than "
                f"'null', and new value '{req}' is ignored.",
                stacklevel=2,
            )
        self._grad_req = "null"


def __getattr__(name):
    """What builds on this module and what programs import from here."""
    if name == "ParameterDict":
        from .parameter_dict import ParameterDict

        return ParameterDict
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
