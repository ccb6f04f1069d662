"""The Symbol class: an expression that is composed first and run later."""

import json

from .. import _symbol
from ..attribute import stored_name, with_short_names
from ..files import replacing
from .arithmetic import Arithmetic
from .inference import Inference
from .listing import listing
from .running import Running

__all__ = ["Symbol"]


class Symbol(Arithmetic, Inference, Running):
    """One or more outputs of a graph of operators.

    Made by `Variable` and by the functions of `mx.sym`; arithmetic works as on arrays. A symbol
    never changes, except for its attributes.
    """

    __slots__ = ("_handle", "__weakref__")

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

    def __float__(self):
        raise TypeError("symbol: the value of a symbol is not known before it runs")

    __int__ = __float__

    def __setitem__(self, index, value):
        raise TypeError("symbol: a symbol cannot be changed, must be an array for assignments")

    def __getitem__(self, index):
        """Output by number or by name; a slice of outputs gives a group."""
        outputs = self.list_outputs()
        if isinstance(index, slice):
            return group([self[i] for i in range(*index.indices(len(outputs)))])
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

    def get_inputs(self):
        """Group of the variables below, in the order of `list_inputs()`."""
        names = self.list_inputs()
        found = {s.name: s for s in self.get_internals() if s.name in names}
        return group([found[name] for name in names])

    @property
    def has_dynamic_shape_op(self):
        """bool: whether a shape depends on values; in graphs none does."""
        return False

    def __copy__(self):
        return Symbol(self._handle)

    def __deepcopy__(self, memo):
        return from_json(self.tojson(remove_amp_cast=False))

    def __reduce__(self):
        return from_json, (self.tojson(False),)

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
        found = json.loads(self._handle.attrs_json())
        return {name: with_short_names(attributes) for name, attributes in found.items()}

    def _set_attr(self, **kwargs):
        for key, value in kwargs.items():
            if not isinstance(value, str):
                raise ValueError(f"symbol: attribute {key} is {value!r}, must be a str")
            self._handle.set_attr(stored_name(key), value)

    # --- composing ------------------------------------------------------------------------------

    def __call__(self, *args, name=None, **kwargs):
        """A copy whose variables are replaced by other symbols.

        Parameters
        ----------
        *args : Symbol
            By position, in the order of `list_arguments()`; or
        **kwargs : Symbol
            by the name of the variable.
        name : str, optional
            Name of the copy's node; of a group, that of the first output.

        Raises
        ------
        TypeError
            If something else than symbols is given, or both by position and by name.
        KeyError
            If there is no variable of a name.
        ValueError
            If there are more symbols than arguments, or a variable shall get a name.
        """
        if args and kwargs:
            raise TypeError("compose: symbols are given by position and by name, must be one")
        for value in (*args, *kwargs.values()):
            if not isinstance(value, Symbol):
                raise TypeError(f"compose: argument is {type(value).__name__}, must be a Symbol")
        names = self.list_arguments()
        if len(args) > len(names):
            raise ValueError(f"compose: got {len(args)} symbols, must be at most {len(names)}")
        kwargs.update(zip(names, args, strict=False))
        made = self._handle.compose(list(kwargs), [s._handle for s in kwargs.values()])
        return Symbol(made if name is None else made.renamed(name))

    def _compose(self, *args, name=None, **kwargs):
        """As a call, but this symbol becomes the copy."""
        self._handle = self(*args, name=name, **kwargs)._handle

    def gradient(self, wrt, name=None):
        """The gradients of the sum of all outputs, as a symbol of its own.

        Output layers such as `SoftmaxOutput` give the gradient of their loss. The symbol takes the
        variables of this one; it can be bound, saved, and differentiated again.

        Parameters
        ----------
        wrt : str or list of str
            Names of arguments.
        name : str, optional

        Returns
        -------
        Symbol
            With one output for each name in `wrt`, of the argument's shape.

        Raises
        ------
        ValueError
            If a name is no argument, or given twice.
        """
        from .compose import compose

        wrt = [wrt] if isinstance(wrt, str) else list(wrt)
        inputs, arguments = self.list_inputs(), self.list_arguments()
        for i, key in enumerate(wrt):
            if key not in arguments or key in wrt[:i]:
                raise ValueError(
                    f"gradient: wrt has {key!r}, must be different names of {arguments}"
                )
        body = {"body": self.tojson(False), "wrt": tuple(inputs.index(key) for key in wrt)}
        return compose("gradient", name, self.get_inputs(), body)

    grad = gradient

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
        with replacing(fname) as partial, open(partial, "w", encoding="utf-8") as file:
            file.write(self.tojson(remove_amp_cast))

    def debug_str(self):
        """str: the graph node by node, as MXNet prints it."""
        return listing(self)


def group(symbols):
    """One symbol with the outputs of all `symbols`, which are at least one."""
    return Symbol(_symbol.group([s._handle for s in symbols]))


def from_json(text):
    """A symbol from MXNet's JSON."""
    return Symbol(_symbol.from_json(text))
