"""The example program learns, with one process and with two, and goes on from a checkpoint."""

import re
import shutil
import subprocess
import sys

import pytest
from ranks import HERE, environment

EXAMPLE = HERE.parents[1] / "examples" / "python" / "distributed.py"


def run(*command):
    done = subprocess.run(
        [sys.executable, *map(str, command)],
        capture_output=True,
        text=True,
        timeout=120,
        env=environment(),
    )
    assert done.returncode == 0, done.stderr
    return [float(a) for a in re.findall(r"accuracy ([0-9.]+)", done.stdout)]


def test_one_process():
    pytest.importorskip("sklearn")
    assert max(run(EXAMPLE, "--epochs", 3)) > 0.8


@pytest.mark.skipif(not shutil.which("mpirun"), reason="no mpirun")
def test_two_processes(tmp_path):
    pytest.importorskip("sklearn")
    launch = ("-m", "plait.launch", "-n", 2, EXAMPLE, "--zero", 2, "--checkpoints", tmp_path)
    assert len(run(*launch, "--epochs", 2)) == 2
    [last] = run(*launch, "--epochs", 3)  # from the second one on
    assert last > 0.8
