"""The example program learns with two processes, and leaves checkpoints."""

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


@pytest.mark.skipif(not shutil.which("mpirun"), reason="no mpirun")
def test_two_processes(tmp_path):
    pytest.importorskip("sklearn")
    launch = ("-m", "plait.launch", "-n", 2, EXAMPLE, "--zero", 2, "--checkpoints", tmp_path)
    assert run(*launch, "--epochs", 3)[-1] > 0.8
    assert len(list(tmp_path.glob("step-*"))) == 2
