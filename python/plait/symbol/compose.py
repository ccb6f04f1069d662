"""Applications of operators to symbols."""

import numpy as np

from .. import _symbol
from ..attribute import AttrScope, stored_name
from ..name import NameManager
from .symbol import Symbol

__all__ = ["compose"]


def compose(op, name, inputs, attrs, attr=None, hint=None, extra=None):
    """Apply operator `op` (a name in the registry) to symbols; the generated functions call this.

    Parameters
    ----------
    op : str
    name : str or None
    inputs : dict or sequence of Symbol or None
        By name of the input, or by position; None leaves it to an automatic variable.
    attrs : dict
        Attributes given, by name.
    """
    if extra:
        _check_extra(op, extra)
    if not isinstance(inputs, dict):
        inputs = dict(enumerate(inputs))
    names, handles = [], []
    for key, value in inputs.items():
        if value is None:
            continue
        if not isinstance(value, Symbol):
            raise TypeError(f"{op}: input {key} is {type(value).__name__}, must be a Symbol")
        names.append(key if isinstance(key, str) else "")
        handles.append(value._handle)
    attrs = {
        k: np.dtype(v).name if isinstance(v, (type, np.dtype)) else v for k, v in attrs.items()
    }
    attributes = AttrScope.current.get({**(attr or {}), **(extra or {})})
    name = NameManager.current.get(name, (hint or op).lower().rpartition(".")[2])
    symbol = Symbol(_symbol.apply(op, name, handles, names, attrs))
    if attributes:
        _set_attributes(symbol, attributes, inputs.values())
    return symbol


def _set_attributes(symbol, attributes, given):
    """Give them to the node and to its variables that are not of the symbols given."""
    known = {output.name for value in given if value is not None for output in value}
    children = symbol.get_children()
    made = [] if children is None else [child for child in children if child.name not in known]
    for key, value in attributes.items():
        text = value.dumps() if hasattr(value, "dumps") else str(value)
        for node in (symbol, *made):
            node._handle.set_attr(stored_name(key), text)


def _check_extra(op, extra):
    """Further keywords are attributes of the node; MXNet's performance hints among them."""
    for key, value in extra.items():
        hint = key in ("workspace", "cudnn_tune", "cudnn_off", "num_args")
        if not hint and not (key.startswith("__") and key.endswith("__")):
            raise TypeError(f"{op}: got the unknown argument {key!r}")
        extra[key] = str(value)
