"""Costs of the engine, beside NumPy's, MXNet's and PyTorch's, and whether they keep their limits.

    python tests/bench/engine.py
    python tests/bench/engine.py --peer mxnet=PYTHON --peer torch=PYTHON
    python tests/bench/engine.py --only chain --only memory --full

Each part runs in a process of its own for each library. Numbers are the smallest of several rounds,
and the two sides of a ratio take turns in one process, or processes of both sides take turns, so
that a machine that others use as well changes the numbers and hardly the ratios. The last table
holds the limits that the engine is to keep.
"""

import argparse
import contextlib
import json
import operator
import os
import re
import subprocess
import sys
import timeit
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROUNDS = 15


def best(call, number):
    """Nanoseconds of one call: the smallest of ROUNDS rounds."""
    return min(timeit.repeat(call, number=number, repeat=ROUNDS)) / number * 1e9


def in_turn(calls, number, rounds=ROUNDS):
    """The same for several calls that take turns."""
    times = [float("inf")] * len(calls)
    for _ in range(rounds):
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


def branches(library, size, is_layer):
    """Milliseconds of 8 independent branches: pushed together, and each read before the next; and
    the latter on one core.

    A branch is a matrix product, or a layer: a product, a bias, an activation and a mean.
    """
    if library == "torch":
        import torch

        def layer(x, w, b):
            return torch.relu(x @ w + b).mean() if is_layer else x @ w

        inputs = [
            (torch.randn(size, size), torch.randn(size, size), torch.randn(size)) for _ in range(8)
        ]
        return [in_turn([lambda: [layer(*i) for i in inputs]], 3, 60)[0] / 1e6, 0]
    mx = load(library)
    nd = mx.nd

    def layer(x, w, b):
        y = nd.dot(x, w)
        return nd.mean(nd.relu(nd.broadcast_add(y, b))) if is_layer else y

    inputs = [
        (*(nd.random.normal(shape=(size, size)) for _ in "xw"), nd.zeros((1, size)))
        for _ in range(8)
    ]
    nd.waitall()
    cores = mx.engine.stats()["threads"] if library == "plait" else 0

    def together():
        with mx.engine.bulk(cores) if cores else contextlib.nullcontext():
            results = [layer(*i) for i in inputs]
        for r in results:
            r.wait_to_read()

    def one_by_one():
        for i in inputs:
            layer(*i).wait_to_read()

    together()
    times = in_turn([together, one_by_one], 3, 60)
    if cores:
        mx.engine.set_num_threads(1)
        times.append(best(one_by_one, 3))
    return [t / 1e6 for t in times]


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
    return best(run, max(2, 200 // size * 10)) / 1e6


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
    rows = list(rows)
    first = max(len(name) for name, *_ in rows)
    widths = [max(12, len(h) + 2) for h in heads]
    print(" " * first + "".join(h.rjust(w) for h, w in zip(heads, widths, strict=True)))
    for name, *cells in rows:
        cells = [c if isinstance(c, str) else f"{c:.3g}" if c < 100 else f"{c:.0f}" for c in cells]
        print(name.ljust(first) + "".join(c.rjust(w) for c, w in zip(cells, widths, strict=True)))


LIMITS = []  # (what, number, relation, limit)
RELATIONS = {"<": operator.lt, "<=": operator.le, ">": operator.gt}


def limit(what, number, relation, most):
    LIMITS.append((what, number, relation, most))


def show_tasks(pythons, full):
    """What an empty task costs in C++."""
    found = sorted(ROOT.glob("build/*/plait_tests"))
    if not found:
        print("\nan empty task in C++: not built (PLAIT_BUILD_TESTS)")
        return
    command = [found[0], "engine_cost_of_an_empty_task"]
    runs = [subprocess.run(command, capture_output=True, text=True).stdout for _ in range(3)]
    least = {}
    for name, ns in re.findall(r"^(.*\S) +(\d+) ns$", "".join(runs), re.MULTILINE):
        least[name] = min(int(ns), least.get(name, int(ns)))
    table("an empty task in C++, ns", ("of 3 runs",), least.items())
    limit("empty task inline, ns", least["inline: task made, pushed and waited for"], "<", 150)
    limit("empty task handed over, ns", least["handed over: pushed and waited for"], "<", 3000)


def show_small(pythons, full):
    """One element through Python."""
    rows = []
    for name, python in pythons.items():
        t = ask(python, "small", name)
        ratio, extra = t["plain"] / t["numpy"], t["recorded"] - t["plain"]
        rows.append((name, t["plain"], t["numpy"], ratio, extra))
    heads = ("a + b", "NumPy", "ratio", "recording adds")
    table("one element from Python, ns", heads, rows)
    _, plain, _, ratio, extra = rows[0]
    limit("a + b from Python, ns", plain, "<", 600)
    limit("a + b from Python, of NumPy's time", ratio, "<=", 1.3)
    limit("recording adds, ns", extra, "<", 400)


def show_branches(pythons, full):
    """Independent work; the matrices of a product of 512 are larger than a core's cache.

    "At most" is the ratio of cores that each run their share of the branches and never wait.
    """
    for is_layer, what in enumerate(("products", "layers")):
        rows = []
        for size in (128, 192, 256, 512):
            for name, python in pythons.items():
                together, serial, *one_core = ask(python, "branches", name, size, is_layer)
                ratio = serial / together
                most = serial * os.cpu_count() / one_core[0] if name == "plait" else "-"
                last = (serial, ratio) if serial else ("-", "-")
                rows.append((f"{name} {size}", together, *last, most))
                if name == "plait" and size < 512:
                    limit(f"8 {what} of {size}, one by one / together", ratio, ">", 1)
        heads = ("together", "one by one", "ratio", "at most")
        table(f"8 independent {what} on all cores, ms", heads, rows)


def show_chain(pythons, full):
    """Dependent work, by both engines; the processes take turns."""
    rows = []
    for size in (64, 256, 512):
        for name, python in pythons.items():
            threaded, naive = [], []
            for _ in range(1 if name == "torch" else 8):
                threaded.append(ask(python, "chain", name, size))
                if name != "torch":
                    serial = {"PLAIT_ENGINE": "naive", "MXNET_ENGINE_TYPE": "NaiveEngine"}
                    naive.append(ask(python, "chain", name, size, **serial))
            if not naive:
                rows.append((f"{name} {size}", min(threaded), "-", "-"))
                continue
            ratio = min(threaded) / min(naive)
            rows.append((f"{name} {size}", min(threaded), min(naive), ratio))
            if name == "plait":
                limit(f"chain of {size}, threaded / naive", ratio, "<=", 1.02)
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
    """Back-pressure; the limit counts what is queued, and what runs comes on top."""
    rows = []
    for operations, mebibytes in [(20_000, 4), (1_000_000 if full else 100_000, 1)]:
        queue_all = {"PLAIT_MAX_PENDING_MB": "256", "PLAIT_CALLER_NS": "0", "PLAIT_INLINE_NS": "0"}
        used, rate = ask(sys.executable, "memory", "plait", operations, mebibytes, **queue_all)
        what = f"{operations} of {mebibytes} MiB"
        rows.append((what, used, "256", f"{rate:.0f}"))
        limit(f"{what}, most MiB in use", used, "<=", 256 + 4 * mebibytes)
    heads = ("most MiB", "limit", "operations/s")
    table("results that nobody reads, all queued", heads, rows)


def show_limits():
    rows = []
    for what, number, relation, most in LIMITS:
        verdict = "kept" if RELATIONS[relation](number, most) else "NOT KEPT"
        rows.append((what, f"{number:.4g}", f"{relation} {most}", verdict))
    table("limits", ("plait", "limit", ""), rows)


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
    if LIMITS:
        show_limits()


if __name__ == "__main__":
    main()
