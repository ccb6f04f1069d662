"""Measured and predicted time of a training step on as many ranks as mpirun starts.

    mpirun -n 2 python tests/bench/scaling.py

Each rank computes alone first, all at the same time, so that cores and memory are shared as in
training; then the link between them is measured; then they train together.
"""

import time

import plait as mx
from plait import autograd, gluon, nd
from plait.dist import scaling


def best(call, comm, turns):
    """Least of the turns' seconds, of the slowest rank in each."""
    times = []
    for _ in range(turns):
        comm.barrier()
        begin = time.perf_counter()
        call()
        nd.waitall()
        spent = nd.array([time.perf_counter() - begin], dtype="float64")
        comm.allreduce(spent, "max", wait=True)
        times.append(float(spent.asscalar()))
    return min(times)


class Work:
    """A network with one batch."""

    def __init__(self, batch, kvstore):
        self.net = gluon.nn.HybridSequential()
        for channels in (32, 64, 128, 256):
            self.net.add(gluon.nn.Conv2D(channels, 3, padding=1, activation="relu"))
            self.net.add(gluon.nn.MaxPool2D(2))
        self.net.add(gluon.nn.Dense(512, activation="relu"), gluon.nn.Dense(10))
        self.net.initialize(mx.init.Xavier())
        self.x, self.y = nd.random.normal(shape=(batch, 3, 64, 64)), nd.zeros((batch,))
        self.loss_of = gluon.loss.SoftmaxCrossEntropyLoss()
        self.net(self.x)
        self.trainer = gluon.Trainer(self.net.collect_params(), "sgd", kvstore=kvstore)
        self.batch = batch

    def forward(self):
        with autograd.record():
            self.loss = self.loss_of(self.net(self.x), self.y)

    def step(self):
        self.forward()
        self.loss.backward()
        self.trainer.step(self.batch)


def main(batch=8, turns=9):
    comm = mx.dist.world()
    alone = Work(batch, None)
    alone.step()
    forward = best(alone.forward, comm, turns)
    whole, measured = [], []
    together = Work(batch, "dist_sync")
    together.step()
    for _ in range(turns):  # in turns, because other programs disturb
        whole.append(best(alone.step, comm, 1))
        measured.append(best(together.step, comm, 1))
    whole, measured = min(whole), min(measured)
    nbytes = sum(4 * p.data().size for p in alone.net.collect_params().values())
    training = scaling.Training(forward, max(whole - forward, 1e-6), 0.0, nbytes, buckets=3)
    if comm.size == 1:
        print(f"1 rank: {whole * 1e3:.1f} ms, {nbytes} bytes of gradients; {training}")
        return
    sizes = [1 << k for k in (16, 18, 20, 22, 24)]
    times = []
    for size in sizes:
        data = nd.ones((size // 4,))
        times.append(best(lambda data=data: comm.allreduce(data, wait=True), comm, turns))
    link = scaling.fit_link(sizes, times, comm.size, busy=1.0)  # no cores but those that compute
    predicted = scaling.step_seconds(link, training, comm.size)
    if comm.rank == 0:
        print(training)
        print(link)
        print(
            f"{comm.size} ranks: alone {whole * 1e3:.1f} ms, together {measured * 1e3:.1f} ms, "
            f"predicted {predicted * 1e3:.1f} ms; efficiency {whole / measured:.0%}, "
            f"predicted {scaling.efficiency(link, training, comm.size):.0%}"
        )


if __name__ == "__main__":
    main()
