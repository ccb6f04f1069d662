"""`gluon.Trainer.step` of ResNet-18's 62 parameters beside PyTorch's fused optimizer, in one run.

python tests/bench/trainer_step.py [TORCH_PYTHON] [--threads N] [--cpu]

Both get the same shapes and gradients. They take turns, the median of the turns counts; a
ratio above 1 says how many times as long PyTorch takes. ``--cpu`` counts the processor's time in
place of the clock's, for machines that do other things meanwhile; use one thread then.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time

STEPS, TURNS, BATCH = 10, 15, 32
OPTIONS = {"sgd": {"momentum": 0.9, "wd": 1e-4}, "adam": {}}
CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}
TORCH_PYTHON = os.path.expanduser("~/.cache/bench-peers/torch/bin/python")


def parameters():
    """Those of ResNet-18 that are trained, with gradients."""
    import plait as mx
    from plait import autograd, gluon

    net = gluon.model_zoo.vision.resnet18_v1()
    net.initialize(mx.init.Xavier())
    with autograd.record():
        loss = net(mx.nd.random.normal(shape=(1, 3, 32, 32))).sum()
    loss.backward()
    return [p for p in net.collect_params().values() if p.grad_req != "null"]


def plait_steps(optimizer, params, clock):
    """Function that makes some steps; gives seconds and the engine's tasks for one."""
    from plait import engine, gluon, nd

    options = {"learning_rate": 0.01, **OPTIONS[optimizer]}
    trainer = gluon.Trainer(params, optimizer, options, kvstore=None)

    def done():
        stats = engine.stats()
        return stats["inlined"] + stats["queued"]

    def run():
        seconds = tasks = 0
        for _ in range(STEPS):
            for p in params:
                p.grad()[:] = 0.01  # a step wants new gradients
            nd.waitall()
            before, start = done(), clock()
            trainer.step(BATCH)
            nd.waitall()
            seconds += clock() - start
            tasks += done() - before
        return seconds / STEPS, tasks / STEPS

    return run


def torch_steps(optimizer, shapes, threads, clock):
    """The same with PyTorch's fused kernels over all parameters."""
    import torch

    torch.set_num_threads(threads)
    params = [torch.randn(shape, requires_grad=True) for shape in shapes]
    for p in params:
        p.grad = torch.randn_like(p)
    if optimizer == "sgd":
        rule = torch.optim.SGD(params, 0.01, momentum=0.9, weight_decay=1e-4, fused=True)
    else:
        rule = torch.optim.Adam(params, 0.01, fused=True)

    def run():
        seconds = 0
        for _ in range(STEPS):
            for p in params:
                p.grad.fill_(0.01)
            start = clock()
            rule.step()
            seconds += clock() - start
        return seconds / STEPS

    return run


def serve():
    """In PyTorch's process: answers "run" lines with seconds for one step."""
    optimizer, threads, shapes = sys.argv[2], int(sys.argv[3]), json.loads(sys.argv[4])
    run = torch_steps(optimizer, shapes, threads, CLOCKS[sys.argv[5]])
    for _ in sys.stdin:
        print(run(), flush=True)


def compare(optimizer, params, python, threads, clock):
    """Prints the medians and their ratio."""
    shapes = [list(p.shape) for p in params]
    command = [python, __file__, "--serve", optimizer, str(threads), json.dumps(shapes), clock]
    other = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    run, ours, theirs, tasks = plait_steps(optimizer, params, CLOCKS[clock]), [], [], 0.0
    for turn in range(TURNS + 1):
        mine, tasks = run()
        other.stdin.write("run\n")
        other.stdin.flush()
        his = float(other.stdout.readline())
        if turn:  # the first one makes the states
            ours.append(mine)
            theirs.append(his)
    other.stdin.close()
    other.wait()
    mine, his = statistics.median(ours) * 1e3, statistics.median(theirs) * 1e3
    print(
        f"{optimizer}: {len(params)} parameters, {tasks:g} engine task(s) a step, "
        f"plait {mine:.3f} ms, PyTorch {his:.3f} ms, ratio {his / mine:.2f}"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("python", nargs="?", default=TORCH_PYTHON, help="one with PyTorch")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--cpu", action="store_true", help="time of the processor")
    options = parser.parse_args()
    clock = "cpu" if options.cpu else "wall"
    os.environ.setdefault("PLAIT_NUM_THREADS", str(options.threads))
    params = parameters()
    print(
        f"{options.threads} thread(s), {STEPS} steps a turn, median of {TURNS} turns, {clock} time"
    )
    for optimizer in OPTIONS:
        compare(optimizer, params, options.python, options.threads, clock)


if __name__ == "__main__":
    serve() if sys.argv[1:2] == ["--serve"] else main()
