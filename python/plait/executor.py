"""Executor: a symbol bound to arrays, as `Symbol.bind` and `Symbol.simple_bind` return it."""

import json

import numpy as np

from . import autograd, ndarray
from .context import current_context
from .ndarray._storage import dense
from .symbol import CachedGraph
from .symbol.binding import by_name, from_buffer, requests
from .symbol.monitored import MonitoredGraph
from .symbol.placement import PlacedGraph, contexts_of
from .symbol.sparse_products import SparseProducts, row_sparse_gradients, storages

__all__ = ["Executor"]


def _devices(symbol, ctx, group2ctx):
    """Function from the name of a node to its context."""
    if not group2ctx:
        return lambda name: ctx
    graph = json.loads(symbol.tojson(remove_amp_cast=False))
    contexts = contexts_of(graph, ctx, group2ctx)
    places = {n["name"]: place for n, place in zip(graph["nodes"], contexts, strict=True)}
    return places.__getitem__


def _in_shape(array, shape):
    """The start of an array in another shape, in its memory; new zeros where that is too small."""
    if tuple(shape) == array.shape:
        return array
    size = int(np.prod(shape))
    if array.stype != "default":
        return ndarray.sparse.zeros(array.stype, shape, array.context, array.dtype)
    if size > array.size:
        return ndarray.zeros(shape, array.context, array.dtype)
    return array.detach().reshape(-1)[:size].reshape(shape)


class Executor:
    """Runs one symbol forward and backward on arrays that it keeps.

    Parameters
    ----------
    symbol : Symbol
    ctx : Context
        Where results are made.
    args : list or dict of NDArray
        Arrays of `symbol.list_arguments()`.
    args_grad : list or dict of NDArray, optional
        Where gradients go; arguments without one get no gradient.
    grad_req : str, list or dict of str
        "write", "add" or "null", for all or for each argument.
    aux_states : list or dict of NDArray, optional
        Arrays of `symbol.list_auxiliary_states()`.
    group2ctx : dict of str to Context, optional
        Devices of the parts of the symbol that the attribute ``ctx_group`` names: each part is a
        compiled graph of its own, and what crosses from device to device is copied.

    Raises
    ------
    ValueError
        If an argument or auxiliary state has no array, or a name is unknown.
    """

    def __init__(
        self,
        symbol,
        ctx,
        args,
        args_grad=None,
        grad_req="write",
        aux_states=None,
        group2ctx=None,
    ):
        self._symbol, self._ctx = symbol, ctx or current_context()
        self._group2ctx = group2ctx
        self._arg_names = symbol.list_arguments()
        self._aux_names = symbol.list_auxiliary_states()
        self.arg_arrays = by_name(args, self._arg_names, "args")
        self.grad_arrays = by_name(args_grad, self._arg_names, "args_grad")
        self.aux_arrays = by_name(aux_states, self._aux_names, "aux_states")
        for names, arrays in (
            (self._arg_names, self.arg_arrays),
            (self._aux_names, self.aux_arrays),
        ):
            missing = [n for n, a in zip(names, arrays, strict=True) if a is None]
            if missing:
                raise ValueError(f"bind: no array for {missing}")
        self._grad_req = requests(grad_req, self._arg_names)
        self._products = self._sparse_products()
        compiled = symbol if self._products is None else self._products.rest
        self._input_names = compiled.list_inputs()
        self._graph = self._compiled(compiled)
        self._monitor = self._monitored = self._watched = None
        self._outputs, self._heads = None, []
        self._mark()

    def _sparse_products(self):
        """What is computed from csr arrays; parts on several devices compute with dense ones."""
        csr = {name for name, array in self.arg_dict.items() if array.stype == "csr"}
        if not csr or self._group2ctx:
            return None
        return SparseProducts.of(self._symbol, csr)

    def _compiled(self, symbol):
        if self._group2ctx:
            return PlacedGraph(symbol, self._ctx, self._group2ctx)
        return CachedGraph(symbol, {})

    def _mark(self):
        arrays = {**self.arg_dict, **self.aux_dict}
        self._inputs = [arrays.get(name) for name in self._input_names]
        for i, req in enumerate(self._grad_req):
            if self.grad_arrays[i] is None or req == "null":
                continue
            autograd.mark_variables([self.arg_arrays[i]], [self.grad_arrays[i]], req)

    @classmethod
    def simple_bind(
        cls,
        symbol,
        ctx,
        grad_req,
        types,
        shapes,
        group2ctx=None,
        shared=None,
        buffer=None,
        stypes=None,
    ):
        """An executor on new zero arrays whose shapes and dtypes follow from those given.

        Parameters
        ----------
        symbol : Symbol
        ctx : Context
        grad_req : str, list or dict of str
        types, shapes : dict of str
            dtypes and shapes of some arguments by name.
        group2ctx : dict of str to Context, optional
        shared : (Executor, set of str), optional
            Arrays of these arguments, and auxiliary states, are taken from that executor where
            their shape is the same.
        buffer : dict of str to NDArray, optional
            Other arguments by name, and gradients as 'grad of ' and the name, are parts of these
            arrays; those that it has not, or too small, are put there.
        stypes : dict of str, optional
            Storages of some arguments, as for `Symbol.simple_bind`.

        Raises
        ------
        ValueError
            If the shapes do not determine all arguments, or an array of `buffer` has another dtype.
        """
        arg_shapes, _, aux_shapes = symbol.infer_shape(**shapes)
        names, aux_names = symbol.list_arguments(), symbol.list_auxiliary_states()
        if arg_shapes is None:
            partial = dict(zip(names, symbol._known_shapes(**shapes)[0], strict=True))
            missing = [name for name, shape in partial.items() if shape is None]
            raise ValueError(f"simple_bind: shapes of {missing} do not follow from {shapes}")
        types = {n: t for n, t in (types or {}).items() if n in names}
        arg_types, _, aux_types = symbol.infer_type(**types)
        device = _devices(symbol, ctx, group2ctx)
        other, common = shared or (None, ())
        held = {**other.arg_dict, **other.aux_dict} if other else {}
        common = {*common, *aux_names} if other else set()

        csr = {name for name, stype in storages(symbol, stypes).items() if stype == "csr"}
        by_rows = row_sparse_gradients(symbol, csr)

        def array(name, shape, dtype):
            if name in csr:
                return ndarray.sparse.zeros("csr", shape, device(name), dtype)
            kept = held.get(name) if name in common else None
            if kept is not None and kept.shape == tuple(shape):
                return kept
            if name in aux_names:
                return ndarray.zeros(shape, device(name), dtype)
            return from_buffer(buffer, name, shape, device(name), dtype)

        args = [array(*row) for row in zip(names, arg_shapes, arg_types, strict=True)]
        aux = [array(*row) for row in zip(aux_names, aux_shapes, aux_types, strict=True)]
        grads = []
        for name, a, req in zip(names, args, requests(grad_req, names), strict=True):
            if req == "null" or np.dtype(a.dtype).kind != "f" or name in csr:
                grads.append(None)
                continue
            if name in by_rows:
                grads.append(ndarray.sparse.zeros("row_sparse", a.shape, device(name), a.dtype))
                continue
            kept = other.grad_dict.get(name) if name in common else None
            if kept is None or kept.shape != a.shape:
                kept = from_buffer(buffer, f"grad of {name}", a.shape, device(name), a.dtype)
            grads.append(kept)
        return cls(symbol, ctx, args, grads, grad_req, aux, group2ctx)

    # --- arrays ---------------------------------------------------------------------------------

    @property
    def arg_dict(self):
        """dict of NDArray by argument name."""
        return dict(zip(self._arg_names, self.arg_arrays, strict=True))

    @property
    def grad_dict(self):
        """dict of NDArray (or None) by argument name."""
        return dict(zip(self._arg_names, self.grad_arrays, strict=True))

    @property
    def aux_dict(self):
        """dict of NDArray by name of the auxiliary state."""
        return dict(zip(self._aux_names, self.aux_arrays, strict=True))

    @property
    def outputs(self):
        """list of NDArray: results of the last forward; zeros before the first."""
        if self._outputs is None:
            given = {n: a.shape for n, a in self.arg_dict.items()}
            types = {n: a.dtype for n, a in self.arg_dict.items()}
            shapes, dtypes = (
                self._symbol.infer_shape(**given)[1],
                self._symbol.infer_type(**types)[1],
            )
            self._outputs = [
                ndarray.zeros(s, self._ctx, t) for s, t in zip(shapes, dtypes, strict=True)
            ]
        return self._outputs

    @property
    def output_dict(self):
        """dict of NDArray by output name, of the last forward."""
        return dict(zip(self._symbol.list_outputs(), self.outputs, strict=True))

    def set_inputs(self, arrays):
        """Take other arrays for some arguments, without copying; shapes may differ.

        Parameters
        ----------
        arrays : dict of str to NDArray
            Arguments that are not in the symbol are left out.
        """
        for name, value in arrays.items():
            if name not in self._arg_names:
                continue
            i = self._arg_names.index(name)
            own = self.arg_arrays[i]
            value = value.tostype(own.stype).astype(own.dtype, copy=False)
            value = value.as_in_context(own.context)
            value = value.detach() if own.stype == "default" else value
            grad = self.grad_arrays[i] if self._grad_req[i] != "null" else None
            if grad is not None:
                if grad.shape != value.shape:
                    grad = self.grad_arrays[i] = ndarray.zeros(value.shape, own.context, own.dtype)
                autograd.mark_variables([value], [grad], self._grad_req[i])
            self.arg_arrays[i] = value
            if name in self._input_names:
                self._inputs[self._input_names.index(name)] = value

    def copy_params_from(self, arg_params, aux_params=None, allow_extra_params=False):
        """Copy arrays by name into the arguments and auxiliary states.

        Raises
        ------
        ValueError
            If a name is unknown and `allow_extra_params` is False.
        """
        for params, own in ((arg_params, self.arg_dict), (aux_params or {}, self.aux_dict)):
            for name, value in params.items():
                if name in own:
                    if value is not own[name]:
                        value.tostype(own[name].stype).astype(own[name].dtype).copyto(own[name])
                elif not allow_extra_params:
                    raise ValueError(f"copy_params_from: no argument {name!r} in the symbol")

    # --- running --------------------------------------------------------------------------------

    def forward(self, is_train=False, **kwargs):
        """Compute the outputs; keyword arguments are copied into the arguments first.

        Returns
        -------
        list of NDArray
        """
        arg_dict = self.arg_dict
        for name, value in kwargs.items():
            if name not in arg_dict:
                raise TypeError(f"forward: no argument {name!r}; there are {self._arg_names}")
            if tuple(value.shape) != arg_dict[name].shape:
                raise ValueError(
                    f"forward: {name} has shape {tuple(value.shape)}, must be "
                    f"{arg_dict[name].shape}\n  hint: use reshape for other shapes"
                )
            arg_dict[name][:] = value
        self._watched = self._watching()
        if self._watched is not None:
            outs = self._watched.forward(self._dense_arrays(), is_train)
        else:
            with autograd.record() if is_train else autograd.pause(train_mode=False):
                outs = self._run()
        self._heads = outs if is_train else []
        self._outputs = outs
        return self._outputs

    def _dense_arrays(self):
        arrays = {**self.arg_dict, **self.aux_dict}
        return {name: dense(array) for name, array in arrays.items()}

    def _run(self):
        """The outputs of the arrays that are there now."""
        if self._products is None:
            return self._graph(*map(dense, self._inputs))
        arrays = {**self.arg_dict, **self.aux_dict}
        arrays.update(self._products(arrays))
        return self._graph(*(dense(arrays[name]) for name in self._input_names))

    def _watching(self):
        """The graph that shows its arrays, if somebody wants to see them now."""
        if self._monitor is None:
            return None
        callback, monitor_all, active = self._monitor
        if active is not None and not active():
            return None
        if self._monitored is None:
            nodes = json.loads(self._symbol.tojson(remove_amp_cast=False))
            contexts = contexts_of(nodes, self._ctx, self._group2ctx or {})
            if not self._group2ctx:
                contexts = [self._ctx] * len(contexts)
            self._monitored = MonitoredGraph(self._symbol, contexts, callback, monitor_all)
        return self._monitored

    def set_monitor_callback(self, callback, monitor_all=False, active=None):
        """Call ``callback(name, array)`` for the result of every operator.

        In `forward` these are outputs, such as ``fc1_output``, in `backward` the gradients of what
        an operator reads, such as ``fc1_backward_output0``. Operators run one by one meanwhile.

        Parameters
        ----------
        callback : function or None
            None ends it.
        monitor_all : bool
            Whether inputs are shown as well: ``fc1_data``, ``fc1_weight``.
        active : function, optional
            Asked before each `forward` whether anybody looks; without it somebody always does.
        """
        self._monitor = None if callback is None else (callback, monitor_all, active)
        self._monitored = None

    def backward(self, out_grads=None, is_train=True):
        """Fill the gradient arrays; `out_grads` are those of the outputs (default: ones).

        After `forward(is_train=False)` the gradients are those of prediction; the outputs are
        computed once more for them, as that forward kept nothing.

        Raises
        ------
        RuntimeError
            If there was no forward.
        """
        if self._outputs is None:
            raise RuntimeError("executor: backward needs a forward before it")
        if not self._heads:
            with autograd.record(train_mode=False):
                self._heads = self._run()
        if out_grads is not None and not isinstance(out_grads, (list, tuple)):
            out_grads = [out_grads]
        if self._watched is not None:
            self._backward_watched(out_grads, is_train)
            return
        if not any(self._trains()):
            return
        autograd.backward(self._heads, out_grads, retain_graph=True, train_mode=is_train)

    def _trains(self):
        """Whether `backward` fills the gradient, for each argument."""
        pairs = zip(self.grad_arrays, self._grad_req, strict=True)
        return [grad is not None and req != "null" for grad, req in pairs]

    def _backward_watched(self, out_grads, is_train):
        heads = out_grads or [None] * len(self._heads)
        heads = [
            ndarray.ones_like(out) if grad is None else grad
            for out, grad in zip(self._heads, heads, strict=True)
        ]
        found = self._watched.backward(heads, is_train)
        for name, own, req in zip(self._arg_names, self.grad_arrays, self._grad_req, strict=True):
            if own is None or req == "null":
                continue
            grad = found[name].as_in_context(own.context) if name in found else 0
            own[:] = own + grad if req == "add" else grad

    def reshape(self, partial_shaping=False, allow_up_sizing=False, **kwargs):
        """An executor for other input shapes that shares the memory of all arrays that do not grow.

        Parameters
        ----------
        partial_shaping : bool
            Whether shapes of arguments that are not named may change.
        allow_up_sizing : bool
            Whether arrays may become larger.
        **kwargs : tuple of int
            Shapes by name.

        Raises
        ------
        ValueError
            If a shape may not change, or shapes do not follow.
        """
        shapes, _, aux_shapes = self._symbol.infer_shape(**kwargs)
        if shapes is None:
            raise ValueError(f"reshape: shapes {kwargs} do not determine all arguments")
        args, grads = [], []
        for name, shape, array, grad in zip(
            self._arg_names, shapes, self.arg_arrays, self.grad_arrays, strict=True
        ):
            same = tuple(shape) == array.shape
            if not same and not partial_shaping and name not in kwargs:
                raise ValueError(
                    f"reshape: {name} would have shape {tuple(shape)}, must stay {array.shape} "
                    "without partial_shaping"
                )
            if not same and np.prod(shape) > np.prod(array.shape) and not allow_up_sizing:
                raise ValueError(
                    f"reshape: {name} would grow from {array.shape} to {tuple(shape)}, "
                    "must not without allow_up_sizing"
                )
            args.append(_in_shape(array, shape))
            grads.append(None if grad is None else _in_shape(grad, shape))
        aux = [_in_shape(a, s) for s, a in zip(aux_shapes, self.aux_arrays, strict=True)]
        new = Executor(self._symbol, self._ctx, args, grads, self._grad_req, aux, self._group2ctx)
        new._graph, new._monitor = self._graph, self._monitor
        return new

    def debug_str(self):
        """str: the graph node by node, as MXNet prints it, and the bytes of its arrays."""
        arrays = [*self.arg_arrays, *self.aux_arrays]
        arrays += [grad for grad in self.grad_arrays if grad is not None]
        size = sum(a.size * np.dtype(a.dtype).itemsize for a in arrays)
        return f"{self._symbol.debug_str()}Total {size >> 20} MB allocated\n"

    def get_optimized_symbol(self):
        """Symbol: that which is bound; `explain` tells what its passes made of it."""
        return self._symbol
