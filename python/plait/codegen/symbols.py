"""Functions on symbols: the module of mx.sym."""

from . import registry as r
from .registry import Description

TAIL = ["name=None", "attr=None", "out=None", "**kwargs"]


def _function(name: str, d: Description) -> list[str]:
    attrs = ", ".join(f"{a['name']!r}: {r.safe(a['name'])}" for a in d["attrs"])
    inputs = (
        r.flat_inputs(d)
        if r.variadic(d)
        else "{" + ", ".join(f"{i['name']!r}: {r.safe(i['name'])}" for i in d["inputs"]) + "}"
    )
    return [
        "",
        "",
        f"def {r.function_name(name)}({r.signature(d, TAIL)}):",
        r.docstring(d),
        f"    return _compose({d['name']!r}, name, {inputs}, {{{attrs}}}, attr, {name!r}, kwargs)",
    ]


def module(ops: list[Description]) -> str:
    """Text of the module of functions on symbols."""
    lines = [
        r.HEAD.format(title="Functions of mx.sym"),
        "# ruff: noqa: E501",
        "from types import SimpleNamespace as _Namespace\n",
        "from ..symbol.compose import compose as _compose\n\n",
        "def _flatten(symbols):",
        "    if len(symbols) == 1 and isinstance(symbols[0], (list, tuple)):",
        "        return symbols[0]",
        "    return symbols",
    ]
    entries = r.on_surface(ops, "sym")
    for name, d in entries:
        lines += _function(name, d)
    lines += ["", "", *r.namespace_lines([name for name, _ in entries])]
    return "\n".join(lines).rstrip() + "\n"
