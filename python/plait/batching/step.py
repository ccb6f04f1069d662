"""One operator of a traced function, applied to a batch of samples."""

import ast
import json
from functools import cache

from .. import _array
from ..ndarray import NDArray

__all__ = ["Operand", "Step", "apply", "describe", "move_axis", "with_shape"]


@cache
def describe(name):
    """(handle, description) of an operator."""
    handle = _array.operator(name)
    return handle, json.loads(handle.describe_json())


def apply(name, *arrays, **attrs):
    """Results of an operator, those that callers do not see included.

    Parameters
    ----------
    name : str
        In the registry.
    *arrays : Array
    **attrs
        By name; text stands for values in Python's spelling.

    Returns
    -------
    list of Array
    """
    handle, about = describe(name)
    values = tuple(attrs.pop(a["name"], a["default"]) for a in about["attrs"])
    if attrs:
        raise KeyError(f"{name}: attribute is {sorted(attrs)}, must be one of the operator's")
    found = _array.invoke(handle, arrays, values, None, NDArray, True, True)
    return found if isinstance(found, list) else [found]


def with_shape(array, shape):
    """The elements in another shape."""
    if tuple(array.shape) == tuple(shape):
        return array
    return apply("view_shape", array, shape=tuple(shape))[0]


def move_axis(array, source, target):
    """The array with one axis at another place; the others keep their order."""
    if source == target:
        return array
    axes = [i for i in range(array.ndim) if i != source]
    axes.insert(target, source)
    return apply("transpose", array, axes=tuple(axes))[0]


class Operand:
    """An array that is the same for all samples, or has one part for each along its first axis."""

    __slots__ = ("array", "batched")

    def __init__(self, array, batched):
        self.array = array
        self.batched = batched

    @property
    def shape(self):
        """tuple of int: shape of one sample."""
        return tuple(self.array.shape[self.batched :])

    @property
    def ndim(self):
        """int: axes of one sample."""
        return self.array.ndim - self.batched

    def full(self, size):
        """The array with the batch axis, repeated if all samples share it."""
        if self.batched:
            return self.array
        row = with_shape(self.array, (1, *self.shape))
        return apply("broadcast_to", row, shape=(size, *self.shape))[0]

    def aligned(self, ndim):
        """The array such that samples of `ndim` axes broadcast with it."""
        if not self.batched or self.ndim >= ndim:
            return self.array
        ones = (1,) * (ndim - self.ndim)
        return with_shape(self.array, (self.array.shape[0], *ones, *self.shape))

    def sample(self, index):
        """The part of one sample."""
        if not self.batched:
            return self.array
        shape = self.array.shape
        return apply(
            "basic_index",
            self.array,
            begin=(index,) + (0,) * self.ndim,
            end=(index + 1, *shape[1:]),
            step=(1,) * len(shape),
            squeeze=(0,),
        )[0]


class Step:
    """What a rule gets: the operator, its attributes and operands, the shapes for one sample.

    Attributes
    ----------
    name : str
        Of the operator in the registry.
    texts : dict
        The attributes in Python's spelling, for the same operator again.
    operands : list of Operand
    shapes : list of tuple
        What the operator gave for one sample.
    size : int
        Number of samples.
    """

    def __init__(self, name, texts, operands, shapes, size):
        self.name, self.operands = name, operands
        self.texts = {key: None if text == "None" else text for key, text in texts.items()}
        self.shapes, self.size = shapes, size

    def attr(self, name):
        """Value of an attribute."""
        text = self.texts[name]
        if text is None:
            return None
        kinds = {a["name"]: a["type"] for a in describe(self.name)[1]["attrs"]}
        if kinds[name] in ("str", "dtype"):
            return text
        return ast.literal_eval(text)

    def run(self, *arrays, name=None, **changed):
        """Results of the operator on arrays; `changed` replaces attributes."""
        return apply(name or self.name, *arrays, **{**self.texts, **changed})

    def axis(self, value, ndim=None):
        """The axis of an array with the batch axis in front, from that of a sample."""
        ndim = self.operands[0].ndim if ndim is None else ndim
        return value + 1 if value >= 0 else value + ndim + 1

    def axes(self, values, ndim=None):
        """`axis` of several."""
        return tuple(self.axis(v, ndim) for v in values)

    def finish(self, arrays):
        """The arrays in the shapes of the samples behind the batch axis."""
        return [
            with_shape(array, (self.size, *shape))
            for array, shape in zip(arrays, self.shapes, strict=False)
        ]
