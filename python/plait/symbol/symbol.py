"""The Symbol class: an expression that is composed first and run later."""

import json
import os
import tempfile

import numpy as np

from .. import _symbol
from ..attribute import AttrScope
from ..base import MXNetError
from ..context import current_context
from ..name import NameManager

__all__ = [
    "Symbol",
    "CachedGraph",
    "Variable",
    "var",
    "Group",
    "load",
    "load_json",
    "zeros",
    "ones",
    "full",
    "arange",
]

_FLUENT = frozenset(
    (
        "reshape reshape_like flatten expand_dims squeeze transpose swapaxes flip tile repeat "
        "pad split slice slice_axis slice_like take one_hot pick sort topk argsort argmax "
        "argmax_channel argmin clip abs sign sum nansum prod nanprod mean max min norm round "
        "rint fix floor ceil trunc sin cos tan arcsin arccos arctan degrees radians sinh cosh "
        "tanh arcsinh arccosh arctanh exp expm1 log log10 log2 log1p sqrt rsqrt cbrt rcbrt "
        "square reciprocal relu sigmoid softmax log_softmax softmin broadcast_to broadcast_axes "
        "broadcast_like zeros_like ones_like diag shape_array size_array depth_to_space "
        "space_to_depth"
    ).split()
)

# MXNet spells a few operators with capitals only.
_SPELLING = {
    "reshape": "Reshape",
    "flatten": "Flatten",
    "swapaxes": "SwapAxis",
    "split": "SliceChannel",
}


# As in MXNet's files.
_DTYPE_NUMBERS = {
    name: number
    for number, name in enumerate(
        (
            "float32",
            "float64",
            "float16",
            "uint8",
            "int32",
            "int8",
            "int64",
            "bool",
            "int16",
            "uint16",
            "uint32",
            "uint64",
            "bfloat16",
        )
    )
}


def _dtype_name(dtype):
    return dtype if isinstance(dtype, str) else np.dtype(dtype).name


def _operator(name):
    from .._gen import sym

    return getattr(sym, name, None) or getattr(sym, _SPELLING.get(name, name))


_WORDS = {
    "add": "plus",
    "subtract": "minus",
    "multiply": "mul",
    "divide": "div",
    "less": "lesser",
    "less_equal": "lesser_equal",
}


_COMPARISONS = ("equal", "not_equal", "greater", "greater_equal", "less", "less_equal")


def binary_hint(op, scalar=False, side=""):
    """MXNet's name for a node of two operands: `_plus`, `_rminusscalar`, `_equal_scalar`.

    Parameters
    ----------
    op : str
        Name in the registry.
    scalar : bool
        Whether one operand is a number.
    side : str
        "r" if the number stands in front and that makes a difference.
    """
    word = _WORDS.get(op, op)
    if not scalar:
        return f"_{word}"
    return f"_{side}{word}{'_' * (op in _COMPARISONS)}scalar"


class Symbol:
    """One or more outputs of a graph of operators.

    Made by `Variable` and by the functions of `mx.sym`; arithmetic works as on arrays. A symbol
    never changes, except for its attributes.
    """

    __slots__ = ("_handle", "__weakref__")
    __array_priority__ = 1000.0

    def __init__(self, handle):
        self._handle = handle

    # --- what it is -----------------------------------------------------------------------------

    @property
    def name(self):
        """Name of the node; None for a group."""
        return self._handle.name()

    def list_arguments(self):
        """Names of the variables that users provide, in the order of the graph."""
        return self._handle.names(0)

    def list_auxiliary_states(self):
        """Names of the variables that operators keep, such as running means."""
        return self._handle.names(1)

    def list_inputs(self):
        """Names of all variables, arguments and auxiliary states mixed."""
        return self._handle.names(2)

    def list_outputs(self):
        """Names of the outputs: ``<node>_output``, or ``<node>_<output>`` if it has several."""
        return self._handle.names(3)

    @property
    def num_outputs(self):
        """int: number of outputs."""
        return len(self)

    def __len__(self):
        return self._handle.size()

    def __iter__(self):
        return (self[i] for i in range(len(self)))

    def __repr__(self):
        if self.name is not None:
            return f"<{type(self).__name__} {self.name}>"
        return f"<{type(self).__name__} group [{', '.join(s.name for s in self)}]>"

    def __bool__(self):
        raise NotImplementedError("symbol: truth of a symbol is not known before it runs")

    def __getitem__(self, index):
        """Output by number or by name; a slice of outputs gives a group."""
        outputs = self.list_outputs()
        if isinstance(index, slice):
            return Group([self[i] for i in range(*index.indices(len(outputs)))])
        if isinstance(index, str):
            wanted = index
            matches = [i for i, name in enumerate(outputs) if name == wanted]
            if len(matches) != 1:
                raise ValueError(f"symbol: output is {wanted!r}, must name one of {outputs}")
            index = matches[0]
        if not -len(outputs) <= index < len(outputs):
            raise IndexError(f"symbol: output is {index}, must be in [0, {len(outputs) - 1}]")
        return Symbol(self._handle.output(index % len(outputs)))

    def get_internals(self):
        """Group of all outputs of all nodes below."""
        return Symbol(self._handle.internals())

    def get_children(self):
        """Group of the inputs of this node; None for a variable."""
        children = Symbol(self._handle.children())
        return children if len(children) else None

    def __copy__(self):
        return Symbol(self._handle)

    def __deepcopy__(self, memo):
        return load_json(self.tojson(remove_amp_cast=False))

    def __reduce__(self):
        return load_json, (self.tojson(False),)

    # --- attributes -----------------------------------------------------------------------------

    def attr(self, key):
        """Attribute `key` of the node as text, or None."""
        return self.list_attr().get(key)

    def list_attr(self, recursive=False):
        """dict of str: the attributes of this node; of all nodes below use `attr_dict`."""
        if recursive:
            raise ValueError("list_attr: recursive is True, must be False\n  hint: use attr_dict()")
        return self.attr_dict().get(self.name, {})

    def attr_dict(self):
        """dict by node name of the attributes of all nodes below that have any."""
        return json.loads(self._handle.attrs_json())

    def _set_attr(self, **kwargs):
        for key, value in kwargs.items():
            if not isinstance(value, str):
                raise ValueError(f"symbol: attribute {key} is {value!r}, must be a str")
            self._handle.set_attr(key, value)

    # --- composing ------------------------------------------------------------------------------

    def __call__(self, *args, **kwargs):
        """A copy whose variables are replaced: by position (of list_arguments) or by name."""
        kwargs.pop("name", None)
        kwargs.update(zip(self.list_arguments(), args, strict=False))
        return Symbol(self._handle.compose(list(kwargs), [s._handle for s in kwargs.values()]))

    def _binary(self, other, op, reflected=False):
        """`op` of the registry; the node gets the name that MXNet would give it."""
        if isinstance(other, Symbol):
            return _compose(op, None, (self, other), {}, hint=binary_hint(op))
        if isinstance(other, (int, float, np.number, bool)):
            attrs, side = {"scalar": float(other)}, "r" if reflected else ""
            hint = binary_hint(op, True, side)
            return _compose(f"{side}{op}_scalar", None, (self,), attrs, hint=hint)
        return NotImplemented

    def __add__(self, other):
        return self._binary(other, "add")

    __radd__ = __add__

    def __sub__(self, other):
        return self._binary(other, "subtract")

    def __rsub__(self, other):
        return self._binary(other, "subtract", True)

    def __mul__(self, other):
        return self._binary(other, "multiply")

    __rmul__ = __mul__

    def __truediv__(self, other):
        return self._binary(other, "divide")

    def __rtruediv__(self, other):
        return self._binary(other, "divide", True)

    def __mod__(self, other):
        return self._binary(other, "mod")

    def __rmod__(self, other):
        return self._binary(other, "mod", True)

    def __pow__(self, other):
        return self._binary(other, "power")

    def __rpow__(self, other):
        return self._binary(other, "power", True)

    def __eq__(self, other):
        return self._binary(other, "equal")

    def __ne__(self, other):
        return self._binary(other, "not_equal")

    def __gt__(self, other):
        return self._binary(other, "greater")

    def __ge__(self, other):
        return self._binary(other, "greater_equal")

    def __lt__(self, other):
        return self._binary(other, "less")

    def __le__(self, other):
        return self._binary(other, "less_equal")

    def __neg__(self):
        return _compose("negative", None, (self,), {}, hint="_mulscalar")

    def __abs__(self):
        return _operator("abs")(self)

    __hash__ = object.__hash__

    def __getattr__(self, name):
        if name not in _FLUENT:
            raise AttributeError(f"'Symbol' has no attribute {name!r}")
        function = _operator(name)
        if name == "reshape":
            return lambda *shape, **kw: _reshape(function, self, shape, kw)
        if name == "transpose":
            return lambda *axes, **kw: _transpose(function, self, axes, kw)
        return lambda *args, **kwargs: function(self, *args, **kwargs)

    @property
    def T(self):
        """The transposed symbol."""
        return self.transpose()

    def astype(self, dtype):
        """Elements converted to `dtype`."""
        return _operator("Cast")(self, dtype=_dtype_name(dtype))

    # --- shapes and dtypes ----------------------------------------------------------------------

    def _infer(self, shapes=None, dtypes=None):
        given = {}
        for name, shape in (shapes or {}).items():
            given.setdefault(name, {})["shape"] = [int(d) for d in shape]
        for name, dtype in (dtypes or {}).items():
            given.setdefault(name, {})["dtype"] = _dtype_name(dtype)
        return json.loads(self._handle.infer_json(json.dumps(given)))

    def _named(self, args, kwargs):
        names = self.list_arguments()
        if len(args) > len(names):
            raise ValueError(f"infer: got {len(args)} values, must be at most {len(names)}")
        named = {n: a for n, a in zip(names, args, strict=False) if a is not None}
        return {**named, **{k: v for k, v in kwargs.items() if v is not None}}

    def infer_shape_partial(self, *args, **kwargs):
        """As `infer_shape`, with None for each shape that does not follow."""
        found = self._infer(shapes=self._named(args, kwargs))
        return tuple(
            [None if s is None else tuple(s) for s in found[key]]
            for key in ("arg_shapes", "out_shapes", "aux_shapes")
        )

    def infer_shape(self, *args, **kwargs):
        """Shapes of arguments, outputs and auxiliary states from those of some arguments.

        Returns
        -------
        (list of tuple, list of tuple, list of tuple), or (None, None, None) if some do not follow

        Raises
        ------
        MXNetError
            If the shapes given contradict each other; the message names the node.
        """
        result = self.infer_shape_partial(*args, **kwargs)
        if any(s is None for group in result for s in group):
            return None, None, None
        return result

    def infer_type(self, *args, **kwargs):
        """numpy types of arguments, outputs and auxiliary states; float32 where nothing is said."""
        given = self._named(args, kwargs)
        if not given:
            given = {name: np.float32 for name in self.list_arguments()[:1]}
        found = self._infer(dtypes=given)
        default = _dtype_name(next(iter(given.values())))
        return tuple(
            [np.dtype(t or default).type for t in found[key]]
            for key in ("arg_dtypes", "out_dtypes", "aux_dtypes")
        )

    # --- files ----------------------------------------------------------------------------------

    def tojson(self, remove_amp_cast=True):
        """The graph in MXNet's JSON, by default without the casts of `mx.amp`."""
        text = self._handle.to_json()
        if remove_amp_cast and '"op": "amp_' in text:
            from ..amp.graph import without_casts

            return without_casts(text)
        return text

    def save(self, fname, remove_amp_cast=True):
        """Write `tojson()` to a file; the file is complete or not there."""
        folder = os.path.dirname(os.path.abspath(fname))
        with tempfile.NamedTemporaryFile("w", dir=folder, delete=False, suffix=".tmp") as out:
            out.write(self.tojson(remove_amp_cast))
            out.flush()
            os.fsync(out.fileno())
        os.replace(out.name, fname)

    def debug_str(self):
        """The graph as text, one node a line."""
        lines = []
        for i, node in enumerate(json.loads(self.tojson(False))["nodes"]):
            inputs = ", ".join(f"%{e[0]}[{e[1]}]" for e in node["inputs"])
            op = "Variable" if node["op"] == "null" else node["op"]
            lines.append(f"%{i} {op}({inputs}), name={node['name']}, {node.get('attrs', {})}")
        return "\n".join(lines)

    # --- running --------------------------------------------------------------------------------

    @property
    def value(self):
        """NDArray or None: value of a variable, as training through `gluon.Trainer` leaves it."""
        return self._handle.value(_default_class())

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
        group2ctx : dict of str to Context, optional
            Devices of the parts that the attribute ``ctx_group`` names.
        shared_exec : Executor, optional
            Whose arrays are taken for `shared_arg_names` and auxiliary states of the same shape.
        shared_arg_names : list of str, optional
            Default all arguments whose shape is not given.
        shared_buffer : optional
            Accepted for MXNet's programs: memory is pooled anyway.
        **kwargs : tuple of int
            Shapes by name.

        Raises
        ------
        ValueError
            If the shapes do not determine all arguments.
        """
        from ..executor import Executor

        shared = None
        if shared_exec is not None:
            names = shared_arg_names or [n for n in self.list_arguments() if n not in kwargs]
            shared = shared_exec, set(names)
        return Executor.simple_bind(
            self, ctx or current_context(), grad_req, type_dict, kwargs, group2ctx, shared
        )


def _reshape(function, symbol, shape, kwargs):
    shape = kwargs.pop("shape", shape)
    if len(shape) == 1 and isinstance(shape[0], (tuple, list)):
        shape = shape[0]
    return function(symbol, shape=tuple(shape), **kwargs)


def _transpose(function, symbol, axes, kwargs):
    axes = kwargs.pop("axes", axes)
    if len(axes) == 1 and isinstance(axes[0], (tuple, list)):
        axes = axes[0]
    return function(symbol, axes=tuple(axes), **kwargs)


_graph_rule = None


def set_graph_rule(rule):
    """Have ``rule(symbol)`` give what is compiled in place of each symbol; None: the symbol."""
    global _graph_rule
    _graph_rule = rule


class CachedGraph:
    """A symbol compiled once for each signature of its inputs, then called like a function.

    Parameters
    ----------
    symbol : Symbol
    flags : dict
        `static_alloc`, `static_shape` and the like are accepted; memory is always planned.

    Calling it with arrays in the order of `symbol.list_inputs()` gives the list of outputs. Under
    `autograd.record()` a call is one step of the recording.
    """

    __slots__ = ("_graph", "symbol")

    def __init__(self, symbol, flags=None):
        self.symbol = symbol
        self._graph = _symbol.CachedGraph((_graph_rule(symbol) if _graph_rule else symbol)._handle)

    def __call__(self, *arrays):
        return self._graph.call(arrays, type(arrays[0]) if arrays else _default_class())

    def explain(self):
        """Text about the plans made so far: steps, intermediate bytes with and without reuse."""
        return self._graph.explain()


def _default_class():
    from ..ndarray import NDArray

    return NDArray


def _compose(op, name, inputs, attrs, attr=None, hint=None, extra=None):
    """Apply operator `op` (a name in the registry) to symbols; the generated functions call this.

    Parameters
    ----------
    op : str
    name : str or None
    inputs : dict or sequence of Symbol or None
        By name of the input, or by position; None leaves it to an automatic variable.
    attrs : dict
        Attributes given, by name.
    """
    if extra:
        _check_extra(op, extra)
    if not isinstance(inputs, dict):
        inputs = dict(enumerate(inputs))
    names, handles = [], []
    for key, value in inputs.items():
        if value is None:
            continue
        if not isinstance(value, Symbol):
            raise TypeError(f"{op}: input {key} is {type(value).__name__}, must be a Symbol")
        names.append(key if isinstance(key, str) else "")
        handles.append(value._handle)
    attrs = {
        k: np.dtype(v).name if isinstance(v, (type, np.dtype)) else v for k, v in attrs.items()
    }
    attributes = AttrScope.current().get({**(attr or {}), **(extra or {})})
    name = NameManager.current().get(name, (hint or op).lower().rpartition(".")[2])
    symbol = Symbol(_symbol.apply(op, name, handles, names, attrs))
    for key, value in attributes.items():
        symbol._handle.set_attr(key, value)
    return symbol


def _check_extra(op, extra):
    """Further keywords are attributes of the node; MXNet's performance hints among them."""
    for key, value in extra.items():
        hint = key in ("workspace", "cudnn_tune", "cudnn_off", "num_args")
        if not hint and not (key.startswith("__") and key.endswith("__")):
            raise TypeError(f"{op}: got the unknown argument {key!r}")
        extra[key] = str(value)


def Variable(
    name=None,
    attr=None,
    shape=None,
    lr_mult=None,
    wd_mult=None,
    dtype=None,
    init=None,
    stype=None,
    **kwargs,
):
    """A named input of a graph.

    Parameters
    ----------
    name : str, optional
        Made up if missing.
    attr : dict of str, optional
    shape : tuple of int, optional
        Used where inference needs it.
    lr_mult, wd_mult : float, optional
        Factors of the learning rate and the weight decay, no unit.
    dtype : optional
    init : Initializer or str, optional

    Raises
    ------
    TypeError
        If `name` is not a str.
    """
    if name is not None and not isinstance(name, str):
        raise TypeError(f"Variable: name is {name!r}, must be a str")
    symbol = Symbol(_symbol.variable(name or NameManager.current().get(None, "var")))
    attributes = AttrScope.current().get(attr)
    if shape is not None:
        attributes["__shape__"] = str(tuple(shape))
    if lr_mult is not None:
        attributes["__lr_mult__"] = str(lr_mult)
    if wd_mult is not None:
        attributes["__wd_mult__"] = str(wd_mult)
    if dtype is not None:
        attributes["__dtype__"] = str(_DTYPE_NUMBERS[_dtype_name(dtype)])
    if init is not None:
        attributes["__init__"] = init if isinstance(init, str) else init.dumps()
    for key, value in kwargs.items():
        if not (key.startswith("__") and key.endswith("__")):
            raise ValueError(
                f"Variable: attribute is {key!r}, must start and end with two underscores"
            )
        attributes[key] = str(value)
    for key, value in attributes.items():
        symbol._handle.set_attr(key, value)
    return symbol


var = Variable


def Group(symbols):
    """One symbol with the outputs of all `symbols`, in order."""
    symbols = list(symbols)
    if not symbols or not all(isinstance(s, Symbol) for s in symbols):
        raise TypeError("Group: symbols must be a list of at least one Symbol")
    return Symbol(_symbol.group([s._handle for s in symbols]))


def load_json(json_str):
    """A symbol from MXNet's JSON text."""
    if not isinstance(json_str, str):
        raise TypeError(f"load_json: json_str is {type(json_str).__name__}, must be a str")
    return Symbol(_symbol.from_json(json_str))


def load(fname):
    """A symbol from a file that `Symbol.save` or MXNet wrote."""
    with open(fname, encoding="utf-8") as text:
        try:
            return load_json(text.read())
        except MXNetError as error:
            raise type(error)(f"{fname}: {error}") from None


def zeros(shape, dtype=None, name=None, **kwargs):
    """Zeros of a fixed shape."""
    return _filled(shape, 0.0, dtype, name, "_zeros")


def ones(shape, dtype=None, name=None, **kwargs):
    """Ones of a fixed shape."""
    return _filled(shape, 1.0, dtype, name, "_ones")


def full(shape, val, dtype=None, name=None, **kwargs):
    """One value in a fixed shape."""
    return _filled(shape, val, dtype, name, "_full")


def _filled(shape, value, dtype, name, hint):
    shape = (shape,) if isinstance(shape, int) else tuple(shape)
    attrs = dict(shape=shape, value=float(value), dtype=_dtype_name(dtype or "float32"))
    return _compose("full", name, (), attrs, hint=hint)


def arange(start, stop=None, step=1.0, repeat=1, infer_range=False, name=None, dtype=None):
    """Evenly spaced values in [start, stop), each `repeat` times."""
    return _operator("_arange")(
        start=start,
        stop=stop,
        step=step,
        repeat=repeat,
        name=name,
        dtype=_dtype_name(dtype or "float32"),
    )
