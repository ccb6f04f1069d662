"""core/cmake/redirect_openmp.py on small libraries."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "core" / "cmake" / "redirect_openmp.py"


def library(folder, text, *flags):
    """Path of a shared library of this C program."""
    (folder / "part.c").write_text(text)
    command = ["cc", "-shared", "-fPIC", "-o", "part.so", "part.c", *flags]
    subprocess.run(command, cwd=folder, check=True)
    return folder / "part.so"


def redirect(path):
    return subprocess.run([sys.executable, SCRIPT, path], capture_output=True, text=True)


def names(path):
    """Undefined names, and needed libraries."""
    symbols = subprocess.run(["nm", "-D", "-u", path], capture_output=True, text=True, check=True)
    needed = subprocess.run(["objdump", "-p", path], capture_output=True, text=True, check=True)
    return symbols.stdout, [
        line.split()[1] for line in needed.stdout.splitlines() if line.split()[:1] == ["NEEDED"]
    ]


def test_names_and_library_are_replaced(tmp_path):
    path = library(
        tmp_path,
        "void GOMP_barrier(void); int omp_get_num_threads(void);\n"
        "int barrier(void) { GOMP_barrier(); return omp_get_num_threads(); }\n",
        "-lgomp",
    )
    size = path.stat().st_size
    done = redirect(path)
    assert done.returncode == 0, done.stderr
    symbols, needed = names(path)
    assert "GPLT_barrier@GOMP_1.0" in symbols and "plt_get_num_threads@OMP_1.0" in symbols
    assert "omp_" not in symbols and "libplteam.so" in needed and "libgomp.so.1" not in needed
    assert path.stat().st_size == size


@pytest.mark.parametrize(
    ("text", "flags", "message"),
    [
        ("int one(void) { return 1; }", [], "does not need libgomp.so.1"),
        (
            "void GOMP_taskwait(void); void wait(void) { GOMP_taskwait(); }",
            ["-lgomp"],
            "needs GPLT_taskwait: not in core/team",
        ),
    ],
)
def test_what_cannot_be_replaced_is_left_alone(tmp_path, text, flags, message):
    path = library(tmp_path, text, *flags)
    before = path.read_bytes()
    done = redirect(path)
    assert done.returncode != 0 and message in done.stderr
    assert path.read_bytes() == before
