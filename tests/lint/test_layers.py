"""Includes point downward only: each folder of core/ sees the folders named here and itself."""

import re

import pytest
from tree import files, read

LAYERS = {
    "base": "",
    "memory": "base",
    "team": "base",
    "engine": "base team",
    "tensor": "base memory engine",
    "op": "base memory engine tensor",  # kernels of devices come from their libraries
    "kernels": "base memory team",  # scratch memory comes from the pool
    "ops": "base tensor op kernels",
    "autograd": "base tensor op",
    "graph": "base memory engine tensor op autograd",
    "dist": "base memory engine tensor op kernels",
    "data": "base engine tensor kernels",
    "c_api": "base memory engine tensor op kernels autograd graph dist data",
    "codegen": "c_api",
}
INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]', re.MULTILINE)
SOURCES = [f for f in files() if f.parts[0] == "core" and f.suffix in {".h", ".cc", ".cu", ".cuh"}]


def broken_rules(folder, text):
    allowed = {folder, "third_party", *LAYERS[folder].split()}
    for quote, target in INCLUDE.findall(text):
        first, _, rest = target.partition("/")
        if quote == '"' and not rest:
            yield f'"{target}" must be a path from core/'
        elif quote == "<" and first in LAYERS and rest:
            yield f"<{target}> must stand in quotes"
        elif quote == '"' and first != "plait" and first not in allowed:
            yield f'"{target}" is not below {folder}/'


@pytest.mark.parametrize("path", SOURCES, ids=str)
def test_includes_point_downward(path):
    folder = path.parts[1]
    if folder == "third_party":
        pytest.skip("vendored")
    assert folder in LAYERS, f"core/{folder} has no place in the table of layers"
    assert not list(broken_rules(folder, read(path)))


@pytest.mark.parametrize("path", [f for f in SOURCES if f.suffix == ".h"], ids=str)
def test_header_is_guarded_and_not_inline_style(path):
    assert not path.name.endswith("-inl.h")
    assert "#pragma once" in read(path) or "third_party" in path.parts


def test_rule_finds_an_upward_include():
    text = '#include <vector>\n#include "engine/engine.h"\n#include "ops/nn/softmax.h"\n'
    assert len(list(broken_rules("op", text))) == 1
    assert len(list(broken_rules("base", text))) == 2


def test_cython_and_r_see_the_c_header_only():
    binding = [f for f in files() if f.parts[0] in {"cython", "bindings_r"}]
    for path in binding:
        if path.suffix in {".pyx", ".pxd", ".c", ".h"}:
            wrong = re.findall(
                r'(?:from|include)\s+"((?!plait/|plait\.h)[\w/]+\.h(?:h|pp)?)"', read(path)
            )
            local = {f.name for f in binding if f.parent == path.parent}
            assert not set(wrong) - local, path
