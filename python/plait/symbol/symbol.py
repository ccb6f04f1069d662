"""The Symbol class: an expression that is composed first and run later."""

import json

from .. import _symbol
from ..files import replacing
from .arithmetic import Arithmetic
from .inference import Inference
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
        """The graph as text, one node a line."""
        lines = []
        for i, node in enumerate(json.loads(self.tojson(False))["nodes"]):
            inputs = ", ".join(f"%{e[0]}[{e[1]}]" for e in node["inputs"])
            op = "Variable" if node["op"] == "null" else node["op"]
            lines.append(f"%{i} {op}({inputs}), name={node['name']}, {node.get('attrs', {})}")
        return "\n".join(lines)


def group(symbols):
    """One symbol with the outputs of all `symbols`, which are at least one."""
    return Symbol(_symbol.group([s._handle for s in symbols]))


def from_json(text):
    """A symbol from MXNet's JSON."""
    return Symbol(_symbol.from_json(text))
