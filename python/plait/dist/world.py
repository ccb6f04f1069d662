"""The ranks that were started together, and how they end together."""

import atexit
import os
import signal
import sys
import time
import traceback

from .. import _dist, _engine
from ..base import MXNetError
from .communicator import Communicator, members

__all__ = ["world", "group", "is_distributed", "share_batches"]

_GRACE_S = 1.0  # in which the other ranks can say what they were waiting for

_world = None


def is_distributed():
    """True if this process was started by MPI, or the program has imported mpi4py.MPI."""
    return "mpi4py.MPI" in sys.modules or _dist.started() != 0


def world():
    """Communicator: all ranks that were started together; one rank without MPI.

    The first call loads MPI, through mpi4py where that is installed, so that a program can use
    both. All ranks must make it.

    Raises
    ------
    MXNetError
        If there is no MPI library, its thread level is lower than "serialized", or it is not that
        of the mpirun which started the processes.

    Notes
    -----
    From then on an exception that nobody catches ends all ranks, and `SyncBatchNorm` takes the
    batches of all ranks together.
    """
    global _world
    if _world is None:
        if is_distributed():
            _world = _checked(_dist.new_world(_mpi_handle(), Communicator))
            _end_together(_world)
            if _world.size > 1:
                share_batches(_world)
        else:
            (_world,) = group(1)
        atexit.register(_leave)
    return _world


def share_batches(comm):
    """Let `SyncBatchNorm` and ``nd.contrib.sum_over_ranks`` take all ranks of `comm` together.

    `world` does it with all ranks. All of them call it, before networks are compiled, and then
    come to these operators in the same order.

    Parameters
    ----------
    comm : Communicator or None
        None: each process is by itself.
    """
    _dist.share_batches(comm)


def joined():
    """int: how many ranks `world` has joined; 1 before the first call."""
    return 1 if _world is None else _world.size


def group(size):
    """list of Communicator: `size` ranks in this process, for tests and several contexts."""
    return _dist.new_group(size, Communicator)


def _checked(comm):
    """`comm`, if it has the ranks that were started."""
    started = _dist.started()
    if started > 0 and started != comm.size:
        raise MXNetError(
            f"MPI: there is {comm.size} rank, must be {started} as its starter says: the library "
            "is not that of the mpirun\n  hint: name the file in PLAIT_MPI_LIBRARY"
        )
    return comm


def _mpi_handle():
    """Address of mpi4py's handle of the world, or 0."""
    if os.environ.get("PLAIT_MPI_LIBRARY") and "mpi4py.MPI" not in sys.modules:
        return 0  # mpi4py might load another one
    if "PMI_SIZE" in os.environ and "OMPI_COMM_WORLD_SIZE" not in os.environ:
        os.environ.setdefault("MPI4PY_MPIABI", "mpich")  # whose mpirun has started this process
    try:
        from mpi4py import MPI
    except (ImportError, RuntimeError):  # RuntimeError: it does not find the library
        return 0
    return MPI._addressof(MPI.COMM_WORLD)


def _leave():
    global _world
    comm, _world = _world, None
    if comm is None:
        return
    try:
        _engine.wait_all()
    except Exception:  # what nobody read before the end
        traceback.print_exc()
    share_batches(None)
    for each in [*members, comm]:
        each.close()


def _end_together(comm):
    rank, before = comm.rank, sys.excepthook

    def report(kind, error, trace):
        before(kind, error, trace)
        sys.stderr.flush()
        comm.abort(f"{kind.__name__}: {error}")
        time.sleep(_GRACE_S)
        comm.kill()

    def ended(number, frame):
        for line in comm.pending().splitlines():
            print(f"plait: rank {rank} is ended in {line}", file=sys.stderr, flush=True)
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    sys.excepthook = report
    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, ended)
