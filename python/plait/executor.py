"""Executor: a symbol bound to arrays, as `Symbol.bind` and `Symbol.simple_bind` return it."""

from . import autograd, ndarray
from .symbol.symbol import CachedGraph

__all__ = ["Executor"]


def _by_name(values, names, what):
    """List in the order of `names` from a list or a dict; a dict may leave names out (None)."""
    if values is None:
        return [None] * len(names)
    if isinstance(values, dict):
        unknown = set(values) - set(names)
        if unknown and what != "args":
            raise ValueError(f"bind: {what} has {sorted(unknown)}, must be among {names}")
        return [values.get(name) for name in names]
    values = list(values)
    if len(values) != len(names):
        raise ValueError(f"bind: {what} has {len(values)} arrays, must be {len(names)}: {names}")
    return values


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

    Raises
    ------
    ValueError
        If an argument or auxiliary state has no array, or a name is unknown.
    """

    def __init__(self, symbol, ctx, args, args_grad=None, grad_req="write", aux_states=None):
        self._symbol, self._ctx = symbol, ctx
        self._arg_names = symbol.list_arguments()
        self._aux_names = symbol.list_auxiliary_states()
        self.arg_arrays = _by_name(args, self._arg_names, "args")
        self.grad_arrays = _by_name(args_grad, self._arg_names, "args_grad")
        self.aux_arrays = _by_name(aux_states, self._aux_names, "aux_states")
        for names, arrays in (
            (self._arg_names, self.arg_arrays),
            (self._aux_names, self.aux_arrays),
        ):
            missing = [n for n, a in zip(names, arrays, strict=False) if a is None]
            if missing:
                raise ValueError(f"bind: no array for {missing}")
        self._grad_req = self._requests(grad_req)
        self.outputs = []
        self._graph = CachedGraph(symbol, {})
        by_name = dict(zip(self._arg_names + self._aux_names, self.arg_arrays + self.aux_arrays, strict=False))
        self._inputs = [by_name[name] for name in symbol.list_inputs()]
        self._heads = []
        for array, grad, req in zip(self.arg_arrays, self.grad_arrays, self._grad_req, strict=False):
            if grad is not None and req != "null":
                autograd.mark_variables([array], [grad], req)

    def _requests(self, grad_req):
        if isinstance(grad_req, str):
            return [grad_req] * len(self._arg_names)
        if isinstance(grad_req, dict):
            return [grad_req.get(name, "null") for name in self._arg_names]
        return list(grad_req)

    @property
    def arg_dict(self):
        """dict of NDArray by argument name."""
        return dict(zip(self._arg_names, self.arg_arrays, strict=False))

    @property
    def grad_dict(self):
        """dict of NDArray (or None) by argument name."""
        return dict(zip(self._arg_names, self.grad_arrays, strict=False))

    @property
    def aux_dict(self):
        """dict of NDArray by name of the auxiliary state."""
        return dict(zip(self._aux_names, self.aux_arrays, strict=False))

    @property
    def output_dict(self):
        """dict of NDArray by output name, of the last forward."""
        return dict(zip(self._symbol.list_outputs(), self.outputs, strict=False))

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
            arg_dict[name][:] = value
        with autograd.record() if is_train else autograd.pause(train_mode=False):
            self.outputs = self._graph(*self._inputs)
        self._heads = self.outputs if is_train else []
        return self.outputs

    def backward(self, out_grads=None, is_train=True):
        """Fill the gradient arrays; `out_grads` are those of the outputs (default: ones).

        Raises
        ------
        RuntimeError
            If the last forward was not `forward(is_train=True)`.
        """
        if not self._heads:
            raise RuntimeError("executor: backward needs forward(is_train=True) before it")
        if out_grads is not None and not isinstance(out_grads, (list, tuple)):
            out_grads = [out_grads]
        autograd.backward(self._heads, out_grads, retain_graph=True, train_mode=is_train)

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
                    value.astype(own[name].dtype).copyto(own[name])
                elif not allow_extra_params:
                    raise ValueError(f"copy_params_from: no argument {name!r} in the symbol")

    def reshape(self, partial_shaping=False, allow_up_sizing=False, **kwargs):
        """An executor for other input shapes that shares the arrays whose shape stays."""
        shapes, _, aux_shapes = self._symbol.infer_shape(**kwargs)
        if shapes is None:
            raise ValueError(f"reshape: shapes {kwargs} do not determine all arguments")
        args, grads = [], []
        for shape, array, grad in zip(shapes, self.arg_arrays, self.grad_arrays, strict=False):
            same = tuple(shape) == array.shape
            args.append(array if same else ndarray.zeros(shape, self._ctx, array.dtype))
            if grad is not None and not same:
                grad = ndarray.zeros(shape, self._ctx, array.dtype)
            grads.append(grad)
        aux = [
            a if tuple(s) == a.shape else ndarray.zeros(s, self._ctx, a.dtype)
            for s, a in zip(aux_shapes, self.aux_arrays, strict=False)
        ]
        return Executor(self._symbol, self._ctx, args, grads, self._grad_req, aux)
