"""Compiled graphs that show the arrays of every operator to a function."""

import json

from .. import op
from ..amp.lists import registry_name
from ..symbol import CachedGraph, Group

__all__ = ["HookedGraph"]


class HookedGraph(CachedGraph):
    """A `CachedGraph` that calls ``hook(array name, operator, array)`` in every run.

    Nothing is fused or left out: all results of all operators are outputs of the graph.

    Parameters
    ----------
    symbol : Symbol
    flags : dict
        As for `CachedGraph`.
    hook : function
        Gets a name such as ``dense0_fwd_output``, the operator, such as ``FullyConnected``, and
        the NDArray.
    monitor_all : bool
        Whether inputs of the operators are shown too, before their outputs.
    """

    __slots__ = ("_hook", "_monitor_all", "_plan", "_count")

    def __init__(self, symbol, flags, hook, monitor_all):
        internals = symbol.get_internals()
        super().__init__(Group([symbol, internals]), flags)
        self._hook, self._monitor_all, self._count = hook, monitor_all, len(symbol)
        self._plan = _plan(internals)

    def __call__(self, *arrays):
        found = super().__call__(*arrays)
        inner = found[self._count :]
        for name, operator, place, is_input in self._plan:
            if self._monitor_all or not is_input:
                self._hook(name, operator, inner[place])
        return found[: self._count]


def _plan(internals):
    """list of (name, operator, place among the internals, whether it is an input)."""
    nodes = json.loads(internals.tojson(remove_amp_cast=False))["nodes"]
    names = internals.list_outputs()
    places, at = {}, 0  # place of each output of each node
    for number, node in enumerate(nodes):
        output = 0
        while at < len(names) and internals[at].name == node["name"]:
            places[number, output] = at
            output, at = output + 1, at + 1
    plan = []
    for number, node in enumerate(nodes):
        if node["op"] == "null":
            continue
        known = [given["name"] for given in op.info(registry_name(node["op"])).inputs]
        for i, (source, output, *_) in enumerate(node["inputs"]):
            name = known[i] if i < len(known) else f"input{i}"
            plan.append((f"{node['name']}_{name}", node["op"], places[source, output], True))
        outputs = [place for (owner, _), place in places.items() if owner == number]
        plan += [(names[place], node["op"], place, False) for place in outputs]
    return plan
