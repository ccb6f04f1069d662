"""The R package, built once for all tests into a library of its own."""

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "bindings_r"
sys.path.insert(0, str(ROOT / "tests" / "dist"))  # the settings of ranks


def run(command, **kwargs):
    """Run a program; its output is shown if it fails."""
    done = subprocess.run(command, capture_output=True, text=True, **kwargs)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-8000:]
    return done.stdout


def environment(library):
    """Variables for R: where the package is, and which Python has the library."""
    return os.environ | {"R_LIBS": str(library), "PLAIT_PYTHON": sys.executable}


def build(folder):
    """Copy the sources, so that nothing is left in them, and install them into `folder`."""
    source = folder / "source"
    shutil.copytree(PACKAGE, source, ignore=shutil.ignore_patterns("*.o", "*.so", "Makevars"))
    library = folder / "library"
    library.mkdir()
    flags = ["--no-docs", "--no-byte-compile", "--no-test-load", f"--library={library}"]
    run(["R", "CMD", "INSTALL", *flags, str(source)], env=environment(library))
    return library


@pytest.fixture(scope="session")
def library(tmp_path_factory, worker_id):
    """Folder of the installed package; processes of one run share it."""
    if not shutil.which("R"):
        pytest.skip("no R")
    folder = tmp_path_factory.getbasetemp()
    folder = (folder if worker_id == "master" else folder.parent) / "plait_r"
    folder.mkdir(exist_ok=True)
    with open(folder / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "built").exists():
            build(folder)
            (folder / "built").touch()
    return folder / "library"


@pytest.fixture(scope="session")
def r_environment(library):
    """Variables with which R finds the package."""
    return environment(library)


@pytest.fixture(scope="session")
def r_command(library):
    """A function that runs R with its arguments."""
    return lambda *arguments, **kw: run(["R", *arguments], env=environment(library), **kw)


@pytest.fixture(scope="session")
def rscript(library):
    """A function that runs Rscript with its arguments and the package on the path."""
    return lambda *arguments: run(["Rscript", *arguments], env=environment(library))


@pytest.fixture(scope="session")
def r(library):
    """R inside this process, with the package attached."""
    os.environ.update(environment(library))
    robjects = pytest.importorskip("rpy2.robjects")
    robjects.r("library(plait)")
    return robjects.r
