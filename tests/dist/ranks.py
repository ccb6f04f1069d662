"""Starts programs on several ranks, and reports what each of their checks found.

A program is a module here whose functions named `check_...` take a communicator. Run as
``mpirun -n 4 python ranks.py collectives result.json`` it runs them all, in order.
"""

import importlib.util
import json
import os
import subprocess
import sys
import traceback
from pathlib import Path

HERE = Path(__file__).resolve().parent

# Variables for ranks on one small machine, whoever runs the tests.
SETTINGS = {
    "OMPI_ALLOW_RUN_AS_ROOT": "1",
    "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
    "OMPI_MCA_rmaps_base_oversubscribe": "1",
    "OMPI_MCA_mpi_yield_when_idle": "1",
    "OMPI_MCA_btl": "self,vader",
    "OMPI_MCA_btl_vader_single_copy_mechanism": "none",
    "OMPI_MCA_plm_rsh_agent": "false",
    "PLAIT_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "PLAIT_DIST_TIMEOUT": "60",
}


def load(program):
    spec = importlib.util.spec_from_file_location(program, HERE / f"{program}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def checks_of(program):
    """Names of the checks, without importing what the program needs."""
    lines = (HERE / f"{program}.py").read_text().splitlines()
    return [line[4:].split("(")[0] for line in lines if line.startswith("def check_")]


def environment(**extra):
    """That of ranks on one small machine, whoever runs the tests."""
    return {**os.environ, **SETTINGS, **{k: str(v) for k, v in extra.items()}}


def mpirun(n, *command, timeout=300, starter="mpirun", **extra):
    """The finished process of ``mpirun -n n python ...``."""
    return subprocess.run(
        [starter, "-n", str(n), sys.executable, *map(str, command)],
        capture_output=True,
        text=True,
        timeout=timeout,
        env=environment(**extra),
    )


def run_all(program, comm):
    """What each check found on this rank: "" or a traceback."""
    module = load(program)
    found = {}
    for name in checks_of(program):
        try:
            getattr(module, name)(comm)
            found[name] = ""
        except Exception:
            found[name] = f"rank {comm.rank}: {traceback.format_exc()}"
    return found


def main(program, path):
    import plait as mx

    comm = mx.dist.world()
    found = run_all(program, comm)
    for rank in range(1, comm.size):
        for name, text in comm.broadcast_object(found, rank).items():
            found[name] += text
    if comm.rank == 0:
        Path(path).write_text(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
