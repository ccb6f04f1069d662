"""The table of importers, and what they see of a node."""

import numpy as np

from .. import _array
from ..symbol.compose import compose

__all__ = ["IMPORTERS", "Step", "call", "imports", "known_dtype"]

IMPORTERS = {}


def imports(*names):
    """Decorator of a function ``f(step)`` for operators of ONNX; it gives symbols or arrays."""

    def mark(function):
        for name in names:
            IMPORTERS[name] = function
        return function

    return mark


def call(op, *inputs, **attrs):
    """Apply an operator of the registry to symbols."""
    return compose(op, None, inputs, attrs)


def known_dtype(onnx, code, what):
    """numpy.dtype of a type in a file; NotImplementedError if arrays do not have it."""
    name = onnx.helper.tensor_dtype_to_np_dtype(code).name
    if name not in _array.DTYPE_NAMES:
        raise NotImplementedError(f"onnx: {what} has the type {name}, which arrays do not have")
    return onnx.helper.tensor_dtype_to_np_dtype(code)


class Step:
    """One node: its inputs as symbols or arrays, its attributes.

    Parameters
    ----------
    importer : Importer
    node : onnx.NodeProto
    attrs : dict
    """

    def __init__(self, importer, node, attrs):
        self.importer, self.node, self.attrs = importer, node, attrs
        self.opset = importer.opset

    def __len__(self):
        return len(self.node.input)

    def get(self, name, default=None):
        """An attribute."""
        return self.attrs.get(name, default)

    def has(self, i):
        """bool: whether input number i is given."""
        return i < len(self.node.input) and bool(self.node.input[i])

    def __getitem__(self, i):
        """Input number i as a symbol."""
        return self.importer.symbol(self.node.input[i])

    def all(self):
        """list of Symbol: all inputs."""
        return [self[i] for i in range(len(self))]

    def known(self, i, default=None):
        """Input number i as an array; `default` if it is left out."""
        if not self.has(i):
            return default
        if self.node.input[i] not in self.importer.known:
            self.refuse(f"input {i}, which is computed,")
        return self.importer.known[self.node.input[i]]

    def ints(self, i, name, default=None):
        """Whole numbers of input number i, or of the attribute `name` in older files."""
        value = self.known(i) if self.has(i) else self.get(name, default)
        return None if value is None else [int(v) for v in np.atleast_1d(value)]

    def sizes(self, i=0):
        """Shape of input number i, None for sizes that the file leaves open."""
        name, importer = self.node.input[i], self.importer
        if name in importer.known:
            return importer.known[name].shape
        if name in importer.shapes:
            return tuple(size or None for size in importer.shapes[name])
        return importer.sizes(self[i])

    def shape(self, i=0):
        """Shape of input number i, all of which must be known."""
        sizes = self.sizes(i)
        if None in sizes:
            raise NotImplementedError(
                f"onnx: node {self.node.name!r} ({self.node.op_type}) needs a size that the "
                "inputs leave open\n  hint: give the file inputs of fixed sizes"
            )
        return sizes

    def ndim(self, i=0):
        """Number of axes of input number i."""
        return len(self.sizes(i))

    def dtype(self, i=0):
        """numpy.dtype of an input."""
        name = self.node.input[i]
        if name in self.importer.known:
            return self.importer.known[name].dtype
        if name in self.importer.dtypes:
            return np.dtype(self.importer.dtypes[name])
        return np.dtype(self.importer.infer(self[i])[1])

    def is_floating(self, i=0):
        """bool: whether input number i has a floating type."""
        return self.dtype(i).name in ("float16", "bfloat16", "float32", "float64")

    def constant(self, value, like=None):
        """The symbol of a new parameter; `like`: number of the input whose type it gets."""
        dtype = None if like is None else self.dtype(like)
        return self.importer.constant(np.asarray(value, dtype))

    def refuse(self, what):
        """Raise NotImplementedError that names the node."""
        raise NotImplementedError(
            f"onnx: {self.node.op_type} {self.node.name!r}: {what} has no counterpart"
        )
