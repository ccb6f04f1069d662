"""Symbols as compiled functions of arrays."""

from .. import _symbol
from ..graph import memory_target

__all__ = ["CachedGraph", "default_class", "set_graph_rule"]

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
        `recompute`: the memory target of training, as for `mx.graph.memory_target`.
        `static_alloc`, `static_shape` and the like are accepted; memory is always planned.

    Calling it with arrays in the order of `symbol.list_inputs()` gives the list of outputs. Under
    `autograd.record()` a call is one step of the recording.
    """

    __slots__ = ("_graph", "symbol")

    def __init__(self, symbol, flags=None):
        self.symbol = symbol
        if _graph_rule:
            symbol = _graph_rule(symbol)
        with memory_target((flags or {}).get("recompute")):
            self._graph = _symbol.CachedGraph(symbol._handle)

    def __call__(self, *arrays):
        return self._graph.call(arrays, type(arrays[0]) if arrays else default_class())

    def explain(self):
        """Text about the plans made so far: steps, intermediate bytes with and without reuse."""
        return self._graph.explain()


def default_class():
    """The class of results where no argument says it."""
    from ..ndarray import NDArray

    return NDArray
