"""From symbols to numbers: values of variables, evaluation, binding to arrays."""

from ..context import current_context
from .cached_graph import default_class

__all__ = ["Running"]


class Running:
    """Base of Symbol."""

    __slots__ = ()

    @property
    def value(self):
        """NDArray or None: value of a variable, as training through `gluon.Trainer` leaves it."""
        return self._handle.value(default_class())

    @value.setter
    def value(self, array):
        self._handle.set_value(array)

    def _values(self):
        """dict of NDArray by name, of the variables below that have a value."""
        found = {}
        variables = set(self.list_inputs())
        internals = self.get_internals()
        for i, name in enumerate(internals.list_outputs()):
            if name in variables:
                value = internals[i].value
                if value is not None:
                    found[name] = value
        return found

    def eval(self, ctx=None, **kwargs):
        """Outputs for the arrays given by name; variables with a `value` may be left out.

        Returns
        -------
        list of NDArray

        Raises
        ------
        ValueError
            If a variable has no array.
        """
        values = {**self._values(), **kwargs}
        aux = {name: values.pop(name) for name in self.list_auxiliary_states() if name in values}
        args = {name: values[name] for name in self.list_arguments() if name in values}
        unknown = sorted(set(kwargs) - set(args) - set(aux))
        if unknown:
            raise ValueError(f"eval: no variable {unknown}; there are {self.list_inputs()}")
        return self.bind(ctx or current_context(), args, None, "null", aux).forward()

    def optimize_for(self, backend=None, args=None, aux=None, ctx=None, **kwargs):
        """This symbol: it is compiled when it is bound, by the passes of `mx.graph`.

        Parameters
        ----------
        backend : {None, 'default', 'MKLDNN', 'ONEDNN'}
            Names that MXNet's programs use.

        Raises
        ------
        ValueError
            If the backend is unknown.
        """
        if backend not in (None, "default", "MKLDNN", "ONEDNN"):
            raise ValueError(f"optimize_for: backend is {backend!r}, must be 'MKLDNN' or None")
        return self

    def get_backend_symbol(self, backend):
        """As `optimize_for`, under the name of older programs."""
        return self.optimize_for(backend)

    def _has_no_value(self, *args, **kwargs):
        """Only arrays have values."""
        raise NotImplementedError(
            "symbol: a symbol has no value, must be an array for this\n"
            "  hint: eval, bind or simple_bind give arrays"
        )

    asnumpy = asscalar = wait_to_read = copy = as_in_context = _has_no_value
    detach = backward = _has_no_value

    def as_nd_ndarray(self):
        """This symbol: there is one class for both worlds."""
        return self

    as_np_ndarray = as_nd_ndarray

    def bind(
        self,
        ctx,
        args,
        args_grad=None,
        grad_req="write",
        aux_states=None,
        group2ctx=None,
        shared_exec=None,
    ):
        """An Executor on the arrays given; see `plait.executor.Executor`."""
        from ..executor import Executor

        return Executor(self, ctx, args, args_grad, grad_req, aux_states, group2ctx)

    def simple_bind(
        self,
        ctx=None,
        grad_req="write",
        type_dict=None,
        stype_dict=None,
        group2ctx=None,
        shared_arg_names=None,
        shared_exec=None,
        shared_buffer=None,
        **kwargs,
    ):
        """An Executor on new zero arrays whose shapes follow from those given by name.

        Parameters
        ----------
        ctx : Context
        grad_req : str, list or dict of str
            "write", "add" or "null", for all or for each argument.
        type_dict : dict of str to dtype, optional
            dtypes of some arguments.
        stype_dict : dict of str, optional
            Storages of some arguments, by default those of their variables. Products of 'csr' ones
            are computed of what is stored, and give row-sparse gradients to the other factor; all
            else is dense.
        group2ctx : dict of str to Context, optional
            Devices of the parts that the attribute ``ctx_group`` names.
        shared_exec : Executor, optional
            Whose arrays are taken for `shared_arg_names` and auxiliary states of the same shape.
        shared_arg_names : list of str, optional
            Default all arguments whose shape is not given.
        shared_buffer : dict of str to NDArray, optional
            Arguments by name, and gradients as 'grad of ' and the name, that this executor uses if
            they are large enough; those that it makes are put there for later ones.
        **kwargs : tuple of int
            Shapes by name.

        Raises
        ------
        ValueError
            If the shapes do not determine all arguments, or an array of `shared_buffer` has
            another dtype.
        """
        from ..executor import Executor

        if not isinstance(shared_buffer, (dict, type(None))):
            raise ValueError(
                f"simple_bind: shared_buffer is {shared_buffer!r}, must be a dict or None"
            )
        shared = None
        if shared_exec is not None:
            names = shared_arg_names or [n for n in self.list_arguments() if n not in kwargs]
            shared = shared_exec, set(names)
        place = ctx or current_context()
        return Executor.simple_bind(
            self, place, grad_req, type_dict, kwargs, group2ctx, shared, shared_buffer, stype_dict
        )
