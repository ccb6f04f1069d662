"""Operators of a graph in MXNet's JSON form, one by one."""

import json

from .symbol import from_json

__all__ = ["graph_of", "single"]


def graph_of(symbol):
    """dict: the graph of a symbol in JSON form."""
    return json.loads(symbol.tojson(remove_amp_cast=False))


def single(node):
    """A node of such a graph as a symbol with its outputs, over variables "0", "1" and so on."""
    count = len(node["inputs"])
    arguments = [{"op": "null", "name": f"{i}", "inputs": []} for i in range(count)]
    own = {**node, "inputs": [[i, 0, 0] for i in range(count)]}
    text = {"nodes": [*arguments, own], "arg_nodes": [*range(count)], "heads": [[count, 0, 0]]}
    return from_json(json.dumps(text)).get_internals()[count:]
