"""Ranks with a GPU each: mpirun -n 2 python ranks_on_gpus.py; prints one line for each rank."""

import json

import numpy as np

import plait as mx
from plait import autograd, gluon, nd
from plait.gluon import nn

comm = mx.dist.world()
GPU = mx.gpu(0)


def data(rank, *shape, dtype="float32"):
    return np.random.RandomState(rank).randint(-4, 5, shape).astype(dtype)


def collectives():
    every = [data(r, 4, 3) for r in range(comm.size)]
    mine = nd.array(every[comm.rank], ctx=GPU)
    total = mine.copy()
    comm.allreduce(total, priority=3)
    np.testing.assert_array_equal(total.asnumpy(), sum(every))
    np.testing.assert_array_equal(comm.allgather(mine).asnumpy(), np.concatenate(every))
    part = comm.reduce_scatter(mine, wait=True)
    np.testing.assert_array_equal(part.asnumpy(), np.split(sum(every), comm.size)[comm.rank])
    other = comm.all_to_all(mine)
    want = np.concatenate([np.split(a, comm.size)[comm.rank] for a in every])
    np.testing.assert_array_equal(other.asnumpy(), want)
    rows, counts = comm.allgather_rows(mine[: comm.rank + 1])
    assert counts == list(range(1, comm.size + 1)) and rows.context == GPU
    np.testing.assert_array_equal(
        rows.asnumpy(), np.concatenate([a[: r + 1] for r, a in enumerate(every)])
    )
    comm.broadcast(mine, root=comm.size - 1)
    np.testing.assert_array_equal(mine.asnumpy(), every[-1])
    small = nd.array([comm.rank], ctx=GPU, dtype="int16")  # no type of NCCL's
    comm.allreduce(small, "max")
    assert small.asnumpy().tolist() == [comm.size - 1]
    if comm.rank == 0:
        comm.send(total, 1)
    elif comm.rank == 1:
        comm.receive(total, 0)
    half = comm.split(comm.rank % 2)
    value = nd.ones((2,), ctx=GPU)
    half.allreduce(value)
    assert value.asnumpy().tolist() == [half.size] * 2


def train(kvstore, batch):
    mx.random.seed(4)
    np.random.seed(4)
    net = nn.HybridSequential()
    net.add(nn.Dense(16, activation="relu"), nn.Dense(3))
    net.initialize(mx.init.Xavier(), ctx=GPU)
    trainer = gluon.Trainer(net.collect_params(), "adam", {"learning_rate": 0.05}, kvstore=kvstore)
    losses = []
    for step in range(4):
        random = np.random.RandomState(step)
        x, y = random.normal(size=(8, 6))[batch], random.randint(0, 3, 8)[batch]
        with autograd.record():
            loss = gluon.loss.SoftmaxCrossEntropyLoss()(
                net(nd.array(x, ctx=GPU)), nd.array(y, ctx=GPU)
            )
        loss.backward()
        trainer.step(8)
        losses.append(float(loss.sum().asscalar()))
    return losses


def training():
    alone = train(None, slice(None))
    mine = nd.array(train("dist_sync", slice(comm.rank, None, comm.size)), dtype="float64")
    comm.allreduce(mine)
    np.testing.assert_allclose(mine.asnumpy(), alone, rtol=1e-5)


if __name__ == "__main__":
    collectives()
    training()
    print(json.dumps({"rank": comm.rank, "nccl": mx.runtime.Features().is_enabled("NCCL")}))
