"""Starts each program once for all tests, also when several pytest processes share them."""

import fcntl
import json
import shutil
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))


@pytest.fixture(scope="session")
def launched(tmp_path_factory):
    """launched(program, size): what each check of the program found on `size` ranks."""
    if not shutil.which("mpirun"):
        pytest.skip("no mpirun")
    import ranks

    base = tmp_path_factory.getbasetemp()
    folder = base.parent if base.name.startswith("popen-") else base

    def run(program, size, **extra):
        tail = "".join(f"-{k}{Path(str(v)).name}" for k, v in sorted(extra.items()))
        result = folder / f"{program}-{size}{tail}.json"
        with open(f"{result}.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not result.exists():
                done = ranks.mpirun(size, HERE / "ranks.py", program, result, **extra)
                if done.returncode or not result.exists():
                    text = f"mpirun ended with {done.returncode}: {done.stdout}{done.stderr}"
                    result.write_text(json.dumps({n: text for n in ranks.checks_of(program)}))
        return json.loads(result.read_text())

    return run
