"""Costs of the engine, beside NumPy's, MXNet's and PyTorch's.

    python tests/bench/engine.py
    python tests/bench/engine.py --peer mxnet=PYTHON --peer torch=PYTHON
    python tests/bench/engine.py --only chain --only memory --full

Each part runs in a process of its own for each library. Numbers are the smallest of several rounds,
and the two sides of a ratio take turns in one process, or processes of both sides take turns, so
that a machine that others use as well changes the numbers and hardly the ratios.
"""

import argparse
import json
import os
import subprocess
import sys
import timeit
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROUNDS = 15


def best(call, number):
    """Nanoseconds of one call: the smallest of ROUNDS rounds."""
    return min(timeit.repeat(call, number=number, repeat=ROUNDS)) / number * 1e9


def in_turn(calls, number):
    """The same for several calls that take turns."""
    times = [float("inf")] * len(calls)
    for _ in range(ROUNDS):
        for i, call in enumerate(calls):
            times[i] = min(times[i], timeit.timeit(call, number=number) / number * 1e9)
    return times


def load(library):
    """The module of `plait` or of MXNet."""
    if library == "plait":
        import plait

        return plait
    import numpy

    numpy.bool = bool  # MXNet 1.9.1 uses names that NumPy has removed
    import mxnet

    return mxnet


def small_operations(library):
    """Nanoseconds of `a + b` on one element, of recording it, and of NumPy's."""
    import numpy as np

    number = 2000 if library == "mxnet" else 20000
    x, y = np.ones(1, "f"), np.ones(1, "f")
    if library == "torch":
        import torch

        torch.set_num_threads(1)
        a, b = torch.ones(1), torch.ones(1)
        tracked = torch.ones(1, requires_grad=True)
        plain, numpy, recorded = in_turn(
            [lambda: a + b, lambda: x + y, lambda: tracked + b], number
        )
        return {"plain": plain, "recorded": recorded, "numpy": numpy}
    mx = load(library)
    a, b, tracked = (mx.nd.ones((1,)) for _ in range(3))
    tracked.attach_grad()
    plain, numpy = in_turn([lambda: a + b, lambda: x + y], number)
    mx.nd.waitall()
    with mx.autograd.record():
        recorded = best(lambda: tracked + b, number)
    mx.nd.waitall()
    return {"plain": plain, "recorded": recorded, "numpy": numpy}


def branches(library, size):
    """Milliseconds of 8 independent matrix products: pushed together, and one by one."""
    if library == "torch":
        import torch

        arrays = [torch.randn(size, size) for _ in range(8)]

        def together():
            return [a @ a for a in arrays]

        return [t / 1e6 for t in in_turn([together, together], 3)]
    mx = load(library)
    arrays = [mx.nd.random.normal(shape=(size, size)) for _ in range(8)]
    mx.nd.waitall()

    def together():
        with mx.engine.bulk(8):
            results = [mx.nd.dot(a, a) for a in arrays]
        for r in results:
            r.wait_to_read()

    def one_by_one():
        for a in arrays:
            mx.nd.dot(a, a).wait_to_read()

    together()
    return [t / 1e6 for t in in_turn([together, one_by_one], 3)]


def chain(library, size):
    """Milliseconds of 20 matrix products, each of the result before; read at the end."""
    if library == "torch":
        import torch

        a = torch.randn(size, size) / size

        def run():
            b = a
            for _ in range(20):
                b = a @ b
    else:
        mx = load(library)
        a = mx.nd.random.normal(shape=(size, size)) / size

        def run():
            b = a
            for _ in range(20):
                b = mx.nd.dot(a, b)
            b.wait_to_read()

    run()
    return best(run, 2) / 1e6


def training_step(library, hybrid):
    """Milliseconds of one training step of a small network of dense layers."""
    mx = load(library)
    nn = mx.gluon.nn
    net = nn.HybridSequential()
    net.add(nn.Dense(128, activation="relu"), nn.Dense(64, activation="relu"), nn.Dense(10))
    net.initialize()
    if hybrid:
        net.hybridize(static_alloc=True, static_shape=True)
    trainer = mx.gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0.01})
    loss_of = mx.gluon.loss.SoftmaxCrossEntropyLoss()
    x, y = mx.nd.random.normal(shape=(64, 784)), mx.nd.zeros((64,))

    def step():
        with mx.autograd.record():
            loss = loss_of(net(x), y)
        loss.backward()
        trainer.step(64)
        loss.wait_to_read()

    step()
    return best(step, 20) / 1e6


def bounded_memory(library, operations, mebibytes):
    """MiB at most in use, and operations a second, while nobody reads the results."""
    mx = load(library)
    a = mx.nd.ones((mebibytes, 512, 512))
    a.wait_to_read()
    begin = timeit.default_timer()
    for _ in range(operations):
        a * 2
    mx.nd.waitall()
    seconds = timeit.default_timer() - begin
    return mx.engine.memory_stats()["peak_bytes_in_use"] / 2**20, operations / seconds


PARTS = {
    "small": small_operations,
    "branches": branches,
    "chain": chain,
    "step": training_step,
    "memory": bounded_memory,
}


def ask(python, part, *args, **env):
    """Result of PARTS[part](*args) in a process of its own."""
    command = [python, __file__, "--part", part, json.dumps(args)]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **env})
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def table(title, heads, rows):
    """Print `rows`, whose first cells are names, below `heads`."""
    print(f"\n{title}")
    widths = [max(12, len(h) + 2) for h in heads]
    print(" " * 24 + "".join(h.rjust(w) for h, w in zip(heads, widths, strict=True)))
    for name, *cells in rows:
        cells = [c if isinstance(c, str) else f"{c:.3g}" if c < 100 else f"{c:.0f}" for c in cells]
        print(name.ljust(24) + "".join(c.rjust(w) for c, w in zip(cells, widths, strict=True)))


def show_tasks(pythons, full):
    """What an empty task costs in C++."""
    found = sorted(ROOT.glob("build/*/plait_tests"))
    if not found:
        print("\nan empty task in C++: not built (PLAIT_BUILD_TESTS)")
        return
    command = [found[0], "engine_cost_of_an_empty_task"]
    out = subprocess.run(command, capture_output=True, text=True).stdout
    print("\nan empty task in C++")
    print("\n".join(line for line in out.splitlines() if " ns" in line))


def show_small(pythons, full):
    """One element through Python."""
    rows = []
    for name, python in pythons.items():
        t = ask(python, "small", name)
        ratio, extra = t["plain"] / t["numpy"], t["recorded"] - t["plain"]
        rows.append((name, t["plain"], t["numpy"], ratio, extra))
    heads = ("a + b", "NumPy", "ratio", "recording adds")
    table("one element from Python, ns", heads, rows)


def show_branches(pythons, full):
    """Independent work."""
    rows = []
    for size in (256, 512, 768):
        for name, python in pythons.items():
            together, serial = ask(python, "branches", name, size)
            rows.append((f"{name} {size}", together, serial, serial / together))
    heads = ("together", "one by one", "ratio")
    table("8 independent matrix products on all cores, ms", heads, rows)


def show_chain(pythons, full):
    """Dependent work, by both engines; the processes take turns."""
    rows = []
    for size in (64, 256, 512):
        for name, python in pythons.items():
            threaded, naive = [], []
            for _ in range(1 if name == "torch" else 3):
                threaded.append(ask(python, "chain", name, size))
                if name != "torch":
                    serial = {"PLAIT_ENGINE": "naive", "MXNET_ENGINE_TYPE": "NaiveEngine"}
                    naive.append(ask(python, "chain", name, size, **serial))
            if naive:
                ratio = min(threaded) / min(naive)
                rows.append((f"{name} {size}", min(threaded), min(naive), ratio))
            else:
                rows.append((f"{name} {size}", min(threaded), "-", "-"))
    table("20 matrix products in a chain, ms", ("threaded", "naive", "ratio"), rows)


def show_step(pythons, full):
    """Many small operations with dependencies."""
    rows = []
    for name, python in pythons.items():
        if name != "torch":
            eager, hybrid = ask(python, "step", name, False), ask(python, "step", name, True)
            rows.append((name, eager, hybrid, hybrid / eager))
    table("a training step of three dense layers, ms", ("eager", "hybridized", "ratio"), rows)


def show_memory(pythons, full):
    """Back-pressure."""
    rows = []
    for operations, mebibytes in [(20_000, 4), (1_000_000 if full else 100_000, 1)]:
        queue_all = {"PLAIT_MAX_PENDING_MB": "256", "PLAIT_CALLER_NS": "0", "PLAIT_INLINE_NS": "0"}
        most, rate = ask(sys.executable, "memory", "plait", operations, mebibytes, **queue_all)
        rows.append((f"{operations} of {mebibytes} MiB", most, "256", f"{rate:.0f}"))
    heads = ("most MiB", "limit", "operations/s")
    table("results that nobody reads, all queued", heads, rows)


SHOWN = {
    "tasks": show_tasks,
    "small": show_small,
    "branches": show_branches,
    "chain": show_chain,
    "step": show_step,
    "memory": show_memory,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer", action="append", default=[], metavar="NAME=PYTHON")
    parser.add_argument("--only", action="append", choices=SHOWN, help="of the tables")
    parser.add_argument("--full", action="store_true", help="a million operations without reading")
    parser.add_argument("--part", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.part:
        print(json.dumps(PARTS[options.part[0]](*json.loads(options.part[1]))))
        return
    pythons = {"plait": sys.executable, **dict(p.split("=", 1) for p in options.peer)}
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    for name in options.only or SHOWN:
        SHOWN[name](pythons, options.full)


if __name__ == "__main__":
    main()
