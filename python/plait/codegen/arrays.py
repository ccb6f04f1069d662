"""Functions on arrays: the modules of mx.nd, mx.np and mx.npx."""

from dataclasses import dataclass, field

from . import registry as r


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
        Expression with {op}, {inputs}, {attrs} and {view}.
    views : bool
        Results may share memory with the input.
    input_names : dict
        Names of inputs that this surface spells differently.
    """

    name: str
    title: str
    imports: tuple
    call: str
    views: bool = False
    input_names: dict = field(default_factory=dict)


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
TAIL = ["out=None", "name=None", "**kwargs"]


def _function(surface, name, d):
    attrs = ", ".join(r.safe(a["name"]) for a in d["attrs"])
    call = surface.call.format(
        op=f"_op_{d['name']}",
        inputs=r.flat_inputs(d, surface.input_names),
        attrs=f"({attrs},)" if attrs else "()",
        view=", True" if surface.views and d["view"] else "",
    )
    return [
        "",
        "",
        f"def {r.function_name(name)}({r.signature(d, TAIL, surface.input_names)}):",
        r.docstring(d, input_names=surface.input_names),
        f"    return {call}",
    ]


def module(ops, surface):
    """Text of the module of a surface."""
    entries = r.on_surface(ops, surface.name)
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
    lines += [
        f"_op_{name} = _operator({name!r})" for name in sorted({d["name"] for _, d in entries})
    ]
    for name, d in entries:
        lines += _function(surface, name, d)
    lines += ["", "", *r.namespace_lines([name for name, _ in entries])]
    return "\n".join(lines).rstrip() + "\n"
