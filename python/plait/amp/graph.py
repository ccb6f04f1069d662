"""Casts in graphs: put in where the rules ask for them, and taken out of files."""

import json

from .._array import DTYPE_NUMBERS
from ..symbol import create as _symbols
from .lists import registry_name

__all__ = ["with_casts", "without_casts"]

_CASTS = ("amp_cast", "cast", "Cast", "astype", "_npi_cast")
_NUMBERS = {str(number): name for name, number in DTYPE_NUMBERS.items()}  # as variables say


class _Rewriter:
    """Copies the nodes of a graph and adds casts on the way.

    The type of each output is followed as far as it is sure: None is unknown.
    """

    def __init__(self, graph, rules, excluded):
        self.rules, self.excluded = rules, set(excluded or ())
        self.nodes, self.types, self.places, self.made = [], [], [], {}
        for node in graph["nodes"]:
            self.places.append(self._copy(node))
        self.heads = [[self.places[i], k, 0] for i, k, *_ in graph["heads"]]

    def _add(self, node, dtype):
        self.nodes.append(node)
        self.types.append(dtype)
        return len(self.nodes) - 1

    def _cast(self, entry, dtype):
        """Entry of the value in another type."""
        key = (entry[0], entry[1], dtype)
        if key not in self.made:
            name = f"{self.nodes[entry[0]]['name']}_{entry[1]}_amp_cast_{dtype}"
            node = {"op": "amp_cast", "name": name, "attrs": {"dtype": dtype}, "inputs": [entry]}
            self.made[key] = [self._add(node, dtype), 0, 0]
        return self.made[key]

    def _copy(self, node):
        attrs = node.get("attrs", {})
        if node["op"] == "null":
            dtype = str(attrs.get("__dtype__", "float32"))
            return self._add(node, _NUMBERS.get(dtype, dtype))
        inputs = [[self.places[i], k, 0] for i, k, *_ in node["inputs"]]
        name = registry_name(node["op"])
        kind = None if node["name"] in self.excluded else self.rules.kind(name, attrs.get)
        types = [self.types[entry[0]] for entry in inputs]
        target = self.rules.target
        if kind == "low":
            inputs = self._all(inputs, types, target)
            dtype = target
        elif kind == "wide" or kind == "widest" and set(types) != {target}:
            if set(types) - {"float32"}:
                inputs = self._all(inputs, types, "float32")
            dtype = "float32"
        elif kind == "widest":
            dtype = target
        elif node["op"] in _CASTS:
            dtype = attrs.get("dtype")
        else:
            dtype = self._of_neutral(name, types)
        return self._add({**node, "inputs": inputs}, dtype)

    def _all(self, inputs, types, dtype):
        """Entries in `dtype`; those of other types than the three are left as they are."""
        changed = {None, "float32", "float16", "bfloat16"}
        return [
            self._cast(entry, dtype) if known != dtype and known in changed else entry
            for entry, known in zip(inputs, types, strict=True)
        ]

    @staticmethod
    def _of_neutral(name, types):
        if not types:
            return None
        if name == "embedding":
            return types[1]
        if len(set(types)) == 1 or name in ("batch_norm", "dropout", "pooling", "take"):
            return types[0]
        return None


def with_casts(symbol, rules, excluded=None):
    """The symbol with casts where `rules` ask for them; its inputs and outputs stay the same.

    Parameters
    ----------
    symbol : Symbol
    rules : Rules
    excluded : list of str, optional
        Names of nodes whose inputs are left as they are.
    """
    graph = json.loads(symbol.tojson(remove_amp_cast=False))
    rewriter = _Rewriter(graph, rules, excluded)
    if len(rewriter.nodes) == len(graph["nodes"]):
        return symbol
    return _symbols.load_json(_text(rewriter.nodes, rewriter.heads, graph))


def without_casts(text):
    """JSON text of a graph without the casts of mixed precision."""
    graph = json.loads(text)
    sources, nodes, places = {}, [], []

    def follow(entry):
        i, k = entry[0], entry[1]
        if i in sources:
            return sources[i][k]
        return [places[i], k, 0]

    for i, node in enumerate(graph["nodes"]):
        inputs = [follow(entry) for entry in node["inputs"]]
        places.append(len(nodes))
        if node["op"] in ("amp_cast", "amp_multicast"):
            sources[i] = inputs
        else:
            nodes.append({**node, "inputs": inputs})
    return _text(nodes, [follow(entry) for entry in graph["heads"]], graph)


def _text(nodes, heads, graph):
    arguments = [i for i, node in enumerate(nodes) if node["op"] == "null"]
    changed = {"nodes": nodes, "arg_nodes": arguments, "heads": heads}
    kept = {k: v for k, v in graph.items() if k not in ("node_row_ptr", *changed)}
    return json.dumps({**changed, **kept}, indent=2)
