"""Programs in the manner of MXNet's examples, unchanged from `import mxnet` on.

Each runs under MXNet 1.9.1 too: `$MXNET_PYTHON tests/mxnet_compat/programs/fine_tune.py`.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ALIAS = Path(__file__).resolve().parents[2] / "python" / "mxnet_alias"
PROGRAMS = sorted((Path(__file__).parent / "programs").glob("*.py"))


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.stem)
def test_program_runs_unchanged(program, tmp_path):
    environment = dict(os.environ, PYTHONPATH=str(ALIAS), PLAIT_NUM_THREADS="1")
    done = subprocess.run(
        [sys.executable, "-W", "error", str(program)],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == f"{program.stem} ok"
