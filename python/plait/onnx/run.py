"""Nodes of ONNX files, run one after the other on arrays."""

import numpy as np

from ..ndarray import NDArray
from . import tables  # noqa: F401 - fill the table of importers
from .importers import array_of, is_host_type, make, numbers_of
from .reader import Reader

__all__ = ["Runner"]


class Runner(Reader):
    """Runs the nodes of a file on arrays: shapes may depend on values, loops on results.

    Parameters
    ----------
    model : onnx.ModelProto
    ctx : Context
    """

    def __init__(self, model, ctx):
        super().__init__(model)
        self._graph, self.ctx = model.graph, ctx
        self.load(model.graph)
        self._kept = {id(array): None for array in self.known.values()}

    def run(self, inputs):
        """Values of the outputs, for values of the inputs by name: NDArray, list or None."""
        once = self.inner(self.known.new_child(), self.values.new_child())
        for name, value in inputs.items():
            once.known.maps[0].pop(name, None)
            once.put(name, value)
        for node in self._graph.node:
            once.node(node)
        found = [once.get(value.name) for value in self._graph.output]
        return [once.array_of(x) if once.is_array(x) else x for x in found]

    @staticmethod
    def is_array(found):
        """bool: whether a value is, or can be, an NDArray."""
        return not isinstance(found, np.ndarray) or not is_host_type(found.dtype)

    def value(self, name):
        """An array; known ones are brought to the device."""
        return self.array_of(self.get(name), name)

    def array_of(self, found, name="an output"):
        """NDArray of a value, or the list or None that it is."""
        if not isinstance(found, np.ndarray):
            return found
        kept = self._kept.get(id(found))
        if kept is None:
            kept = self.constant(found, repr(name))
            if id(found) in self._kept:
                self._kept[id(found)] = kept
        return kept

    def kept(self, array, name):
        """The array of numbers that stay between runs."""
        self._kept.setdefault(id(array), None)
        return self.array_of(array, name)

    def array(self, name):
        """The numbers of a value."""
        found = self.get(name)
        return numbers_of(found) if isinstance(found, NDArray) else found

    def constant(self, value, what="a constant"):
        """A new array."""
        return array_of(np.asarray(value), self.ctx, what)

    def make(self, op, **attrs):
        """The array of an operator without inputs."""
        return make(op, ctx=str(self.ctx), **attrs)

    def sizes(self, name):
        """Shape of a value."""
        return tuple(self.get(name).shape)

    def shape_of(self, made):
        """Shape of an array."""
        return tuple(made.shape)

    def dtype(self, name):
        """numpy.dtype of a value."""
        found = self.get(name)
        return found.dtype if isinstance(found, np.ndarray) else np.dtype(found.dtype_name)
