"""Operators by name: what they are and how to run them."""

import json
from collections import namedtuple

from . import _array

__all__ = ["info", "list_operators", "runs_on", "invoke"]

Info = namedtuple("Info", "name doc source where inputs outputs attrs surfaces gradient")


def info(name):
    """Everything about an operator; `where` is the file and line of its definition.

    Raises
    ------
    KeyError
        If no operator has this name; the message has near names.
    """
    d = json.loads(_array.operator(name).describe_json())
    return Info(
        d["name"],
        d["doc"],
        d["source"],
        f"{d['file']}:{d['line']}",
        d["inputs"],
        d["outputs"],
        d["attrs"],
        d["surfaces"],
        d["gradient"],
    )


def list_operators():
    """Names of all operators, sorted."""
    return sorted(op.name for op in _array.operators())


def runs_on(name, device_type):
    """Whether an operator has a kernel for "cpu" or "gpu".

    Raises
    ------
    KeyError
        If no operator has this name.
    """
    from .context import Context

    return _array.operator(name).runs_on(Context(device_type).device_typeid)


def invoke(name, inputs, attrs=None, out=None):
    """Run operator `name` of the registry.

    Parameters
    ----------
    inputs : sequence of NDArray
    attrs : dict
        Attributes by name.
    """
    from .ndarray import NDArray

    op = _array.operator(name)
    attrs = dict(attrs or {})
    defaults = {a["name"]: a["default"] for a in json.loads(op.describe_json())["attrs"]}
    unknown = set(attrs) - set(defaults)
    if unknown:
        raise KeyError(f"{name}: attribute is {sorted(unknown)}, must be one of {list(defaults)}")
    values = tuple({**defaults, **attrs}.values())
    cls = type(inputs[0]) if inputs else NDArray
    return _array.invoke(op, tuple(inputs), values, out, cls)
