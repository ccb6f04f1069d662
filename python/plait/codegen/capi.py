"""Writes cython/plait/_capi.pxd from the C header."""

import re
from pathlib import Path

_HEAD = """# Generated from bindings_c/include/plait/c_api.h by `python -m plait.codegen`: do not edit.
from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t

cdef extern from "plait/c_api.h" nogil:
    ctypedef struct DLManagedTensor:
        void (*deleter)(DLManagedTensor *tensor) noexcept
    ctypedef struct DLManagedTensorVersioned:
        void (*deleter)(DLManagedTensorVersioned *tensor) noexcept
"""

_STRUCT = re.compile(r"typedef struct (\w+) \{(.*?)\} \1;", re.S)


def _clean(text):
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    text = re.sub(r"^\s*#.*(?:\\\n.*)*$", "", text, flags=re.M)
    text = text.replace("PLAIT_API", "").replace("struct DLManaged", "DLManaged")
    text = text.replace(" from,", " source,")  # a keyword in Cython
    text = re.sub(r"(\*+) +(?=\w)", r" \1", text)  # whichever side the formatter puts the star
    return text.replace('extern "C" {', "")


def _parameters(text):
    text = text.strip()
    return "" if text == "void" else text


def declarations(header):
    """Cython declarations for the text of the header."""
    text = _clean(header)
    out = []
    for name, body in re.findall(r"typedef enum \w+ \{(.*?)\} (\w+);", text, flags=re.S):
        out.append(f"    ctypedef enum {body}:")
        out += [f"        {item.split('=')[0].strip()}" for item in name.split(",") if item.strip()]
    text = re.sub(r"typedef enum .*?;", "", text, flags=re.S)
    for const, tag, name in re.findall(r"typedef (const )?struct (\w+) \*(\w+);", text):
        out += [f"    cdef struct {tag}", f"    ctypedef {const}{tag} *{name}"]
    text = re.sub(r"typedef (?:const )?struct \w+ \*\w+;", "", text)
    for name, fields in _STRUCT.findall(text):
        union = re.search(r"union \{(.*?)\} (\w+);", fields, flags=re.S)
        if union:
            out.append(f"    cdef union _{name}_{union[2]}:")
            out += [f"        {f.strip()}" for f in union[1].split(";") if f.strip()]
            fields = fields.replace(union[0], "")
        out.append(f"    ctypedef struct {name}:")
        out += [
            f"        {f.strip().replace('[PLAIT_MAX_NDIM]', '[32]')}"
            for f in fields.split(";")
            if f.strip()
        ]
        if union:  # `as` is a keyword in Cython
            out.append(f'        _{name}_{union[2]} as_ "{union[2]}"')
    text = _STRUCT.sub("", text)
    for kind, name, params in re.findall(r"typedef (\w+) \(\*(\w+)\)\((.*?)\);", text, flags=re.S):
        out.append(
            f"    ctypedef {kind} (*{name})({' '.join(_parameters(params).split())}) noexcept"
        )
    text = re.sub(r"typedef \w+ \(\*\w+\)\(.*?\);", "", text, flags=re.S)
    for line in re.findall(r"[\w\s*]+?\bplait_\w+\((?:[^()]|\([^()]*\))*\);", text):
        line = " ".join(line.split())[:-1]
        kind, params = line.split("(", 1)
        params = _parameters(params[:-1]).replace(
            "(*interrupted)(void)", "(*interrupted)() noexcept"
        )
        out.append(f"    {kind}({params})")
    return (
        _HEAD
        + "\n".join(line.replace("const char *const *", "const char **") for line in out)
        + "\n"
    )


def write(root):
    """Write the file below the root of a checkout; returns its path."""
    root = Path(root)
    path = root / "cython" / "plait" / "_capi.pxd"
    path.write_text(declarations((root / "bindings_c/include/plait/c_api.h").read_text()))
    return path
