"""Time a fixed list of operations and training steps.

    python tests/bench/run.py --out new.json            time all, print, write JSON
    python tests/bench/run.py --only conv --out x.json  those whose name contains `conv`
    python tests/bench/run.py --compare old.json new.json

Each workload is repeated until `--seconds` have passed; the number reported is the median of
the time of one call, in microseconds, with the results read at the end of each round.
"""

import argparse
import json
import os
import platform
import statistics
import time
from pathlib import Path

import plait as mx
from plait import autograd, gluon, nd

WORKLOADS = {}


def workload(make):
    """Registers a function that prepares data and returns the call to time."""
    WORKLOADS[make.__name__] = make
    return make


def normal(*shape):
    return nd.random.normal(shape=shape)


@workload
def add_small():
    a, b = normal(10), normal(10)
    return lambda: a + b


@workload
def add_large():
    a, b = normal(1000, 1000), normal(1000, 1000)
    return lambda: a + b


@workload
def broadcast_mul():
    a, b = normal(512, 1024), normal(512, 1)
    return lambda: nd.broadcast_mul(a, b)


@workload
def exp():
    a = normal(1000, 1000)
    return lambda: nd.exp(a)


@workload
def sum_axis():
    a = normal(1000, 1000)
    return lambda: nd.sum(a, axis=1)


@workload
def softmax():
    a = normal(128, 1000)
    return lambda: nd.softmax(a)


@workload
def transpose_copy():
    a = normal(1000, 1000)
    return lambda: nd.transpose(a) + 0


@workload
def gemm():
    a, b = normal(512, 512), normal(512, 512)
    return lambda: nd.dot(a, b)


@workload
def convolution():
    x, w, b = normal(16, 32, 28, 28), normal(64, 32, 3, 3), normal(64)
    return lambda: nd.Convolution(x, w, b, kernel=(3, 3), pad=(1, 1), num_filter=64)


@workload
def pooling():
    x = normal(16, 32, 56, 56)
    return lambda: nd.Pooling(x, kernel=(2, 2), stride=(2, 2), pool_type="max")


def training_step(net, data, classes, hybrid):
    net.initialize(mx.init.Xavier())
    if hybrid:
        net.hybridize(static_alloc=True, static_shape=True)
    label = nd.array([i % classes for i in range(data.shape[0])])
    loss_of = gluon.loss.SoftmaxCrossEntropyLoss()
    trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0.01})

    def step():
        with autograd.record():
            loss = loss_of(net(data), label)
        loss.backward()
        trainer.step(data.shape[0])
        return loss

    return step


def mlp(hybrid):
    net = gluon.nn.HybridSequential()
    net.add(gluon.nn.Dense(256, activation="relu"))
    net.add(gluon.nn.Dense(128, activation="relu"))
    net.add(gluon.nn.Dense(10))
    return training_step(net, normal(64, 784), 10, hybrid)


def lenet(hybrid):
    net = gluon.nn.HybridSequential()
    for channels in (6, 16):
        net.add(gluon.nn.Conv2D(channels, kernel_size=5, activation="relu"))
        net.add(gluon.nn.MaxPool2D(pool_size=2, strides=2))
    net.add(gluon.nn.Dense(120, activation="relu"), gluon.nn.Dense(84, activation="relu"))
    net.add(gluon.nn.Dense(10))
    return training_step(net, normal(64, 1, 28, 28), 10, hybrid)


@workload
def mlp_eager():
    return mlp(hybrid=False)


@workload
def mlp_hybrid():
    return mlp(hybrid=True)


@workload
def lenet_eager():
    return lenet(hybrid=False)


@workload
def lenet_hybrid():
    return lenet(hybrid=True)


def measure(call, seconds):
    """Median time of one call in microseconds, over rounds of about ten milliseconds."""

    def round_of(n):
        start = time.perf_counter()
        for _ in range(n):
            out = call()
        out.wait_to_read()
        return (time.perf_counter() - start) / n

    round_of(3)
    n = max(1, int(0.01 / round_of(3)))
    times, end = [], time.perf_counter() + seconds
    while len(times) < 3 or time.perf_counter() < end:
        times.append(round_of(n))
    return statistics.median(times) * 1e6


def machine():
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.processor(),
    )
    return {"cpu": model, "cores": len(os.sched_getaffinity(0)), "plait": mx.__version__}


def run(only, seconds):
    times = {}
    for name, make in WORKLOADS.items():
        if only in name:
            times[name] = measure(make(), seconds)
            print(f"{name:16} {times[name]:12.1f} us", flush=True)
    return {"machine": machine(), "microseconds": times}


def compare(old, new):
    before, after = (json.loads(Path(p).read_text())["microseconds"] for p in (old, new))
    for name in [n for n in before if n in after]:
        ratio = after[name] / before[name]
        print(f"{name:16} {before[name]:12.1f} {after[name]:12.1f} us  {ratio:6.2f} x")


def main():
    parser = argparse.ArgumentParser(description="Time a fixed list of operations.")
    parser.add_argument("--only", default="", help="part of a workload's name")
    parser.add_argument("--seconds", type=float, default=1.0, help="for each workload")
    parser.add_argument("--out", type=Path, help="JSON file to write")
    parser.add_argument("--compare", nargs=2, metavar=("OLD", "NEW"), help="two JSON files")
    args = parser.parse_args()
    if args.compare:
        compare(*args.compare)
        return
    result = run(args.only, args.seconds)
    if args.out:
        args.out.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
