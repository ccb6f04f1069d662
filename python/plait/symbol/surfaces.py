"""NumPy's names for symbols, `mx.sym.np` and `mx.sym.npx`, made from the registry on demand."""

import functools
import inspect
import json
import operator as python
from numbers import Number

from .. import _array
from . import control, numpy_functions, numpy_random, shorthand
from .compose import compose
from .create import arange, full, ones, zeros

__all__ = ["np", "npx"]

_REQUIRED, _MANY = inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.VAR_POSITIONAL

# What takes numbers in place of one of its two arrays.
_BINARY = {
    "add": python.add, "subtract": python.sub, "multiply": python.mul, "mod": python.mod,
    "true_divide": python.truediv, "divide": python.truediv, "remainder": python.mod,
    "power": python.pow, "equal": python.eq, "not_equal": python.ne, "less": python.lt,
    "less_equal": python.le, "greater": python.gt, "greater_equal": python.ge,
    "maximum": shorthand.maximum, "minimum": shorthand.minimum, "hypot": shorthand.hypot,
}  # fmt: skip


@functools.cache
def _operators(surface):
    """{name on the surface: description}."""
    found = {}
    for op in _array.operators():
        description = json.loads(op.describe_json())
        for where, name in description["surfaces"]:
            if where == surface:
                found[name] = description
    return found


def _parameters(description):
    names = {i["name"] for i in description["inputs"]}
    for i in description["inputs"]:
        many = i["kind"] == "variadic"
        default = inspect.Parameter.empty if many else None
        yield inspect.Parameter(i["name"], _MANY if many else _REQUIRED, default=default)
    for a in description["attrs"]:
        if a["name"] not in names:
            yield inspect.Parameter(a["name"], _REQUIRED, default=a["default"])


def _function(surface, name, description):
    """The function of symbols for an operator: inputs, then attributes, as its signature says."""
    many = [i["name"] for i in description["inputs"] if i["kind"] == "variadic"]
    inputs = [i["name"] for i in description["inputs"]]
    own = list(_parameters(description))
    if many:  # attributes come by keyword behind any number of symbols
        own = [p if p.name in inputs else p.replace(kind=p.KEYWORD_ONLY) for p in own]
    signature = inspect.Signature(own)

    def function(*args, name=None, attr=None, **kwargs):
        if many and len(args) == 1 and isinstance(args[0], (list, tuple)):
            args = args[0]
        given = signature.bind(*args, **kwargs).arguments
        if public in _BINARY and any(isinstance(given.get(i), Number) for i in inputs):
            return _BINARY[public](*(given[i] for i in inputs))
        attrs = {k: v for k, v in given.items() if k not in inputs}
        symbols = {i: given.get(i) for i in inputs}
        if many:
            plain = [symbols[i] for i in inputs if i not in many]
            symbols = (*plain, *given.get(many[0], ()))
        return compose(description["name"], name, symbols, attrs, attr, hint=public)

    public = name
    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"{description['doc']}\n\nAs `mx.{surface}.{name}`, of symbols."
    function.__signature__ = signature
    return function


class Surface:
    """The names of a surface, those of its sub-namespaces behind a dot."""

    def __init__(self, surface, prefix="", **functions):
        self._surface, self._prefix = surface, prefix
        vars(self).update(functions)

    def __getattr__(self, name):
        table, whole = _operators(self._surface), self._prefix + name
        if whole in table:
            found = _function(self._surface, whole, table[whole])
        elif any(n.startswith(f"{whole}.") for n in table):
            found = Surface(self._surface, f"{whole}.")
        else:
            raise AttributeError(f"mx.sym.{self._surface} has no attribute {whole!r}")
        setattr(self, name, found)
        return found

    def __dir__(self):
        names = (n for n in _operators(self._surface) if n.startswith(self._prefix))
        inside = {n[len(self._prefix) :].split(".")[0] for n in names}
        return sorted(inside | {n for n in vars(self) if not n.startswith("_")})

    def __repr__(self):
        inside = f".{self._prefix[:-1]}" if self._prefix else ""
        return f"<namespace mx.sym.{self._surface}{inside}>"


def _concatenate(seq, axis=0, name=None):
    """Symbols joined along an axis."""
    return compose("concat", name, tuple(seq), {"dim": axis}, hint="concatenate")


def _stack(arrays, axis=0, name=None):
    """Symbols of one shape joined along a new axis."""
    return compose("stack", name, tuple(arrays), {"axis": axis}, hint="stack")


def _of_two(op):
    def function(a, b, name=None):
        return compose(op, name, (a, b), {})

    function.__name__ = function.__qualname__ = op
    function.__doc__ = f"As `mx.np.{op}`, of symbols."
    return function


np = Surface(
    "np",
    **numpy_functions.FUNCTIONS,
    linalg=Surface("np", "linalg.", **numpy_functions.LINALG),
    random=Surface("np", "random.", **numpy_random.FUNCTIONS),
    concatenate=_concatenate,
    stack=_stack,
    matmul=_of_two("matmul"),
    zeros=zeros,
    ones=ones,
    full=full,
    arange=arange,
)
npx = Surface("npx", foreach=control.foreach, while_loop=control.while_loop, cond=control.cond)
