"""Graphs whose parts lie on several devices, as the attribute ``ctx_group`` says."""

import json

from .cached_graph import CachedGraph
from .symbol import from_json

__all__ = ["PlacedGraph", "contexts_of"]


def _nodes(symbol):
    return json.loads(symbol.tojson(remove_amp_cast=False))


def contexts_of(graph, ctx, group2ctx):
    """The context of each node of a graph in MXNet's JSON form.

    A node without a group is where its first placed input is, else where its first placed reader
    is, else on `ctx`.

    Raises
    ------
    ValueError
        If a group has no context.
    """
    nodes, found = graph["nodes"], []
    for node in nodes:
        attrs = node.get("attrs", {})
        group = attrs.get("ctx_group", attrs.get("__ctx_group__"))
        if group is not None and group not in group2ctx:
            raise ValueError(
                f"bind: node {node['name']!r} has ctx_group {group!r}, must be one of "
                f"{sorted(group2ctx)}"
            )
        placed = (found[source] for source, *_ in node["inputs"] if found[source] is not None)
        found.append(next(placed, None) if group is None else group2ctx[group])
    for number in reversed(range(len(nodes))):
        for source, *_ in nodes[number]["inputs"]:
            found[source] = found[number] if found[source] is None else found[source]
    return [ctx if context is None else context for context in found]


class _Part:
    """Operators of one device that run as one compiled graph."""

    def __init__(self, context):
        self.context = context
        self.nodes, self.arg_nodes, self.heads = [], [], []
        self.sources = []  # (node, output) of the whole graph for each input
        self._ids, self._heads = {}, {}

    def add(self, number, node, whole, own):
        """Append a node of the whole graph; `own(n)` tells whether node n is of this part."""
        inputs = []
        for source, output, *_ in node["inputs"]:
            if own(source):
                inputs.append([self._ids[source, None], output, 0])
            else:
                inputs.append([self._input((source, output), whole[source]), 0, 0])
        self._ids[number, None] = len(self.nodes)
        self.nodes.append({**node, "inputs": inputs})

    def _input(self, source, node):
        if source not in self._ids:
            self._ids[source] = len(self.nodes)
            self.arg_nodes.append(len(self.nodes))
            name = f"{node['name']}:{len(self.sources)}"
            attrs = node.get("attrs", {}) if node["op"] == "null" else {}
            self.nodes.append({"op": "null", "name": name, "attrs": attrs, "inputs": []})
            self.sources.append(source)
        return self._ids[source]

    def head(self, number, output):
        """Position of an output of this part."""
        if (number, output) not in self._heads:
            self._heads[number, output] = len(self.heads)
            self.heads.append([self._ids[number, None], output, 0])
        return self._heads[number, output]

    def compile(self):
        text = {key: getattr(self, key) for key in ("nodes", "arg_nodes", "heads")}
        symbol = from_json(json.dumps(text))
        order = [int(name.rpartition(":")[2]) for name in symbol.list_inputs()]
        self.sources = [self.sources[i] for i in order]
        self.graph = CachedGraph(symbol, {})


class PlacedGraph:
    """A symbol compiled in parts, called like a `CachedGraph`.

    Each part is a compiled graph with its inputs on its device; what another device made is copied.
    Parts that do not need each other run at the same time. Gradients flow back through the copies.

    Parameters
    ----------
    symbol : Symbol
    ctx : Context
        Of nodes that nothing places.
    group2ctx : dict of str to Context
    """

    def __init__(self, symbol, ctx, group2ctx):
        self.symbol = symbol
        graph = _nodes(symbol)
        nodes = graph["nodes"]
        self.contexts = contexts_of(graph, ctx, group2ctx)
        keys = self._keys(nodes)
        parts = {}
        for number, node in enumerate(nodes):
            if node["op"] != "null":
                part = parts.setdefault(keys[number], _Part(self.contexts[number]))
                part.add(number, node, nodes, lambda n, k=keys[number]: keys[n] == k)
        self._variables = [n for n, node in enumerate(nodes) if node["op"] == "null"]
        heads = [tuple(head[:2]) for head in graph["heads"]]
        wanted = set(heads).union(*(part.sources for part in parts.values()))
        for number, output in sorted(wanted):
            if keys[number] is not None:
                parts[keys[number]].head(number, output)
        self._parts = [parts[key] for key in sorted(parts)]
        self._heads = heads
        for part in self._parts:
            part.compile()

    def _keys(self, nodes):
        """Number of the part of each operator; None for variables.

        A part ends when another device reads it, and does not wait for what was made after it
        began: so devices work on different steps of a recurrent network at the same time.
        """
        keys, open_parts, count = [], {}, 0
        for node, context in zip(nodes, self.contexts, strict=True):
            if node["op"] == "null":
                keys.append(None)
                continue
            here = str(context)
            for source, *_ in node["inputs"]:
                if keys[source] is None or str(self.contexts[source]) == here:
                    continue
                open_parts.pop(str(self.contexts[source]), None)
                if open_parts.get(here, -1) < keys[source]:
                    open_parts.pop(here, None)
            if here not in open_parts:
                open_parts[here] = count
                count += 1
            keys.append(open_parts[here])
        return keys

    @property
    def parts(self):
        """list of (Context, list of str): device of each part and names of its operators."""
        return [(p.context, [n["name"] for n in p.nodes if n["op"] != "null"]) for p in self._parts]

    def __call__(self, *arrays):
        """The outputs, each on the device of its node."""
        made = {(n, 0): array for n, array in zip(self._variables, arrays, strict=True)}
        for part in self._parts:
            given = [made[source].as_in_context(part.context) for source in part.sources]
            made.update(zip(part._heads, part.graph(*given), strict=True))
        return [made[head].as_in_context(self.contexts[head[0]]) for head in self._heads]

    def explain(self):
        """As `CachedGraph.explain`, part by part."""
        return "\n".join(f"{p.context}:\n{p.graph.explain()}" for p in self._parts)
