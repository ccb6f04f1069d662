"""What c_api.h promises, in a form that can be compared: `python tests/c/abi.py` writes it.

The newest file in bindings_c/abi/ is the snapshot of the current version of the header; once that
version is released it never changes again.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

import cffi

ROOT = Path(__file__).resolve().parents[2]
INCLUDE = ROOT / "bindings_c" / "include"
HEADER = INCLUDE / "plait" / "c_api.h"
FOLDER = ROOT / "bindings_c" / "abi"


def preprocessed():
    """The header as cffi reads it."""
    command = ["gcc", "-E", "-P", "-DPLAIT_API=", "-DPLAIT_NO_STD_INCLUDES", f"-I{INCLUDE}"]
    done = subprocess.run([*command, str(HEADER)], capture_output=True, text=True, check=True)
    return done.stdout


def functions(text):
    """{name: "result(parameters)"} of the functions and function types in C text."""
    text = " ".join(text.split())
    found = {}
    for before, name, parameters in re.findall(
        r"(?:^|[;}] ?)((?:typedef )?[\w\s*]*?\(?\*?)\b(plait_\w+)\)? ?(\((?:[^()]|\([^()]*\))*\)) ?(?=;)",
        text,
    ):
        names_gone = re.sub(
            r"\b(?!const\b|struct\b|void\b)[a-z_0-9]+(?=[,)])(?<!_t)", "", parameters
        )
        shape = re.sub(r"\s+", " ", re.sub(r"\s*([*,()])\s*", r"\1", names_gone))
        found[name] = re.sub(r"\s*\*", "*", before).strip() + shape
    return found


def snapshot():
    """Names, signatures, values of enums, sizes of structs and offsets of their fields."""
    text = preprocessed()
    ffi = cffi.FFI()
    ffi.cdef(text)
    typedefs, _, _ = ffi.list_types()
    enums, structs = {}, {}
    for name in typedefs:
        kind = ffi.typeof(name)
        if kind.kind == "enum":
            enums[name] = dict(sorted(kind.relements.items(), key=lambda item: item[1]))
        elif kind.kind == "struct" and kind.fields is not None:
            fields = {field: [f.offset, f.type.cname] for field, f in kind.fields}
            structs[name] = {"size": ffi.sizeof(name), "fields": fields}
    version = int(re.search(r"#define PLAIT_ABI_VERSION (\d+)", HEADER.read_text())[1])
    return {
        "abi_version": version,
        "functions": dict(sorted(functions(text).items())),
        "enums": dict(sorted(enums.items())),
        "structs": dict(sorted(structs.items())),
    }


def newest():
    """Path of the newest snapshot."""
    return max(FOLDER.glob("*.json"), key=lambda p: [int(n) for n in p.stem.split(".")])


def since():
    """{function: version of its @since}; a comment stands for all declarations up to a blank line."""
    found = {}
    for block in re.split(r"\n[ \t]*\n", HEADER.read_text()):
        versions = re.findall(r"@since\s+(?:\* )?([\d.]+\d)", block)
        for name in re.findall(r"PLAIT_API [^;]*?\b(plait_\w+)\(", block):
            found[name] = versions[-1] if versions else None
    return found


if __name__ == "__main__":
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else newest()
    path.write_text(json.dumps(snapshot(), indent=1) + "\n")
