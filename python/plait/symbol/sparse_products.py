"""Products with csr data in graphs: made of what is stored, before the compiled graph around them.

A compiled graph computes with dense arrays. Where a graph starts with ``dot(data, weight)`` and the
data are csr, the product alone depends on how they are stored: it is computed operator by operator,
and its result is an input of the rest of the graph. The gradient of the weight then has only the
rows that the data touch.
"""

import ast
import json

from .nodes import graph_of
from .symbol import from_json

__all__ = ["SparseProducts", "row_sparse_gradients", "storages"]

_STORAGES = {"1": "row_sparse", "2": "csr"}  # as MXNet numbers them in files
_KEEP_ZEROS = frozenset(
    """abs arcsin arcsinh arctan arctanh Cast cast cbrt ceil expm1 floor _copy identity log1p
    _mul_scalar _div_scalar _MulScalar _DivScalar negative relu rint round sign sin sinh sqrt square
    tan tanh trunc""".split()
)


def storages(symbol, stype_dict=None):
    """dict of str: 'csr' or 'row_sparse' by name of the variable, where one was asked for.

    Parameters
    ----------
    symbol : Symbol
    stype_dict : dict of str, optional
        Storages that count instead of those of the variables.
    """
    found = {}
    for node in graph_of(symbol)["nodes"]:
        number = node.get("attrs", {}).get("__storage_type__")
        if node["op"] == "null" and number in _STORAGES:
            found[node["name"]] = _STORAGES[number]
    found.update(stype_dict or {})
    return {name: stype for name, stype in found.items() if stype != "default"}


def _products(nodes, csr):
    """Numbers of the nodes that are products of csr matrices; `csr` names the variables."""
    stored, products = set(), []
    for number, node in enumerate(nodes):
        sources = [source for source, *_ in node["inputs"]]
        if node["op"] == "null":
            if node["name"] in csr:
                stored.add(number)
        elif sources and sources[0] in stored:
            if node["op"] == "dot":
                products.append(number)
            elif node["op"] in _KEEP_ZEROS:
                stored.add(number)
    return products


def row_sparse_gradients(symbol, csr):
    """set of str: variables to whose rows gradients flow only where data touch them.

    The second factor of a product of csr data, and tables of `Embedding` with `sparse_grad`.
    """
    nodes = graph_of(symbol)["nodes"]
    found = {nodes[number]["inputs"][1][0] for number in _products(nodes, csr)}
    for node in nodes:
        attrs = node.get("attrs", {})
        if node["op"] == "Embedding" and attrs.get("sparse_grad") in ("True", "1", "true"):
            found.add(node["inputs"][1][0])
    return {nodes[number]["name"] for number in found if nodes[number]["op"] == "null"}


def _value(text):
    try:
        return ast.literal_eval(text)
    except (SyntaxError, ValueError):
        return text


def _function(node):
    """The function of `mx.nd` that a node stands for, with its attributes; None without one."""
    from .. import ndarray

    name = node["op"]
    function = getattr(ndarray, name, None) or getattr(ndarray._internal, name, None)
    if function is None or "subgraphs" in node or name == "Custom":
        return None
    attrs = {k: _value(v) for k, v in node.get("attrs", {}).items() if not k.startswith("__")}
    attrs.pop("num_args", None)
    return function, attrs


class SparseProducts:
    """The products of csr variables in a graph.

    Calling it with a dict of arrays by name of the variable gives a dict of the results by name of
    the variable that stands for them in `rest`.
    """

    def __init__(self, steps, made, rest):
        self._steps, self._made = steps, made
        self.rest = rest

    @classmethod
    def of(cls, symbol, csr):
        """The products of the variables whose names are in `csr`; None if there are none.

        Also where a factor is computed by what only graphs can do: then all is dense.
        """
        graph = graph_of(symbol)
        nodes = graph["nodes"]
        products = _products(nodes, csr)
        needed = set(products)
        for number in reversed(range(len(nodes))):
            if number in needed:
                needed.update(source for source, *_ in nodes[number]["inputs"])
        steps = []
        for number in sorted(needed):
            node = nodes[number]
            if node["op"] == "null":
                steps.append((number, node["name"], None, ()))
                continue
            found = _function(node)
            if found is None:
                return None
            steps.append((number, *found, [tuple(entry[:2]) for entry in node["inputs"]]))
        if not products:
            return None
        made = {number: nodes[number]["name"] for number in products}
        for number in products:
            nodes[number] = {"op": "null", "name": made[number], "inputs": []}
        return cls(steps, made, from_json(json.dumps(graph)))

    def __call__(self, arrays):
        values = {}
        for number, function, attrs, entries in self._steps:
            if attrs is None:
                values[number, 0] = arrays[function]
                continue
            outputs = function(*(values[entry] for entry in entries), **attrs)
            outputs = outputs if isinstance(outputs, (list, tuple)) else [outputs]
            values.update({(number, i): output for i, output in enumerate(outputs)})
        return {name: values[number, 0] for number, name in self._made.items()}
