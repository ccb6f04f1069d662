"""Starts a program on several ranks: ``python -m plait.launch -n 4 train.py --epochs 3``."""

import argparse
import os
import shutil
import subprocess
import sys

__all__ = ["main", "command"]

_PASSED = ("PLAIT_", "MXNET_", "OMP_", "PYTHON")  # beginnings of variables for remote hosts


def main(arguments=None):
    """Run the launcher; returns the exit status of mpirun."""
    parser = argparse.ArgumentParser(
        prog="python -m plait.launch",
        description="Runs a Python program on several ranks, with mpirun underneath.",
        epilog="On Slurm, `srun --mpi=pmix -n 64 python train.py` needs no launcher.",
    )
    parser.add_argument("-n", "--ranks", type=int, required=True, help="number of processes")
    parser.add_argument("--hostfile", help="file with one host (and 'slots=K') a line")
    parser.add_argument("--host", help="hosts, separated by commas, each with ':K' for K ranks")
    parser.add_argument("--threads", type=int, help="cores of each rank; default: equal shares")
    parser.add_argument("--timeout", type=int, help="seconds to wait for a rank that does not come")
    parser.add_argument("--heartbeat", type=int, help="seconds until a silent rank counts as dead")
    parser.add_argument(
        "--check", action="store_true", help="compare each operation between ranks before it runs"
    )
    parser.add_argument("--mpirun", help="the mpirun to use; default: the one in PATH")
    parser.add_argument("program", help="a Python file, or -m with a module")
    parser.add_argument("arguments", nargs=argparse.REMAINDER)
    options = parser.parse_args(arguments)
    if options.ranks < 1:
        parser.error(f"--ranks is {options.ranks}, must be >= 1")
    mpirun = options.mpirun or shutil.which("mpirun") or shutil.which("mpiexec")
    if not mpirun:
        parser.error("no mpirun in PATH; install Open MPI or MPICH, or give --mpirun")
    about = subprocess.run([mpirun, "--version"], capture_output=True, text=True, check=False)
    environment = settings(options)
    line = command(options, mpirun, "Open MPI" in about.stdout, environment)
    status = subprocess.run(line, env=environment, check=False).returncode
    if status:
        print(f"plait.launch: the job failed with status {status}", file=sys.stderr)
    return status if status >= 0 else 128 - status


def settings(options):
    """dict: the environment of the ranks."""
    environment = dict(os.environ)
    for name, value in (
        ("PLAIT_DIST_TIMEOUT", options.timeout),
        ("PLAIT_DIST_HEARTBEAT", options.heartbeat),
        ("PLAIT_DIST_CHECK", 1 if options.check else None),
        ("PLAIT_NUM_THREADS", options.threads),
    ):
        if value is not None:
            environment[name] = str(value)
    if not (options.hostfile or options.host):  # all ranks share this machine
        cores = len(os.sched_getaffinity(0))
        environment.setdefault("PLAIT_NUM_THREADS", str(max(1, cores // options.ranks)))
    return environment


def command(options, mpirun, is_open_mpi, environment):
    """list of str: the command that starts the ranks."""
    line = [mpirun, "-n", str(options.ranks)]
    passed = sorted(name for name in environment if name.startswith(_PASSED))
    if is_open_mpi:
        if options.hostfile:
            line += ["--hostfile", options.hostfile]
        if options.host:
            line += ["--host", options.host]
        if not (options.hostfile or options.host):
            # Ranks may outnumber the cores, and are not tied to one each: they have threads.
            line += ["--oversubscribe"]
        line += ["--bind-to", "none"]
        if os.getuid() == 0:
            line += ["--allow-run-as-root"]
        for name in passed:
            line += ["-x", name]
    else:
        if options.hostfile:
            line += ["-f", options.hostfile]
        if options.host:
            line += ["-hosts", options.host]
        if passed:
            line += ["-genvlist", ",".join(passed)]
    return [*line, sys.executable, options.program, *options.arguments]


if __name__ == "__main__":
    sys.exit(main())
