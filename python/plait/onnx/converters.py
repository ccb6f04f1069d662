"""The table of converters, and what they write with."""

import copy
import itertools

import numpy as np

from .. import ndarray

__all__ = ["CONVERTERS", "Writer", "converts", "refuse"]

CONVERTERS = {}


def converts(*names):
    """Decorator of a function ``f(writer, node)`` for operators of the registry."""

    def mark(function):
        for name in names:
            CONVERTERS[name] = function
        return function

    return mark


def refuse(node, what):
    """Raise NotImplementedError that names the node."""
    raise NotImplementedError(f"onnx: {node.op} of {node.name!r}: {what} has no counterpart")


class Writer:
    """Collects nodes and initializers of a file.

    Parameters
    ----------
    onnx : module
    parameters : dict of str to numpy.ndarray
    symbol : Symbol, optional
        The whole graph.
    """

    def __init__(self, onnx, parameters, symbol=None):
        self.onnx, self._symbol = onnx, symbol
        self.nodes, self.initializers = [], []
        self.parameters, self._count = parameters, itertools.count(1)
        for name, array in parameters.items():
            self._store(name, array)

    def _store(self, name, array):
        self.initializers.append(
            self.onnx.numpy_helper.from_array(np.asarray(array, order="C"), name)
        )
        return name

    def fresh(self, hint):
        """A name that is not used yet."""
        return f"{hint}_{next(self._count)}"

    def constant(self, value, dtype=None, hint="constant"):
        """Name of an initializer with the value."""
        return self._store(self.fresh(hint), np.asarray(value, dtype))

    def ints(self, *values):
        """Name of an initializer with whole numbers, one axis."""
        return self.constant(np.array(values, np.int64).reshape(-1))

    def add(self, op, inputs, outputs=None, **attrs):
        """Append a node; returns the name of its (first) output.

        Parameters
        ----------
        inputs : list of str or Value
        outputs : str, Value or list of these, optional
            Made up if missing.
        """
        if outputs is None:
            outputs = self.fresh(op.lower())
        if not isinstance(outputs, list):
            outputs = [outputs]
        inputs = [getattr(x, "name", x) for x in inputs]
        outputs = [getattr(x, "name", x) for x in outputs]
        name = self.fresh(f"n_{op.lower()}")
        self.nodes.append(self.onnx.helper.make_node(op, inputs, outputs, name=name, **attrs))
        return outputs[0]

    def cast(self, x, dtype, output=None):
        """The value in another type."""
        kind = self.onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
        return self.add("Cast", [x], output, to=kind)

    def known(self, node, value):
        """numpy.ndarray of a Value that follows from parameters alone."""
        if value.name in self.parameters:
            return self.parameters[value.name]
        made = self._symbol.get_internals()[value.name]
        needed = made.list_inputs()
        if any(name not in self.parameters for name in needed):
            refuse(node, f"{value.name!r}, which is computed,")
        arrays = {n: ndarray.array(self.parameters[n]) for n in needed}
        return made.eval(**arrays)[0].asnumpy()

    def inner(self):
        """A writer of the nodes of a graph inside this one."""
        made = copy.copy(self)
        made.nodes = []
        return made

    def convert(self, node):
        """Write a node of the graph."""
        function = CONVERTERS.get(node.op)
        if function is None:
            raise NotImplementedError(f"onnx: operator {node.op!r} of {node.name!r} has no export")
        function(self, node)

    def info(self, name, like, rows=False):
        """Name, type and shape of a value; `rows`: without the first axis of `like`."""
        dtype = self.onnx.helper.np_dtype_to_tensor_dtype(like.dtype)
        shape = list(like.shape[1 if rows else 0 :])
        return self.onnx.helper.make_tensor_value_info(name, dtype, shape)

    def scalar(self, value, like):
        """Name of a number in the type of the Value `like`."""
        return self.constant(value, like.dtype)

    def shape(self, node, sizes):
        """Name of an initializer for Reshape; one size may be None."""
        sizes = list(sizes)
        if sizes.count(None) > 1:
            refuse(node, f"the shape {tuple(sizes)}, in which sizes change,")
        return self.ints(*[-1 if size is None else size for size in sizes])

    def reshape(self, node, x, output, before=None):
        """Bring `x` to the shape of the Value `output`."""
        sizes = list(output.shape)
        if sizes.count(None) > 1 and before is not None:
            # Sizes that stand at the same place as before are copied.
            for i, (old, new) in enumerate(zip(before.shape, sizes, strict=False)):
                if old is None and new is None and sizes.count(None) > 1:
                    sizes[i] = 0
        return self.add("Reshape", [x, self.shape(node, sizes)], output)
