"""Time of allreduce by size: plait beside mpi4py, and Gloo if torch can be imported.

    mpirun -n 2 python tests/bench/allreduce.py [--torch SITE_PACKAGES] [--sizes BYTES ...]
        [--out table.md]

All run in the same processes, in turns; the table has the best turn of each, in microseconds.
"""

import argparse
import sys
import time

import numpy as np

import plait as mx

SIZES = [1 << k for k in range(10, 27, 2)]


def plait_way(comm, size):
    data = mx.nd.ones((size // 4,))
    return lambda: comm.allreduce(data, wait=True)


def mpi4py_way(comm, size):
    from mpi4py import MPI

    data = np.ones(size // 4, np.float32)
    return lambda: MPI.COMM_WORLD.Allreduce(MPI.IN_PLACE, data)


def gloo_way(comm, size):
    import torch

    data = torch.ones(size // 4)
    return lambda: torch.distributed.all_reduce(data)


def start_gloo(comm, folder):
    sys.path.append(folder)
    import torch

    torch.set_num_threads(1)
    port = comm.broadcast_object(20000 + int(time.time()) % 10000)
    torch.distributed.init_process_group(
        "gloo", init_method=f"tcp://127.0.0.1:{port}", rank=comm.rank, world_size=comm.size
    )


def measure(comm, ways, size, turns):
    """Microseconds of each way: the best of the turns, each of the slowest rank."""
    calls = {name: way(comm, size) for name, way in ways.items()}
    count = max(1, min(50, (4 << 20) // size))
    times = {name: [] for name in calls}
    for turn in range(turns + 1):
        for name, call in calls.items():
            comm.barrier()
            begin = time.perf_counter()
            for _ in range(count):
                call()
            spent = mx.nd.array([(time.perf_counter() - begin) / count], dtype="float64")
            comm.allreduce(spent, "max", wait=True)
            if turn:  # the first one warms up
                times[name].append(float(spent.asscalar()) * 1e6)
    return {name: min(values) for name, values in times.items()}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--torch", help="folder of site-packages with torch")
    parser.add_argument("--turns", type=int, default=9)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="bytes")
    parser.add_argument("--out")
    options = parser.parse_args()
    comm = mx.dist.world()
    ways = {"plait": plait_way, "mpi4py": mpi4py_way}
    if options.torch:
        start_gloo(comm, options.torch)
        ways["gloo"] = gloo_way
    rows = [
        "| bytes | " + " | ".join(ways) + " | best other / plait |",
        "|---" * (len(ways) + 2) + "|",
    ]
    for size in options.sizes:
        found = measure(comm, ways, size, options.turns)
        others = min(value for name, value in found.items() if name != "plait")
        numbers = " | ".join(f"{value:.0f}" for value in found.values())
        rows.append(f"| {size} | {numbers} | {others / found['plait']:.2f} |")
        if comm.rank == 0:
            print(rows[-1], flush=True)
    if options.torch:
        sys.modules["torch"].distributed.destroy_process_group()
    if comm.rank == 0 and options.out:
        with open(options.out, "w") as file:
            file.write("\n".join(rows) + "\n")


if __name__ == "__main__":
    main()
