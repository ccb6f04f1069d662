"""Blocks that also run as a compiled graph."""

import warnings

from .. import _symbol, autograd, ndarray, symbol
from ..context import current_context
from ..nests import flatten, rebuild
from ..symbol import Symbol
from .block import Block
from .parameter import DeferredInitializationError, shape_known, tracing, version
from .side_effects import ContainersWatch
from .written import trace_arrays, trace_symbols, user_line

__all__ = ["HybridBlock"]


_BACKENDS = (None, "default", "MKLDNN", "ONEDNN")
_tracing = autograd._tracing
# What `_compile` makes: blocks written down from arrays have it for each signature.
_COMPILED = (
    "_graph", "_bound", "_slots", "_sources", "_constants", "_captured", "_structure", "_traced",
    "_template", "_template_version", "_shared_ctx",
)  # fmt: skip


_FORWARDS = ("forward", "hybrid_forward")
_NOWHERE = object()  # in place of the device whose arrays a graph keeps: every call asks for them


def _is_of_user(method):
    return not method.__module__.startswith(__package__)


class UnknownShapesError(ValueError):
    """Shapes of parameters do not follow from those of the inputs."""


class HybridBlock(Block):
    """Block that also runs as one compiled graph, once `hybridize` was called.

    A subclass defines one of two methods.

    ``hybrid_forward(F, x, *args, **params)`` computes with the operators of `F`, which is `mx.nd`
    or, to make the graph, `mx.sym`; `params` are the block's own parameters by attribute name.

    ``forward(x, *args)`` computes with arrays. To make the graph it runs once more, and the
    operators it applies are written down. What it does besides happens only then: it must not
    read values of arrays that it computed (``if x.sum() > 0``), which is an error that names the
    line, nor change arrays in place; setting attributes gives a warning.

    With both, `forward` runs each time and calls ``super().forward``, which is compiled.
    """

    def __init__(self, prefix=None, params=None):
        super().__init__(prefix, params)
        self._active = False
        self._flags = {}
        self._op_hook = None
        self._forget()

    def __setattr__(self, name, value):
        compiles = tracing.active or getattr(_tracing, "on", False)
        if compiles and not name.startswith("_"):
            warnings.warn(
                f"{type(self).__name__}.{name} is set while the block is compiled; compiled calls "
                f"do not set it\n  at {user_line()}",
                stacklevel=2,
            )
        super().__setattr__(name, value)
        if isinstance(value, Block) or hasattr(value, "grad_req"):
            self._forget()

    def register_child(self, block, name=None):
        if not isinstance(block, HybridBlock):
            raise ValueError(
                f"{self._name}: child is {type(block).__name__}, must be a "
                "HybridBlock in a HybridBlock"
            )
        super().register_child(block, name)
        self._forget()

    def _forget(self):
        self._graph = self._bound = self._key = self._own = self._eager = None
        self._variants = {}
        self._eager_version = -1

    def __getstate__(self):
        """For `pickle` and `copy.deepcopy`: without what is compiled, which the copy does anew."""
        left_out = {*_COMPILED, "_key", "_variants", "_eager"}
        return {name: value for name, value in self.__dict__.items() if name not in left_out}

    def __setstate__(self, state):
        self.__dict__.update(state)
        self._forget()

    _clear_cached_op = _forget  # MXNet's name, which model libraries call after changing children

    @property
    def _cached_graph(self):
        """(list of Symbol, Symbol): inputs and outputs, once compiled; () before. MXNet's name."""
        return self._traced if self._graph is not None else ()

    def hybridize(self, active=True, **flags):
        """Compile from the next call on.

        Parameters
        ----------
        active : bool
            False: run eagerly again.
        **flags
            ``recompute`` trades time of training for memory: True, or the memory target of
            `mx.graph.memory_target`. ``static_alloc`` and the like are accepted: memory is always
            planned.
        """
        self._active = active
        self._flags = flags
        self._forget()
        super().hybridize(active, **flags)

    def register_op_hook(self, callback, monitor_all=False):
        """Call ``callback(array name, operator, array)`` for every operator of compiled calls.

        Holds for this block and those below, whichever is called compiled; nothing is called
        where operators run eagerly. All results are computed and kept meanwhile.

        Parameters
        ----------
        callback : function or None
            Gets the name of an output, such as ``dense0_fwd_output``, that of the operator, such
            as ``FullyConnected``, and the NDArray. None ends it.
        monitor_all : bool
            Whether inputs of the operators are shown too.
        """
        super().register_op_hook(callback, monitor_all)
        self._op_hook = None if callback is None else (callback, monitor_all)
        self._forget()

    def cast(self, dtype):
        """Change the type of all parameters."""
        self._forget()
        super().cast(dtype)

    _prepares = False

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        # MXNet 1: a `forward` beside, or above, the `hybrid_forward` prepares what it gives to that
        # of HybridBlock. It runs each time, and the graph is that of `hybrid_forward`.
        owners = [next(c for c in cls.__mro__ if name in vars(c)) for name in _FORWARDS]
        cls._prepares = _is_of_user(cls.forward) and issubclass(owners[1], owners[0])

    def _has_own_forward(self):
        """True if `forward` of this block or one below is the user's: it takes arrays only."""
        below = (b for b in self._walk() if b is not self or not self._prepares)
        return any(_is_of_user(type(b).forward) for b in below)

    def _compiled_forward(self, *args):
        """What the graph is made of."""
        return HybridBlock.forward(self, *args) if self._prepares else self.forward(*args)

    def _context_of(self, leaves):
        """That of the arguments; of the parameters if there are none."""
        places = [leaf.context for leaf in leaves if leaf is not None]
        places += [p.list_ctx()[0] for p in self.collect_params().values()] if not places else []
        return places[0] if places else current_context()

    def _trace(self, *args):
        """`Written` for arguments like `args`."""
        watch = ContainersWatch(self)
        trace = trace_arrays if self._has_own_forward() else trace_symbols
        written = trace(self, args)
        watch.warn()
        return written

    def infer_shape(self, *args):
        """Set the unknown shapes of the parameters from input arrays.

        Runs `forward` on symbols. A block defines this itself if its own `forward` does not take
        symbols and it has parameters of unknown shape.
        """
        found = self._infer("shape", args)
        if found is None:
            raise UnknownShapesError(
                f"{self._name}: the inputs do not tell the shapes of all parameters, must be "
                "given\n  hint: define infer_shape, or give in_units, in_channels and the like"
            )
        for param, shape in found:
            param.shape = shape

    def infer_type(self, *args):
        """Cast the parameters to the types that follow from input arrays, as `infer_shape`."""
        for param, dtype in self._infer("type", args) or ():
            param.cast(dtype)

    def _infer(self, what, args):
        """list of (Parameter, its "shape" or "type") for inputs; None if they do not tell all."""
        written = trace_symbols(self, args)
        output = written.output
        given = {
            var.name: leaf.shape if what == "shape" else leaf.dtype
            for var, leaf in zip(written.inputs, written.leaves, strict=True)
            if var is not None
        }
        arguments, _, auxiliary = getattr(output, f"infer_{what}")(**given)
        if arguments is None:
            return None
        found = dict(zip(output.list_arguments(), arguments, strict=True))
        found.update(zip(output.list_auxiliary_states(), auxiliary, strict=True))
        return [(p, found[name]) for name, p in self.collect_params().items() if name in found]

    def _own_shapes_known(self):
        return all(shape_known(param.shape) for param in self._reg_params.values())

    def _finish_deferred(self, *args):
        try:
            self.infer_shape(*args)
        except UnknownShapesError:
            if not (self._children and self._own_shapes_known()):
                raise
            self._let_children_infer(*args)
        for param in self.collect_params().values():
            param._finish_deferred_init()

    def _compile(self, *args):
        """Trace and keep what `_run` needs."""
        written = self._trace(*args)
        inputs, output = written.inputs, written.output
        self._captured = written.captured
        if written.for_shapes and not self._own:
            self._own, self._key = True, self._signature(args)
        places = {var.name: i for i, var in enumerate(inputs) if var is not None}
        params = self.collect_params()
        slots = [places.get(name, name) for name in output.list_inputs()]
        self._slots = [(i, slot) for i, slot in enumerate(slots) if isinstance(slot, int)]
        self._sources = [params[slot] if slot in params else None for slot in slots]
        self._constants = [
            (i, self._captured[s]) for i, s in enumerate(slots) if s in self._captured
        ]
        self._structure = written.structure
        self._traced = inputs, output
        self._template_version = -1
        if self._op_hook is None:
            self._graph = symbol.CachedGraph(output, self._flags)
        else:
            from .op_hooks import HookedGraph

            self._graph = HookedGraph(output, self._flags, *self._op_hook)

    @staticmethod
    def _signature(args):
        """What a graph that was written down from arrays holds for."""
        leaves = []
        for arg in args:
            flatten(arg, leaves)
        return (
            autograd.is_training(),
            *(None if leaf is None else (leaf.shape, leaf.dtype) for leaf in leaves),
        )

    def _select(self, args):
        """Make the graph for arguments like these the current one; None if it is new."""
        key = self._signature(args)
        if key == self._key:
            return
        if self._graph is not None:
            self._variants[self._key] = {name: self.__dict__[name] for name in _COMPILED}
        self.__dict__.update(self._variants.get(key, dict.fromkeys(_COMPILED)))
        self._key = key

    def _run(self, *args):
        """Call the compiled graph."""
        if self._own is None:
            self._own = self._has_own_forward()
        if self._own:
            self._select(args)
        if self._graph is None:
            try:
                self._compile(*args)
            except DeferredInitializationError:
                self._initialize_by(*args)
                self._compile(*args)
        leaves = args
        if any(isinstance(arg, (list, tuple)) for arg in args):
            leaves = []
            for arg in args:
                flatten(arg, leaves)
        if self._template_version != version.value:
            self._fill_template(leaves, args)
        arrays = self._template[:]
        for i, source in self._slots:
            arrays[i] = leaves[source]
        if self._shared_ctx is not None:
            ctx = self._context_of(leaves)
            if ctx != self._shared_ctx:
                arrays = [
                    source.data(ctx) if source is not None else array
                    for source, array in zip(self._sources, arrays, strict=True)
                ]
        out = self._graph(*arrays)
        return out[0] if self._structure is None else rebuild(self._structure, iter(out))

    def _initialize_by(self, *args):
        """Finish parameters whose shapes follow from the arguments."""
        if self._has_own_forward():
            self._let_children_infer(*args)
        else:
            self._finish_deferred(*args)

    def _let_children_infer(self, *args):
        """Run once eagerly: children see the shapes of their own inputs."""
        outer, _tracing.on = getattr(_tracing, "on", False), True
        try:
            with autograd.pause():
                self._call_eagerly(*args)
        finally:
            _tracing.on = outer

    def _call_eagerly(self, *args, **kwargs):
        """Run `forward`, finishing the parameters of this block if they wait for shapes."""
        try:
            if not (self._forward_pre_hooks or self._forward_hooks):
                return self.forward(*args, **kwargs)
            return super().__call__(*args, **kwargs)
        except DeferredInitializationError:
            if self._own_shapes_known():
                for param in self._reg_params.values():
                    param._finish_deferred_init()
            else:
                self._finish_deferred(*args)
            return super().__call__(*args, **kwargs)

    def _fill_template(self, leaves, args):
        ctx = self._context_of(leaves)
        sources = [source for source in self._sources if source is not None]
        try:
            for source in sources:
                source.data(ctx)
        except DeferredInitializationError:
            self._finish_deferred(*args)
        self._template = [None if source is None else source.data(ctx) for source in self._sources]
        for i, array in self._constants:
            self._template[i] = array
        several = any(len(source.list_ctx()) > 1 for source in sources)
        self._shared_ctx = ctx if several else None
        if any(source._computes_data for source in sources):
            self._shared_ctx = _NOWHERE
        self._bound = None
        if self._shared_ctx is None and self._op_hook is None:
            self._bound = _symbol.BoundGraph(
                self._graph._graph, self._template, self._slots, len(leaves)
            )
        self._template_version = version.value

    def __call__(self, *args, **kwargs):
        """Run the hooks, then the compiled graph if hybridized, else `forward`."""
        if (
            self._bound is not None
            and self._template_version == version.value
            and not (kwargs or self._forward_hooks or self._forward_pre_hooks)
            and (self._key is None or self._key == self._signature(args))
            and not getattr(_tracing, "on", False)
            and not self._prepares
        ):
            out = self._bound.call(args)
            if out is not None:
                return out[0] if self._structure is None else rebuild(self._structure, iter(out))
        if self._prepares or self._is_symbolic(args):
            return super().__call__(*args, **kwargs)
        if not self._active or kwargs or self._must_run_eagerly(args):
            return self._call_eagerly(*args, **kwargs)
        for hook in list(self._forward_pre_hooks.values()):
            hook(self, args)
        out = self._run(*args)
        for hook in list(self._forward_hooks.values()):
            hook(self, args, out)
        return out

    @staticmethod
    def _must_run_eagerly(args):
        """True while a block around this one is traced, and for sparse arrays."""
        return getattr(_tracing, "on", False) or any(getattr(a, "_is_sparse", False) for a in args)

    @staticmethod
    def _is_symbolic(args):
        first = args[0] if args else None
        if isinstance(first, ndarray.NDArray):
            return False
        while isinstance(first, (list, tuple)) and first:
            first = first[0]
        return isinstance(first, Symbol)

    def forward(self, x, *args):
        """Pick F from the type of `x` and call `hybrid_forward` with the parameters."""
        if not isinstance(x, ndarray.NDArray) and self._is_symbolic((x,)):
            with self.name_scope():
                variables = {name: param.var() for name, param in self._reg_params.items()}
                return self.hybrid_forward(symbol, x, *args, **variables)
        if self._prepares and self._active and not self._must_run_eagerly((x, *args)):
            return self._run(x, *args)
        if self._eager_version != version.value:
            self._eager = self._eager_arrays(x, *args)
        if self._eager is None:
            first = x
            while isinstance(first, (list, tuple)):
                first = first[0]
            arrays = {n: p.data(first.context) for n, p in self._reg_params.items()}
            return self.hybrid_forward(ndarray, x, *args, **arrays)
        return self.hybrid_forward(ndarray, x, *args, **self._eager)

    def _eager_arrays(self, *args):
        """The arrays of the parameters by name; None if each call has to ask for them."""
        params = self._reg_params
        try:
            contexts = [param.list_data() for param in params.values()]
        except DeferredInitializationError:
            self._finish_deferred(*args)
            contexts = [param.list_data() for param in params.values()]
        self._eager_version = version.value
        if any(len(copies) > 1 for copies in contexts):
            return None
        if any(param._computes_data for param in params.values()):
            return None
        return {name: copies[0] for name, copies in zip(params, contexts, strict=True)}

    def hybrid_forward(self, F, x, *args, **kwargs):
        """Compute the outputs with the operators of `F`; defined by subclasses."""
        raise NotImplementedError(f"{type(self).__name__} must define hybrid_forward")

    def optimize_for(self, x, *args, backend=None, backend_opts=None, clear=True, **kwargs):
        """Hybridize, compile for arguments like `x` and run once.

        Parameters
        ----------
        x, *args : NDArray
        backend : {None, 'default', 'MKLDNN', 'ONEDNN'}
            Names that MXNet's programs use; all mean the compiler described by `mx.graph.passes`.
        backend_opts : dict, optional
            Switches of passes by name, as for `mx.graph.switched`.
        clear : bool
            Accepted for MXNet's programs: what was compiled before is always forgotten.
        **kwargs
            As for `hybridize`.

        Raises
        ------
        ValueError
            If the backend is unknown.
        """
        from .. import graph

        if backend not in _BACKENDS:
            raise ValueError(f"optimize_for: backend is {backend!r}, must be one of {_BACKENDS}")
        self.hybridize(True, **kwargs)
        with graph.switched(**(backend_opts or {})):
            self(x, *args)

    def explain(self):
        """str: what the graph compiler made of this block: passes, steps, bytes.

        Raises
        ------
        RuntimeError
            If the block was not hybridized and called before.
        """
        if self._graph is None:
            raise RuntimeError(f"{self._name}: must be hybridized and run once before explain")
        return self._graph.explain()

    def export(self, path, epoch=0, remove_amp_cast=True):
        """Write ``path-symbol.json`` and ``path-0000.params`` (with the number `epoch`).

        `remove_amp_cast` is accepted; graphs hold no such casts.

        Returns
        -------
        tuple of str
            The names of the two files.

        Raises
        ------
        RuntimeError
            If the block was not hybridized and called before.
        """
        if self._graph is None:
            raise RuntimeError(f"{self._name}: must be hybridized and run once before export")
        output = self._traced[1]
        auxiliary = set(output.list_auxiliary_states())
        params = self.collect_params()
        names = [name for name in output.list_inputs() if name in params]
        arrays = {("aux:" if n in auxiliary else "arg:") + n: params[n]._reduce() for n in names}
        arrays.update({"arg:" + name: array for name, array in self._captured.items()})
        files = f"{path}-symbol.json", f"{path}-{epoch:04d}.params"
        output.save(files[0])
        ndarray.save(files[1], arrays)
        return files
