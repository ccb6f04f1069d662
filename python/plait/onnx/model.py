"""ONNX files as functions of arrays."""

import numpy as np

from .. import ndarray
from .._engine import set_caller_limit
from ..context import current_context
from ..ndarray import NDArray
from ..symbol import CachedGraph, Group
from .importers import ComputedValue, array_of, is_host_type
from .load import Importer, load_file
from .run import Runner

__all__ = ["Model"]

_ALL_NS = 2**63 - 1  # whoever calls waits for the result: work of any length runs in that thread


class Model:
    """A file as a function of arrays of any sizes that the file allows.

    For each set of shapes of the inputs a graph is compiled at the first call and kept. Files whose
    shapes depend on values (NonZero, Unique), whose branches and loops depend on results, or whose
    inputs are sequences run node by node instead.

    Parameters
    ----------
    file : str or onnx.ModelProto
    ctx : Context, optional
    compiles : bool
        False: always node by node.

    Attributes
    ----------
    inputs, outputs : list of str
        Names, in order; of the inputs those without a value in the file.
    proto : onnx.ModelProto

    Raises
    ------
    ImportError
        Without the package `onnx`.
    NotImplementedError
        At a call, if an operator has no counterpart; the message names it.

    Examples
    --------
    >>> model = mx.onnx.Model("net.onnx")
    >>> scores = model(images)
    """

    def __init__(self, file, ctx=None, compiles=True):
        self.proto = load_file(file)
        graph = self.proto.graph
        initial = {i.name for i in graph.initializer}
        self.inputs = [v.name for v in graph.input if v.name not in initial]
        self.outputs = [v.name for v in graph.output]
        self._ctx, self._compiles = ctx or current_context(), compiles
        self._graphs, self._arrays, self._runner = {}, {}, None

    def __call__(self, *inputs, **named):
        """Outputs for inputs in order, or by name: an NDArray, or a list if there are several.

        Inputs are NDArray or what `nd.array` takes, lists of them for sequences, None for optional
        values that are not there.
        """
        found = self.run(dict(zip(self.inputs, inputs, strict=False)), **named)
        return found[0] if len(found) == 1 else found

    def run(self, inputs, **named):
        """List of all outputs, for a dict of inputs by name."""
        given = {name: self._array(name, value) for name, value in {**inputs, **named}.items()}
        missing = [name for name in self.inputs if name not in given]
        if missing or len(given) > len(self.inputs):
            raise ValueError(f"onnx: inputs are {list(given)}, must be {self.inputs}")
        graph = self._graph_for(given)
        if graph is None:
            if self._runner is None:
                self._runner = Runner(self.proto, self._ctx)
            return self._runner.run(given)
        call, arrays, places = graph
        arrays = arrays[:]
        for i, name in places:
            arrays[i] = given[name]
        before = set_caller_limit(_ALL_NS)
        try:
            return call(*arrays)
        finally:
            set_caller_limit(before)

    def explain(self, *shapes):
        """Text about the graph for inputs of these shapes: its passes and steps; None: there is
        none, the nodes run one by one."""
        arrays = zip(self.inputs, shapes, self._dtypes(), strict=True)
        graph = self._graph_for({n: ndarray.zeros(s, dtype=t) for n, s, t in arrays})
        return None if graph is None else graph[0].explain()

    def is_compiled(self, *shapes):
        """bool: whether calls with inputs of these shapes run one compiled graph."""
        return self.explain(*shapes) is not None

    def _dtypes(self):
        from .package import load_onnx

        types = {v.name: v.type.tensor_type.elem_type for v in self.proto.graph.input}
        return [load_onnx().helper.tensor_dtype_to_np_dtype(types[n]) for n in self.inputs]

    def _array(self, name, value):
        if value is None or isinstance(value, NDArray):
            return value
        if isinstance(value, (list, tuple)):
            return [self._array(name, x) for x in value]
        value = np.asarray(value)
        if is_host_type(value.dtype):
            return value
        return array_of(value, self._ctx, f"input {name!r}")

    def _graph_for(self, given):
        """(graph, its arrays, places of the inputs among them); None: node by node."""
        if not self._compiles or any(not isinstance(x, NDArray) for x in given.values()):
            return None
        key = tuple((name, given[name].shape) for name in self.inputs)
        if key not in self._graphs:
            self._graphs[key] = self._compiled(dict(key))
        return self._graphs[key]

    def _compiled(self, shapes):
        if any(0 in shape for shape in shapes.values()):
            return None  # a size of 0 says in a graph that the size is not known
        try:
            made = Importer(self.proto, shapes, self._arrays)
        except ComputedValue:
            return None
        found = {**made.parameters, **made.states}
        self._arrays.update(found)
        call = CachedGraph(Group(made.symbols) if len(made.symbols) > 1 else made.symbols[0])
        names = call.symbol.list_inputs()
        places = [(i, name) for i, name in enumerate(names) if name in shapes]
        return call, [found.get(name) for name in names], places
