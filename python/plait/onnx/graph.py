"""A symbol as a list of nodes with all attributes, shapes and types, for the converters."""

import ast
import json

import numpy as np

from .. import _array
from ..amp.lists import registry_name

__all__ = ["Node", "Value", "read_graph"]


# Operators that programs reach through functions only, by their names in files.
_CONTROL = {"_foreach": "foreach", "_while_loop": "while_loop", "_cond": "cond"}


class Value:
    """One output of a node: its name in the file, shape and type.

    Sizes that change with the batch are None.
    """

    def __init__(self, name, shape, dtype):
        self.name, self.shape, self.dtype = name, shape, dtype

    @property
    def ndim(self):
        """int: number of axes."""
        return len(self.shape)


class Node:
    """One operator of a graph.

    Attributes
    ----------
    op : str
        Name in the registry.
    name : str
    attrs : dict
        All attributes, defaults included.
    inputs, outputs : list of Value
    bodies : list of dict
        Graphs of a branch or loop, as parsed JSON.
    """

    def __init__(self, op, name, attrs, inputs, outputs, bodies=()):
        self.op, self.name, self.attrs = op, name, attrs
        self.inputs, self.outputs, self.bodies = inputs, outputs, bodies

    def __getitem__(self, key):
        return self.attrs[key]


def _defaults(op, cache={}):  # noqa: B006 - kept between calls
    if op not in cache:
        attrs = json.loads(_array.operator(op).describe_json())["attrs"]
        cache[op] = {a["name"]: a["default"] for a in attrs}
    return cache[op]


def _parsed(text):
    """The value that an attribute's text stands for."""
    if not isinstance(text, str):
        return tuple(text) if isinstance(text, list) else text
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return {"true": True, "false": False}.get(text, text)


def _all_shapes(internals, shapes, dtypes):
    """Shapes and types of all values, in the order of `internals.list_outputs()`."""
    found = internals._infer(shapes, dtypes)
    if None in found["out_shapes"]:
        raise ValueError("onnx: the shapes of the inputs do not tell all others, give more of them")
    return [tuple(s) for s in found["out_shapes"]], found["out_dtypes"]


def read_graph(symbol, shapes, dtypes, dynamic=False):
    """(nodes, variables, outputs) of a symbol.

    Parameters
    ----------
    shapes, dtypes : dict of str to tuple, type
        Of the variables.
    dynamic : bool
        Whether the first size of the inputs may change: sizes that follow it become None.

    Returns
    -------
    list of Node, dict of str to Value, list of Value
    """
    internals = symbol.get_internals()
    names = internals.list_outputs()
    found, types = _all_shapes(internals, {n: s for n, s in shapes.items()}, dtypes)
    if dynamic:
        names_of_data = dynamic if isinstance(dynamic, (list, tuple, set)) else shapes
        other = {
            n: (s[0] + 1, *s[1:]) if n in names_of_data and s else s for n, s in shapes.items()
        }
        again, _ = _all_shapes(internals, other, dtypes)
        found = [
            tuple(x if x == y else None for x, y in zip(a, b, strict=True))
            for a, b in zip(found, again, strict=True)
        ]
    graph = json.loads(symbol.tojson(remove_amp_cast=False))
    values, nodes, variables, at, taken = [], [], {}, 0, set()
    for entry in graph["nodes"]:
        start = at
        at += 1
        while at < len(names) and internals[at].name == internals[start].name:
            at += 1
        own = [entry["name"]] if entry["op"] == "null" else names[start:at]
        outputs = [
            Value(_unique(name, taken), found[i], _numpy(types[i]))
            for i, name in enumerate(own, start)
        ]
        values.append(outputs)
        if entry["op"] == "null":
            variables[entry["name"]] = outputs[0]
            continue
        op = registry_name(entry["op"]) or _CONTROL.get(entry["op"])
        if op is None:
            raise NotImplementedError(f"onnx: operator {entry['op']!r} has no export")
        given = {k: _parsed(v) for k, v in entry.get("attrs", {}).items()}
        attrs = {k: _parsed(v) for k, v in _defaults(op).items()}
        inputs = [values[i][k] for i, k, *_ in entry["inputs"]]
        bodies = entry.get("subgraphs", ())
        nodes.append(Node(op, entry["name"], {**attrs, **given}, inputs, outputs, bodies))
    return nodes, variables, [values[i][k] for i, k, *_ in graph["heads"]]


def _unique(name, taken):
    """The name, with a number if an earlier node has it: layers that are called twice."""
    found, count = name, 0
    while found in taken:
        count += 1
        found = f"{name}_{count}"
    taken.add(found)
    return found


def _numpy(dtype):
    return np.dtype(np.float32 if dtype is None or dtype == "bfloat16" else dtype)
