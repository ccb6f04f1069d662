"""Trains LeNet on scikit-learn's digits with several processes.

python -m plait.launch -n 2 examples/python/distributed.py
python examples/python/distributed.py                        # the same with one
"""

import argparse

import numpy as np

import plait as mx
from plait import autograd, gluon, nd
from plait.gluon import nn


def lenet():
    net = nn.HybridSequential()
    net.add(
        nn.Conv2D(16, 3, padding=1, activation="relu"),
        nn.MaxPool2D(2),
        nn.Conv2D(32, 3, padding=1, activation="relu"),
        nn.MaxPool2D(2),
        nn.Dense(64, activation="relu"),
        nn.Dense(10),
    )
    return net


def load(kv, batch):
    """This rank's part of the training digits, and all that are kept for the test."""
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    x = (x / 16).astype(np.float32).reshape(-1, 1, 8, 8)
    y = y.astype(np.float32)
    data = gluon.data.ArrayDataset(x[:1500], y[:1500])
    part = gluon.data.SplitSampler(len(data), kv.num_workers, kv.rank)
    return gluon.data.DataLoader(data, batch, sampler=part), (nd.array(x[1500:]), y[1500:])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--batch", type=int, default=48, help="samples of all ranks in one step")
    parser.add_argument("--zero", type=int, default=0, help="1 or 2: spread Adam's states")
    parser.add_argument("--checkpoints", help="folder to save to and to go on from")
    options = parser.parse_args()

    kv = mx.kv.create("dist_sync")
    batches, (test_x, test_y) = load(kv, options.batch // kv.num_workers)
    net = lenet()
    net.initialize(mx.init.Xavier())
    trainer = gluon.Trainer(
        net.collect_params(), "adam", {"learning_rate": 3e-3}, kvstore=kv, zero=options.zero
    )
    loss_of = gluon.loss.SoftmaxCrossEntropyLoss()
    net(test_x[:1])  # tells the shapes
    start = 0
    if options.checkpoints:
        checkpoint = gluon.Checkpoint(options.checkpoints, net, trainer)
        start = (checkpoint.restore() or {"epoch": 0})["epoch"]
    for epoch in range(start, options.epochs):
        total = nd.zeros((1,))
        for x, y in batches:
            with autograd.record():
                loss = loss_of(net(x), y)
            loss.backward()
            trainer.step(options.batch)
            total += loss.sum()
        kv.pushpull("loss", total)  # the sum over the ranks
        accuracy = float((net(test_x).asnumpy().argmax(axis=1) == test_y).mean())
        if kv.rank == 0:
            mean = float(total.asscalar()) / len(batches) / options.batch
            print(f"epoch {epoch}: loss {mean:.3f}, accuracy {accuracy:.3f}", flush=True)
        if options.checkpoints:
            checkpoint.save(epoch + 1, epoch=epoch + 1)


if __name__ == "__main__":
    main()
