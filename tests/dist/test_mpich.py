"""MPICH in place of Open MPI, where it is installed; both may be.

The packages mpich of Debian and Fedora call its starter mpiexec.hydra; what is called mpirun may be
that of Open MPI.
"""

import shutil
import subprocess
import sys

import pytest
from ranks import HERE, checks_of, environment

STARTER = shutil.which("mpiexec.hydra")

if not STARTER:
    pytest.skip("no MPICH", allow_module_level=True)


def test_library_is_that_of_the_starter(tmp_path):
    program = (
        "import plait as mx; print(mx.dist.world().size); print(open('/proc/self/maps').read())"
    )
    command = [sys.executable, "-m", "plait.launch", "--mpirun", STARTER, "-n", "1"]
    done = subprocess.run(
        [STARTER, "-n", "2", sys.executable, "-c", program],
        capture_output=True,
        text=True,
        env=environment(),
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("2\n") >= 2
    assert "libmpich" in done.stdout or "libmpi.so.12" in done.stdout
    assert "libmpi.so.40" not in done.stdout
    done = subprocess.run(
        [*command, HERE / "failing.py", "none", tmp_path], capture_output=True, env=environment()
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("shared", [0, 1])
@pytest.mark.parametrize("name", checks_of("collectives"))
def test_collectives(launched, name, shared):
    found = launched("collectives", 2, starter=STARTER, PLAIT_DIST_SHM=shared)
    assert found[name] == ""


@pytest.mark.parametrize("name", checks_of("row_sparse"))
def test_trainers_and_stores(launched, name):
    assert launched("row_sparse", 2, starter=STARTER)[name] == ""
