"""The example programs learn with two processes; one leaves checkpoints."""

import re
import shutil
import subprocess
import sys

import pytest
from ranks import HERE, environment

EXAMPLES = HERE.parents[1] / "examples" / "python"


def run(pattern, *command):
    done = subprocess.run(
        [sys.executable, *map(str, command)],
        capture_output=True,
        text=True,
        timeout=120,
        env=environment(),
    )
    assert done.returncode == 0, done.stderr
    return [float(a) for a in re.findall(pattern, done.stdout)]


@pytest.mark.skipif(not shutil.which("mpirun"), reason="no mpirun")
def test_two_processes(tmp_path):
    pytest.importorskip("sklearn")
    launch = ("-m", "plait.launch", "-n", 2, EXAMPLES / "distributed.py", "--zero", 2)
    accuracies = run(r"accuracy ([0-9.]+)", *launch, "--checkpoints", tmp_path, "--epochs", 3)
    assert accuracies[-1] > 0.8
    assert len(list(tmp_path.glob("step-*"))) == 2


@pytest.mark.skipif(not shutil.which("mpirun"), reason="no mpirun")
def test_parallel_models():
    launch = ("-m", "plait.launch", "-n", 2, EXAMPLES / "parallel_models.py")
    losses = run(r"loss ([0-9.]+)", *launch)
    assert len(losses) == 4 and max(losses) < 0.7  # at the start 1.4
