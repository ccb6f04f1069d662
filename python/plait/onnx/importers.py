"""The table of importers, and what they see of a node."""

import json

import numpy as np

from .. import _array, ndarray
from ..ndarray import NDArray
from ..symbol.compose import compose

__all__ = [
    "IMPORTERS", "ComputedValue", "Step", "array_of", "call", "first", "imports", "is_host_type",
    "known_dtype", "make", "numbers_of",
]  # fmt: skip

IMPORTERS = {}


class ComputedValue(NotImplementedError):
    """A graph cannot be made, because its shape depends on values: `Model` runs node by node."""


def imports(*names, domain=""):
    """Decorator of a function ``f(step)`` for operators of ONNX; it gives symbols or arrays."""

    def mark(function):
        for name in names:
            IMPORTERS[f"{domain}:{name}" if domain else name] = function
        return function

    return mark


def _ordered(op, attrs, cache={}):  # noqa: B006 - kept between calls
    """(operator, values of its first attributes in the order of the definition)."""
    if op not in cache:
        found = _array.operator(op)
        cache[op] = found, [a["name"] for a in json.loads(found.describe_json())["attrs"]]
    found, names = cache[op]
    count = max((names.index(name) + 1 for name in attrs), default=0)
    values = (attrs.get(name) for name in names[:count])
    return found, tuple(np.dtype(v).name if isinstance(v, (type, np.dtype)) else v for v in values)


def call(op, *inputs, **attrs):
    """Apply an operator of the registry to symbols, or to arrays."""
    if any(isinstance(x, NDArray) for x in inputs):
        return make(op, *inputs, **attrs)
    return compose(op, None, inputs, attrs)


def make(op, *inputs, **attrs):
    """Apply an operator of the registry to arrays."""
    found, values = _ordered(op, attrs)
    return _array.invoke(found, inputs, values, None, NDArray)


def first(found, i=0):
    """Output number i of an operator that has several."""
    return found[i]


def known_dtype(onnx, code, what):
    """numpy.dtype of a type in a file; NotImplementedError if arrays do not have it."""
    name = onnx.TensorProto.DataType.Name(code)
    dtype = None if name in ("STRING", "UNDEFINED") else onnx.helper.tensor_dtype_to_np_dtype(code)
    if dtype is None or dtype.name not in _array.DTYPE_NAMES:
        raise NotImplementedError(f"onnx: {what} has the type {name}, which arrays do not have")
    return dtype


def is_host_type(dtype):
    """bool: whether a type of numbers is one that arrays do not have: of 8 bits and less."""
    name = np.dtype(dtype).name
    return name.startswith(("float8", "float4", "int4", "uint4", "int2", "uint2"))


def array_of(value, ctx, what):
    """NDArray of a numpy.ndarray, in its type; NotImplementedError if arrays do not have it."""
    if value.dtype.name not in _array.DTYPE_NAMES:
        name = "STRING" if value.dtype.kind in "OUST" else value.dtype.name
        raise NotImplementedError(f"onnx: {what} has the type {name}, which arrays do not have")
    return ndarray.array(value, ctx=ctx, dtype=value.dtype)


def numbers_of(value):
    """numpy.ndarray of an NDArray, in its type."""
    return value.asnumpy().astype(np.dtype(value.dtype_name), copy=False)


class Step:
    """One node: its inputs as symbols or arrays, its attributes.

    Parameters
    ----------
    reader : Reader
    node : onnx.NodeProto
    attrs : dict
    """

    def __init__(self, reader, node, attrs):
        self.reader, self.node, self.attrs = reader, node, attrs
        self.opset = reader.opset
        self.onnx = reader.onnx

    def __len__(self):
        return len(self.node.input)

    def get(self, name, default=None):
        """An attribute."""
        return self.attrs.get(name, default)

    def has(self, i):
        """bool: whether input number i is given."""
        return i < len(self.node.input) and bool(self.node.input[i])

    def wants(self, i):
        """bool: whether somebody reads output number i."""
        return i < len(self.node.output) and bool(self.node.output[i])

    def __getitem__(self, i):
        """Input number i as a symbol or an array."""
        return self.reader.value(self.node.input[i])

    def optional(self, i):
        """Input number i, or None if it is left out."""
        return self[i] if self.has(i) else None

    def all(self):
        """list: all inputs."""
        return [self[i] for i in range(len(self))]

    def raw(self, i):
        """Input number i as it is kept: also numpy.ndarray, list (a sequence), None."""
        return self.reader.get(self.node.input[i])

    def is_known(self, i):
        """bool: whether the values of input number i are known now."""
        return self.reader.is_known(self.node.input[i])

    def known(self, i, default=None):
        """Input number i as a numpy.ndarray; `default` if it is left out."""
        if not self.has(i):
            return default
        try:
            return self.reader.array(self.node.input[i])
        except ComputedValue:
            raise ComputedValue(
                f"onnx: {self.node.op_type} {self.node.name!r}: input {i}, which is computed, "
                "has no counterpart in a graph"
            ) from None

    def number(self, i, default=None):
        """The one number of input number i, as a Python number."""
        value = self.known(i)
        return default if value is None else np.ravel(value)[0].item()

    def ints(self, i, name, default=None):
        """Whole numbers of input number i, or of the attribute `name` in older files."""
        value = self.known(i) if self.has(i) else self.get(name, default)
        return None if value is None else [int(v) for v in np.atleast_1d(value)]

    def sizes(self, i=0):
        """Shape of input number i, None for sizes that the file leaves open."""
        return self.reader.sizes(self.node.input[i])

    def shape(self, i=0):
        """Shape of input number i, all of which must be known."""
        sizes = self.sizes(i)
        if None in sizes:
            raise ComputedValue(
                f"onnx: node {self.node.name!r} ({self.node.op_type}) needs a size that the "
                "inputs leave open\n  hint: give the file inputs of fixed sizes, or use onnx.Model"
            )
        return sizes

    def shape_of(self, value):
        """Shape of a symbol or an array that this step made."""
        return self.reader.shape_of(value)

    def ndim(self, i=0):
        """Number of axes of input number i."""
        return len(self.sizes(i))

    def axis(self, name="axis", default=-1, i=0):
        """An attribute that counts axes of input number i, >= 0."""
        return self.get(name, default) % max(self.ndim(i), 1)

    def dtype(self, i=0):
        """numpy.dtype of an input."""
        return self.reader.dtype(self.node.input[i])

    def is_floating(self, i=0):
        """bool: whether input number i has a floating type."""
        return self.dtype(i).name in ("float16", "bfloat16", "float32", "float64")

    def type_of(self, name, default):
        """numpy.dtype of the attribute that holds a type."""
        code = self.get(name)
        if not code:
            return np.dtype(default)
        return known_dtype(self.onnx, code, f"the result of {self.node.op_type} {self.node.name!r}")

    def any_type_of(self, name, default):
        """As `type_of`, also a type that only the host has; a graph cannot be made then."""
        code = self.get(name)
        if code and is_host_type(self.onnx.helper.tensor_dtype_to_np_dtype(code)):
            dtype = self.onnx.helper.tensor_dtype_to_np_dtype(code)
            self.needs_values(f"the type {dtype.name}")
            return dtype
        return self.type_of(name, default)

    def constant(self, value, like=None):
        """A new symbol or array of known values; `like`: number of the input whose type it gets."""
        dtype = None if like is None else self.dtype(like)
        return self.reader.constant(np.asarray(value, dtype))

    def derived(self, i, hint, function):
        """A symbol or array of what a function makes of known input number i; kept with it."""
        return self.reader.derived(self.node.input[i], hint, function)

    def make(self, op, **attrs):
        """Apply an operator without inputs."""
        return self.reader.make(op, **attrs)

    def cast(self, value, dtype):
        """The value in another type."""
        return call("cast", value, dtype=np.dtype(dtype).name)

    def subgraph(self, graph, values):
        """Values of the outputs of a graph in an attribute, for values of its inputs."""
        return self.reader.subgraph(graph, values)

    def needs_values(self, what="its result"):
        """Stop the making of a graph: the shape of `what` depends on values."""
        if self.reader.traces:
            raise ComputedValue(
                f"onnx: {self.node.op_type} {self.node.name!r}: the shape of {what} depends on "
                "values, which has no counterpart in a graph\n  hint: use onnx.Model"
            )

    def refuse(self, what):
        """Raise NotImplementedError that names the node."""
        raise NotImplementedError(
            f"onnx: {self.node.op_type} {self.node.name!r}: {what} has no counterpart"
        )
