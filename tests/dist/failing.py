"""A training program in which one rank fails in the way that the first argument names."""

import os
import signal
import subprocess
import sys
import time

import numpy as np

import plait as mx
from plait import autograd, gluon, nd

mode, folder = sys.argv[1:3]
comm = mx.dist.world()
processes = comm.allgather(nd.array([os.getpid()], dtype="int64"))
mx.random.seed(1)
np.random.seed(1)
net = gluon.nn.HybridSequential()
net.add(gluon.nn.Dense(64, activation="relu", in_units=20), gluon.nn.Dense(1, in_units=64))
net.initialize(mx.init.Xavier())
trainer = gluon.Trainer(net.collect_params(), "adam", {"learning_rate": 0.01}, kvstore="dist_sync")
checkpoint = gluon.Checkpoint(folder, net, trainer)
start = (checkpoint.restore() or {"step": 0})["step"]
data = np.random.default_rng(2).standard_normal((24, 24, 20)).astype("float32")
if comm.rank == 0:
    print("start", start, flush=True)


def fill(folder):
    """Take what is left of the disk, which must be a small one."""
    with open(os.path.join(folder, "filler"), "wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(1024))
        except OSError:
            pass


def fail(step):
    if mode == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if mode == "stop":
        os.kill(os.getpid(), signal.SIGSTOP)
    if mode == "raise":
        raise RuntimeError("no more data")
    if mode == "exit":
        sys.exit(0)
    if mode == "pause":  # all ranks, for longer than the heartbeat may fail
        everybody = [str(int(p)) for p in processes.asnumpy()]
        subprocess.Popen(["sh", "-c", f"sleep 3; kill -CONT {' '.join(everybody)}"])
        os.kill(int(everybody[0]), signal.SIGSTOP)
        os.kill(os.getpid(), signal.SIGSTOP)
    if mode == "hang":
        time.sleep(1000)
    if mode == "order":
        comm.broadcast(nd.ones((5,)), name="other", wait=True)
    if mode == "shape":
        comm.allreduce(nd.ones((5,)), name="even", wait=True)
    if mode == "keys":
        nd.contrib.sum_over_ranks(nd.ones((4,)), key="right").wait_to_read()
    if mode == "skip":
        bad = nd.linalg.potrf(-nd.eye(900))
        nd.contrib.sum_over_ranks(bad, key="left")
        time.sleep(1000)


for step in range(start, 24):
    x = nd.array(data[step][comm.rank :: comm.size])
    with autograd.record():
        loss = (net(x) ** 2).sum()
    loss.backward()
    if step == 10 and comm.rank == comm.size - 1:
        fail(step)
    elif step == 10 and mode in ("order", "shape"):
        comm.allreduce(nd.ones((4,)), name="even", wait=True)
    elif step == 10 and mode in ("keys", "skip"):
        nd.contrib.sum_over_ranks(nd.ones((4,)), key="left").wait_to_read()
    trainer.step(24)
    if step % 4 == 3:
        if mode == "disk" and step > 8 and comm.rank == 0:
            import resource

            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))
        if mode == "fill" and step > 8 and comm.rank == 0:
            fill(folder)
        checkpoint.save(step + 1, step=step + 1)
total = sum(float(p.data().sum().asscalar()) for p in net.collect_params().values())
if comm.rank == 0:
    print(f"end {total:.4f}", flush=True)
