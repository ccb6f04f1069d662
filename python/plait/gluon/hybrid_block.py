"""Blocks that also run as a compiled graph."""

from .. import ndarray, symbol
from ..symbol import Symbol
from .block import Block
from .parameter import DeferredInitializationError, tracing, version

__all__ = ["HybridBlock"]


def _flatten(value, leaves):
    """Append the arrays in nested lists to `leaves`; returns the structure."""
    if isinstance(value, (list, tuple)):
        return [_flatten(item, leaves) for item in value]
    leaves.append(value)
    return None


def _rebuild(structure, leaves):
    if structure is None:
        return next(leaves)
    return [_rebuild(item, leaves) for item in structure]


class HybridBlock(Block):
    """Block that computes by ``hybrid_forward(F, x, *args, **params)``.

    `F` is `mx.nd` or, once `hybridize` was called, `mx.sym`: then the block is traced once and
    runs as one compiled graph. `params` are the block's own parameters by attribute name.

    A block may define ``forward(x, *args)`` instead, as in MXNet 2.0, and read its parameters by
    ``self.weight.data()``; then the operations on `x` must be methods, arithmetic or layers, which
    take symbols as well.
    """

    def __init__(self, prefix=None, params=None):
        super().__init__(prefix, params)
        self._active = False
        self._flags = {}
        self._graph = None
        self._eager = None
        self._eager_version = -1

    def __setattr__(self, name, value):
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
        self._graph = None
        self._eager_version = -1

    def hybridize(self, active=True, **flags):
        """Compile from the next call on; `flags` such as ``static_alloc`` go to the graph."""
        self._active = active
        self._flags = flags
        self._forget()
        super().hybridize(active, **flags)

    def cast(self, dtype):
        """Change the type of all parameters."""
        self._forget()
        super().cast(dtype)

    def _trace(self, *args):
        """(inputs, output, structure): symbols of this block for arguments like `args`."""
        leaves = []
        structure = [_flatten(arg, leaves) for arg in args]
        names = ["data"] if len(leaves) == 1 else [f"data{i}" for i in range(len(leaves))]
        inputs = [
            None if leaf is None else symbol.var(name)
            for name, leaf in zip(names, leaves, strict=True)
        ]
        outputs = []
        before, tracing.active = tracing.active, True
        try:
            made = self.forward(*_rebuild(structure, iter(inputs)))
        finally:
            tracing.active = before
        out_structure = _flatten(made, outputs)
        output = outputs[0] if out_structure is None else symbol.Group(outputs)
        return inputs, output, out_structure, leaves

    def infer_shape(self, *args):
        """Set the unknown shapes of the parameters from input arrays."""
        inputs, output, _, leaves = self._trace(*args)
        shapes = {
            var.name: leaf.shape
            for var, leaf in zip(inputs, leaves, strict=True)
            if var is not None
        }
        arguments, _, auxiliary = output.infer_shape(**shapes)
        if arguments is None:
            raise ValueError(
                f"{self._name}: the inputs do not tell the shapes of all parameters, must be "
                "given\n  hint: define infer_shape, or give in_units, in_channels and the like"
            )
        found = dict(zip(output.list_arguments(), arguments, strict=True))
        found.update(zip(output.list_auxiliary_states(), auxiliary, strict=True))
        for name, param in self.collect_params().items():
            if name in found:
                param.shape = found[name]

    def _finish_deferred(self, *args):
        self.infer_shape(*args)
        for param in self.collect_params().values():
            param._finish_deferred_init()

    def _compile(self, *args):
        """Trace and keep what `_run` needs."""
        inputs, output, structure, _ = self._trace(*args)
        places = {var.name: i for i, var in enumerate(inputs) if var is not None}
        params = self.collect_params()
        slots = [places.get(name, name) for name in output.list_inputs()]
        self._slots = [(i, slot) for i, slot in enumerate(slots) if isinstance(slot, int)]
        self._sources = [None if isinstance(slot, int) else params[slot] for slot in slots]
        self._structure = structure
        self._traced = inputs, output
        self._template_version = -1
        self._graph = symbol.CachedGraph(output, self._flags)

    def _run(self, *args):
        """Call the compiled graph."""
        if self._graph is None:
            try:
                self._compile(*args)
            except DeferredInitializationError:
                self._finish_deferred(*args)
                self._compile(*args)
        leaves = args
        if any(isinstance(arg, (list, tuple)) for arg in args):
            leaves = []
            for arg in args:
                _flatten(arg, leaves)
        if self._template_version != version.value:
            self._fill_template(leaves, args)
        arrays = self._template[:]
        for i, source in self._slots:
            arrays[i] = leaves[source]
        if self._shared_ctx is not None:
            ctx = next(leaf for leaf in leaves if leaf is not None).context
            if ctx != self._shared_ctx:
                arrays = [
                    source.data(ctx) if source is not None else array
                    for source, array in zip(self._sources, arrays, strict=True)
                ]
        out = self._graph(*arrays)
        return out[0] if self._structure is None else _rebuild(self._structure, iter(out))

    def _fill_template(self, leaves, args):
        ctx = next(leaf for leaf in leaves if leaf is not None).context
        sources = [source for source in self._sources if source is not None]
        try:
            for source in sources:
                source.data(ctx)
        except DeferredInitializationError:
            self._finish_deferred(*args)
        self._template = [None if source is None else source.data(ctx) for source in self._sources]
        several = any(len(source.list_ctx()) > 1 for source in sources)
        self._shared_ctx = ctx if several else None
        self._template_version = version.value

    def __call__(self, *args, **kwargs):
        """Run the hooks, then the compiled graph if hybridized, else `forward`."""
        if not self._active or kwargs or self._is_symbolic(args):
            try:
                return super().__call__(*args, **kwargs)
            except DeferredInitializationError:
                # A `forward` that reads parameters whose shapes the input has yet to tell.
                if type(self).forward is HybridBlock.forward or self._is_symbolic(args):
                    raise
            self._finish_deferred(*args)
            return super().__call__(*args, **kwargs)
        for hook in list(self._forward_pre_hooks.values()):
            hook(self, args)
        out = self._run(*args)
        for hook in list(self._forward_hooks.values()):
            hook(self, args, out)
        return out

    @staticmethod
    def _is_symbolic(args):
        first = args[0] if args else None
        while isinstance(first, (list, tuple)) and first:
            first = first[0]
        return isinstance(first, Symbol)

    def forward(self, x, *args):
        """Pick F from the type of `x` and call `hybrid_forward` with the parameters."""
        if self._is_symbolic((x,)):
            with self.name_scope():
                variables = {name: param.var() for name, param in self._reg_params.items()}
                return self.hybrid_forward(symbol, x, *args, **variables)
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
        """The arrays of the parameters by name; None if there are several devices."""
        params = self._reg_params
        try:
            contexts = [param.list_data() for param in params.values()]
        except DeferredInitializationError:
            self._finish_deferred(*args)
            contexts = [param.list_data() for param in params.values()]
        self._eager_version = version.value
        if any(len(copies) > 1 for copies in contexts):
            return None
        return {name: copies[0] for name, copies in zip(params, contexts, strict=True)}

    def hybrid_forward(self, F, x, *args, **kwargs):
        """Compute the outputs with the operators of `F`; defined by subclasses."""
        raise NotImplementedError(f"{type(self).__name__} must define hybrid_forward")

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
        files = f"{path}-symbol.json", f"{path}-{epoch:04d}.params"
        output.save(files[0])
        ndarray.save(files[1], arrays)
        return files
