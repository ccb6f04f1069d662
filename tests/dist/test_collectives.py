"""The checks of collectives.py: ranks of one process, and processes that mpirun starts."""

import threading

import pytest
from ranks import checks_of, load

import plait as mx

NAMES = checks_of("collectives")


@pytest.mark.parametrize("size", [1, 2, 3, 4])
@pytest.mark.parametrize("name", NAMES)
def test_ranks_of_one_process(name, size):
    check = getattr(load("collectives"), name)
    failures = []

    def run(comm):
        try:
            check(comm)
        except Exception as error:
            failures.append(error)
            comm.abort(str(error))

    threads = [threading.Thread(target=run, args=(c,)) for c in mx.dist.group(size)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


@pytest.mark.parametrize("launch", [(2, 1), (4, 1), (2, 0)], ids=["2", "4", "2 by messages"])
@pytest.mark.parametrize("name", NAMES)
def test_processes(launched, name, launch):
    size, shared = launch
    assert launched("collectives", size, PLAIT_DIST_SHM=shared)[name] == ""
