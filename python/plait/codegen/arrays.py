"""Functions on arrays: the modules of mx.nd, mx.np and mx.npx."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from . import registry as r
from .registry import Description


@dataclass(frozen=True)
class Surface:
    """How the functions of one surface call their operator.

    Attributes
    ----------
    name : str
        Surface in the registry.
    title : str
    imports : tuple of str
        Lines that provide `_operator` and what `call` needs.
    call : str
        Expression with {op}, {name}, {inputs}, {attrs} and {view}.
    tail : tuple of str
        Last parameters of every function.
    required : bool
        Inputs must be given; else they are None by default, for programs that name them.
    wanted : callable
        Tells from a description whether the function is generated.
    views : bool
        Results may share memory with the input.
    input_names : dict
        Names of inputs that this surface spells differently.
    """

    name: str
    title: str
    imports: tuple[str, ...]
    call: str
    tail: tuple[str, ...] = ("out=None", "name=None", "**kwargs")
    required: bool = False
    wanted: Callable[[dict[str, Any]], bool] = bool
    views: bool = False
    input_names: dict[str, str] = field(default_factory=dict)


ND = Surface(
    "nd",
    "Functions of mx.nd",
    (
        "from .._array import invoke as _invoke",
        "from .._array import operator as _operator",
        "from ..ndarray.ndarray import NDArray as _cls",
    ),
    "_invoke({op}, {inputs}, {attrs}, out, _cls{view})",
)
_OPERANDS = (
    "from .._array import operator as _operator",
    "from ..numpy._operands import {} as _{}",
)
_BY_HAND = ("where", "copy", "fully_connected")  # other arguments than the operator's
# Functions with attributes have NumPy's own signatures: they are written by hand in plait/numpy.
NP = Surface(
    "np",
    "Functions of mx.np on numbers, element by element",
    tuple(line.format("elementwise", "elementwise") for line in _OPERANDS),
    "_elementwise({op}, {name!r}, {inputs}, out, where)",
    tail=("out=None", "where=True"),
    required=True,
    wanted=lambda d: not d["attrs"] and d["name"] not in _BY_HAND,
    input_names={"data": "x", "lhs": "x1", "rhs": "x2"},
)
NPX = Surface(
    "npx",
    "Functions of mx.npx",
    tuple(line.format("run", "run") for line in _OPERANDS),
    "_run({op}, {inputs}, {attrs}, out{view})",
    wanted=lambda d: d["name"] not in _BY_HAND,
    tail=("out=None", "name=None"),
    views=True,
)


def _function(surface: Surface, name: str, d: Description) -> list[str]:
    attrs = ", ".join(r.safe(a["name"]) for a in d["attrs"])
    call = surface.call.format(
        op=f"_op_{d['name']}",
        name=name,
        inputs=r.flat_inputs(d, surface.input_names),
        attrs=f"({attrs},)" if attrs else "()",
        view=", True" if surface.views and d["view"] else "",
    )
    rest = ["    if kwargs:", f"        _unknown({name!r}, kwargs)"]
    parameters = r.signature(d, list(surface.tail), surface.input_names, surface.required)
    return [
        "",
        "",
        f"def {r.function_name(name)}({parameters}):",
        r.docstring(d, input_names=surface.input_names),
        *(rest if "**kwargs" in surface.tail else []),
        f"    return {call}",
    ]


def module(ops: list[Description], surface: Surface) -> str:
    """Text of the module of a surface."""
    entries = [(name, d) for name, d in r.on_surface(ops, surface.name) if surface.wanted(d)]
    lines = [
        r.HEAD.format(title=surface.title),
        "# ruff: noqa: E501, F821",
        "from types import SimpleNamespace as _Namespace\n",
        *surface.imports,
        "",
        "",
        "def _flatten(arrays):",
        "    if len(arrays) == 1 and isinstance(arrays[0], (list, tuple)):",
        "        return arrays[0]",
        "    return arrays\n\n",
    ]
    if "**kwargs" in surface.tail:
        lines += [
            "def _unknown(name, kwargs):",
            '    raise TypeError(f"{name}: unknown arguments {sorted(kwargs)}")\n\n',
        ]
    lines += [
        f"_op_{name} = _operator({name!r})" for name in sorted({d["name"] for _, d in entries})
    ]
    for name, d in entries:
        lines += _function(surface, name, d)
    lines += ["", "", *r.namespace_lines([name for name, _ in entries])]
    return "\n".join(lines).rstrip() + "\n"
