"""Turns mixed precision on for all operators that run from then on."""

import json
import logging

from .. import _arithmetic, _array
from ..symbol import cached_graph as _symbols
from .graph import with_casts
from .lists import Rules

__all__ = ["init", "deactivate", "target_dtype"]

_state = {"rules": None}
_LOW_TYPES = ("float16", "bfloat16")
_cast = _array.operator("amp_cast")


def target_dtype():
    """str or None: the type of 16 bits in use."""
    return None if _state["rules"] is None else _state["rules"].target


def init(
    target_dtype="float16", target_precision_ops=None, conditional_fp32_ops=None, fp32_ops=None
):
    """Run products of matrices in 16 bits, and what needs range or precision in float32.

    Holds for every operator from then on, eager or compiled: networks are hybridized after it.
    Parameters and gradients stay in float32; casts are differentiated.

    Parameters
    ----------
    target_dtype : {'float16', 'bfloat16'}
    target_precision_ops, fp32_ops : list of str, optional
        Further operators in 16 bits and in float32, by MXNet's names or the registry's.
    conditional_fp32_ops : list of (str, str, list of str), optional
        Further operators in float32 if an attribute has one of the values.

    Raises
    ------
    ValueError
        If the type is another one, or a name is unknown or in two lists.
    """
    rules = Rules(target_dtype, target_precision_ops, fp32_ops, conditional_fp32_ops)
    _state["rules"] = rules
    _set(_eager_rule(rules), lambda symbol: with_casts(symbol, rules))
    logging.info("amp: operators run in %s where that is enough", rules.target)


def deactivate():
    """Run all operators in the type of their inputs again."""
    _state["rules"] = None
    _set(None, None)


def _set(of_arrays, of_graphs):
    _array.set_input_rule(of_arrays)
    _arithmetic.set_input_rule(of_arrays)
    _symbols.set_graph_rule(of_graphs)


def _eager_rule(rules):
    """Function (name, inputs, attrs) to inputs for operators on arrays."""
    places = {}
    for name, conditions in rules.conditional.items():
        attrs = [a["name"] for a in json.loads(_array.operator(name).describe_json())["attrs"]]
        places[name] = {attribute: attrs.index(attribute) for attribute, _ in conditions}

    def rule(name, inputs, attrs):
        if name in places:
            kind = rules.kind(name, lambda attribute: attrs[places[name][attribute]])
        else:
            kind = rules.kinds.get(name)
        if kind is None:
            return inputs
        types = {x.dtype_name for x in inputs if x is not None}
        if kind == "low":
            source, wanted = ("float32",), rules.target
        elif kind == "wide":
            source, wanted = _LOW_TYPES, "float32"
        else:
            low = types.intersection(_LOW_TYPES)
            if not low or "float32" not in types and len(low) < 2:
                return inputs
            source, wanted = _LOW_TYPES, "float32"
        if types.isdisjoint(source):
            return inputs
        return tuple(
            _array.invoke(_cast, (x,), (wanted,), None, type(x))
            if x is not None and x.dtype_name in source
            else x
            for x in inputs
        )

    return rule
