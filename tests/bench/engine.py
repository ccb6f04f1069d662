"""Costs of the engine, beside NumPy's, MXNet's and PyTorch's.

    python tests/bench/engine.py
    python tests/bench/engine.py --peer mxnet=PYTHON --peer torch=PYTHON

Prints one table, in nanoseconds unless a row says otherwise. Each number is the smallest of several
rounds; NumPy is timed in the same process as each library, because the ratio to it is what counts.
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


def small_operations(library):
    """Costs of `a + b` on one element, of recording it, and of NumPy's in the same process."""
    import numpy as np

    if library == "torch":
        import torch

        a, b = torch.ones(1), torch.ones(1)
        tracked = torch.ones(1, requires_grad=True)
        plain = best(lambda: a + b, 20000)
        recorded = best(lambda: tracked + b, 20000)
    else:
        if library == "mxnet":
            np.bool = bool  # MXNet 1.9.1 uses names that NumPy has removed
            import mxnet as mx
        else:
            import plait as mx
        a, b = mx.nd.ones((1,)), mx.nd.ones((1,))
        tracked = mx.nd.ones((1,))
        tracked.attach_grad()
        plain = best(lambda: a + b, 20000 if library == "plait" else 2000)
        mx.nd.waitall()
        with mx.autograd.record():
            recorded = best(lambda: tracked + b, 20000 if library == "plait" else 2000)
        mx.nd.waitall()
    x, y = np.ones(1, "f"), np.ones(1, "f")
    return {"a + b": plain, "recorded": recorded, "numpy": best(lambda: x + y, 20000)}


def branches(size, bulk):
    """Milliseconds of 8 independent matrix products: side by side, and one by one."""
    import plait as mx

    arrays = [mx.nd.random.normal(shape=(size, size)) for _ in range(8)]
    mx.nd.waitall()

    def together():
        with mx.engine.bulk(bulk):
            results = [mx.nd.dot(a, a) for a in arrays]
        for r in results:
            r.wait_to_read()

    def one_by_one():
        for a in arrays:
            mx.nd.dot(a, a).wait_to_read()

    together()
    times = [(best(together, 3), best(one_by_one, 3)) for _ in range(3)]
    return min(t[0] for t in times) / 1e6, min(t[1] for t in times) / 1e6


def chain(size):
    """Milliseconds of 20 matrix products, each of the result before; read at the end."""
    import plait as mx

    a = mx.nd.random.normal(shape=(size, size)) / size

    def run():
        b = a
        for _ in range(20):
            b = mx.nd.dot(a, b)
        b.wait_to_read()

    run()
    return best(run, 2) / 1e6


def dense_step(hybrid):
    """Milliseconds of one training step of a small network."""
    import plait as mx
    from plait import autograd, gluon

    net = gluon.nn.HybridSequential()
    net.add(gluon.nn.Dense(128, activation="relu"), gluon.nn.Dense(64, activation="relu"))
    net.add(gluon.nn.Dense(10))
    net.initialize()
    if hybrid:
        net.hybridize()
    trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0.01})
    loss_of = gluon.loss.SoftmaxCrossEntropyLoss()
    x, y = mx.nd.random.normal(shape=(64, 784)), mx.nd.zeros((64,))

    def step():
        with autograd.record():
            loss = loss_of(net(x), y)
        loss.backward()
        trainer.step(64)
        loss.wait_to_read()

    step()
    return best(step, 20) / 1e6


def bounded_memory(operations):
    """MiB at most in use while nobody reads `operations` results of 4 MiB, and the limit."""
    import plait as mx

    a = mx.nd.ones((1024, 1024))
    for _ in range(operations):
        a * 2
    mx.nd.waitall()
    return mx.engine.memory_stats()["peak_bytes_in_use"] / 2**20


PARTS = {
    "small": small_operations,
    "branches": branches,
    "chain": chain,
    "step": dense_step,
    "memory": bounded_memory,
}


def ask(python, part, *args, **env):
    """Result of PARTS[part](*args) in a process of its own."""
    command = [python, __file__, "--part", part, json.dumps(args)]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **env})
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def empty_task():
    """Lines that the C++ test prints: costs of an empty task."""
    found = sorted(ROOT.glob("build/*/plait_tests"))
    if not found:
        return []
    command = [found[0], "engine_cost_of_an_empty_task"]
    out = subprocess.run(command, capture_output=True, text=True).stdout
    return [line for line in out.splitlines() if " ns" in line]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer", action="append", default=[], metavar="NAME=PYTHON")
    parser.add_argument("--part", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.part:
        print(json.dumps(PARTS[options.part[0]](*json.loads(options.part[1]))))
        return
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    for line in empty_task():
        print(line)
    peers = dict(p.split("=", 1) for p in options.peer)
    print(f"{'library':10}{'a + b':>10}{'NumPy':>10}{'ratio':>8}{'recording adds':>16}")
    for name, python in {"plait": sys.executable, **peers}.items():
        t = ask(python, "small", name)
        ratio, extra = t["a + b"] / t["numpy"], t["recorded"] - t["a + b"]
        print(f"{name:10}{t['a + b']:10.0f}{t['numpy']:10.0f}{ratio:8.2f}{extra:16.0f}")
    here = sys.executable
    for size in (256, 512, 768):
        side, serial = ask(here, "branches", size, 8)
        print(f"8 branches of {size}: together {side:.2f} ms, one by one {serial:.2f} ms, "
              f"ratio {serial / side:.2f}")  # fmt: skip
    for size in (64, 256, 512):
        threaded = ask(here, "chain", size)
        naive = ask(here, "chain", size, PLAIT_ENGINE="naive")
        print(f"chain of {size}: threaded {threaded:.2f} ms, naive {naive:.2f} ms, "
              f"ratio {threaded / naive:.3f}")  # fmt: skip
    eager, hybrid = ask(here, "step", False), ask(here, "step", True)
    print(f"dense training step: eager {eager:.3f} ms, hybridized {hybrid:.3f} ms")
    print(f"100000 unread results of 4 MiB, limit 256 MiB: at most "
          f"{ask(here, 'memory', 100000, PLAIT_MAX_PENDING_MB='256'):.0f} MiB")  # fmt: skip


if __name__ == "__main__":
    main()
