"""The C header is C99 and C++20, cffi can read it, and the library exports nothing else."""

import re
import shutil
import subprocess

import cffi
import pytest
from tree import ROOT, files, read

INCLUDE = ROOT / "bindings_c" / "include"
HEADERS = sorted(p.name for p in (INCLUDE / "plait").glob("*.h"))
HPP = sorted(str(p.relative_to(INCLUDE / "plait")) for p in (INCLUDE / "plait").rglob("*.hpp"))
WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only"]


def compiler(name):
    return shutil.which(name) or pytest.skip(f"no {name}")


def run(*command, **kwargs):
    done = subprocess.run(command, capture_output=True, text=True, **kwargs)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("header", HEADERS)
@pytest.mark.parametrize(
    "language", [("gcc", "c", "c99"), ("g++", "c++", "c++20")], ids=lambda x: x[2]
)
def test_header_compiles_alone(header, language):
    name, kind, standard = language
    command = [compiler(name), "-x", kind, f"-std={standard}", *WARNINGS, f"-I{INCLUDE}", "-"]
    run(*command, input=f'#include "plait/{header}"\n')


@pytest.mark.parametrize("header", HPP)
def test_cpp_header_compiles_alone(header):
    command = [compiler("g++"), "-x", "c++", "-std=c++20", *WARNINGS, f"-I{INCLUDE}", "-"]
    run(*command, input=f'#include "plait/{header}"\n')


def declarations():
    """The header as cffi reads it."""
    return run(
        *(compiler("gcc"), "-E", "-P", "-DPLAIT_API=", "-DPLAIT_NO_STD_INCLUDES"),
        *(f"-I{INCLUDE}", str(INCLUDE / "plait" / "c_api.h")),
    )


def test_cffi_reads_the_header():
    cffi.FFI().cdef(declarations())


def declared():
    return set(re.findall(r"\b(plait_\w+)\s*\((?!\*)", declarations()))


def test_library_exports_exactly_the_declared_functions():
    plait = pytest.importorskip("plait")
    folders = [ROOT.joinpath(p) for p in plait.__path__]
    library = next((p for f in folders for p in [f / "lib" / "libplait.so"] if p.exists()), None)
    assert library, f"no lib/libplait.so in {folders}"
    lines = run(compiler("nm"), "-D", "--defined-only", str(library)).splitlines()
    exported = {line.split()[-1] for line in lines}
    assert {s for s in exported if not s.startswith("plait_")} == set()
    assert exported == declared()


def bodies():
    """(file, function, body) of each function with a status that core/c_api defines."""
    begin = re.compile(
        r"^plait_status_t (plait_\w+)\([^)]*\) \{$(.*?)^\}", re.MULTILINE | re.DOTALL
    )
    for path in files():
        if path.parts[:2] == ("core", "c_api") and path.suffix == ".cc":
            for name, body in begin.findall(read(path)):
                yield path.name, name, body


def test_every_function_is_guarded():
    unguarded = [f"{file}: {name}" for file, name, body in bodies() if "guarded(" not in body]
    assert not unguarded
