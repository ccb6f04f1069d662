"""Writes cython/plait/_capi.pxd from the C header."""

import os
import subprocess
from pathlib import Path
from typing import Any

_HEAD = """# Generated from plait/c_api.h by `python -m plait.codegen`: do not edit.
from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t

cdef extern from "plait/c_api.h" nogil:
    ctypedef struct DLManagedTensor:
        void (*deleter)(DLManagedTensor *tensor) noexcept
    ctypedef struct DLManagedTensorVersioned:
        void (*deleter)(DLManagedTensorVersioned *tensor) noexcept
"""
_INTEGERS = "".join(
    f"typedef {kind} {name}_t;\n"
    for kind, name in [
        ("signed char", "int8"),
        ("unsigned char", "uint8"),
        ("short", "int16"),
        ("unsigned short", "uint16"),
        ("int", "int32"),
        ("unsigned", "uint32"),
        ("long", "int64"),
        ("unsigned long", "uint64"),
    ]
)
_KEYWORDS = {"from": "source", "as": "as_"}  # names that Cython does not take


def _parse(header: Path) -> Any:
    """Syntax tree of the header without comments and macros."""
    from pycparser import CParser

    command = [os.environ.get("CC", "cc"), "-E", "-P", "-DPLAIT_API=", "-DPLAIT_NO_STD_INCLUDES"]
    command += [f"-I{header.parent.parent}", str(header)]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return CParser().parse(_INTEGERS + text)


def _declare(node: Any, name: str) -> str:
    """A type with the name that has it, as Cython spells it."""
    from pycparser import c_ast

    if isinstance(node, c_ast.PtrDecl):
        inner = f"*{name}"
        if isinstance(node.type, c_ast.FuncDecl):
            return f"{_declare(node.type, f'({inner})')} noexcept"
        return _declare(node.type, inner)
    if isinstance(node, c_ast.ArrayDecl):
        return _declare(node.type, f"{name}[{node.dim.value}]")
    if isinstance(node, c_ast.FuncDecl):
        parameters = node.args.params if node.args else []
        listed = [_declare(p.type, _KEYWORDS.get(p.name, p.name) or "") for p in parameters]
        return _declare(node.type, f"{name}({', '.join(p for p in listed if p != 'void')})")
    base = node.type
    text = " ".join(base.names) if isinstance(base, c_ast.IdentifierType) else base.name
    # Cython has no const inside of `const char *const *`.
    const = "const " if "const" in node.quals and not name.startswith("**") else ""
    return f"{const}{text} {name}".rstrip()


def _struct(name: str, struct: Any) -> list[str]:
    """Lines of a struct, after those of a union inside it."""
    from pycparser import c_ast

    before: list[str] = []
    lines = [f"    ctypedef struct {name}:"]
    for member in struct.decls:
        inner = getattr(member.type, "type", None)
        if isinstance(inner, c_ast.Union):
            union = f"_{name}_{member.name}"
            before = [f"    cdef union {union}:"]
            before += [f"        {_declare(m.type, m.name)}" for m in inner.decls]
            own = _KEYWORDS.get(member.name, member.name)
            lines.append(f'        {union} {own} "{member.name}"')
        else:
            lines.append(f"        {_declare(member.type, member.name)}")
    return before + lines


def _typedef(node: Any) -> list[str]:
    from pycparser import c_ast

    kind, name = node.type, node.name
    inner = getattr(kind, "type", None)
    if isinstance(inner, c_ast.Enum):
        names = [f"        {item.name}" for item in inner.values.enumerators]
        return [f"    ctypedef enum {name}:", *names]
    if isinstance(inner, c_ast.Struct):
        return _struct(name, inner)
    target = getattr(inner, "type", None)
    if isinstance(kind, c_ast.PtrDecl) and isinstance(target, c_ast.Struct):
        return [f"    cdef struct {target.name}", f"    ctypedef {_declare(kind, name)}"]
    return [f"    ctypedef {_declare(kind, name)}"]


def declarations(header: Path) -> str:
    """Cython declarations for all that the header file names plait_ something."""
    from pycparser import c_ast

    lines: list[str] = []
    for node in _parse(header).ext:
        if not (node.name or "").startswith("plait_"):
            continue
        if isinstance(node, c_ast.Typedef):
            lines += _typedef(node)
        else:
            lines.append(f"    {_declare(node.type, node.name)}")
    return _HEAD + "\n".join(lines) + "\n"
