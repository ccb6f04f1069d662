"""Four ways to spread a model over processes; each learns the same small task.

python -m plait.launch -n 2 examples/python/parallel_models.py
python examples/python/parallel_models.py                         # the same with one
"""

import argparse

import numpy as np

import plait as mx
from plait import autograd, gluon, nd
from plait.gluon import nn, parallel

HIDDEN, CLASSES, WORDS = 64, 4, 40


def samples(number, seed):
    """Bags of 8 words; the class is the remainder of their sum."""
    rng = np.random.default_rng(seed)
    words = rng.integers(0, WORDS // CLASSES, (number, 8)) * CLASSES
    label = rng.integers(0, CLASSES, number)
    return words + label[:, None], label.astype("float32")


def vectors(words):
    """Numbers of each word, (n, WORDS)."""
    return np.stack([np.bincount(w, minlength=WORDS) for w in words]).astype("float32")


def train(net, trainer, batches, batch):
    """Mean loss of the last batch, of this rank's samples."""
    loss_of = gluon.loss.SoftmaxCrossEntropyLoss()
    for x, y in batches:
        with autograd.record():
            loss = loss_of(net(x), y)
        loss.backward()
        trainer.step(batch)
    return float(loss.mean().asscalar())


def tensor_parallel(comm, batches, batch):
    """Each rank has a part of each weight; all see the same samples."""
    net = nn.Sequential()
    net.add(
        parallel.ColumnParallelDense(HIDDEN, comm, activation="relu"),
        parallel.RowParallelDense(CLASSES, comm),
    )
    net.initialize(mx.init.Xavier())
    trainer = gluon.Trainer(net.collect_params(), "adam", {"learning_rate": 0.01}, kvstore=None)
    return train(net, trainer, [(nd.array(vectors(w)), nd.array(y)) for w, y in batches], batch)


def pipelined(comm, batches, batch):
    """Each rank has one layer; four parts of a batch follow each other through them."""
    is_last = comm.rank == comm.size - 1
    stage = nn.HybridSequential()
    if not is_last or comm.size == 1:
        stage.add(nn.Dense(HIDDEN, activation="relu"))
    if is_last:
        stage.add(nn.Dense(CLASSES))
    stage.initialize(mx.init.Xavier())
    loss = gluon.loss.SoftmaxCrossEntropyLoss() if is_last else None
    pipeline = parallel.Pipeline(stage, comm, loss)
    pipeline(nd.array(vectors(batches[0][0])))  # tells the shapes
    trainer = gluon.Trainer(stage.collect_params(), "adam", {"learning_rate": 0.01}, kvstore=None)
    for words, label in batches:
        total = pipeline.step(nd.array(vectors(words)), nd.array(label), micro_batches=4)
        trainer.step(batch)
    return comm.broadcast_object(
        float(total.asscalar()) / batch if is_last else None, comm.size - 1
    )


def own(comm, batches):
    """This rank's samples."""
    return [(w[comm.rank :: comm.size], y[comm.rank :: comm.size]) for w, y in batches]


def sharded_table(comm, batches, batch):
    """Each rank has a part of the table's rows, and samples of its own."""
    net = nn.Sequential()
    net.add(
        parallel.ShardedEmbedding(WORDS, 16, comm),
        nn.Dense(HIDDEN, activation="relu"),
        nn.Dense(CLASSES),
    )
    net.initialize(mx.init.Xavier())
    options = {"learning_rate": 0.01}
    trainer = gluon.Trainer(net.collect_params(), "adam", options, kvstore="dist_sync")
    data = [(nd.array(w, dtype="int64"), nd.array(y)) for w, y in own(comm, batches)]
    return train(net, trainer, data, batch)


def sharded_parameters(comm, batches, batch):
    """Each rank has a part of all parameters, which are whole only while they are used."""
    layers = nn.Dense(HIDDEN, activation="relu", in_units=WORDS), nn.Dense(CLASSES, in_units=HIDDEN)
    net = nn.Sequential()
    for layer in layers:
        layer.initialize(mx.init.Xavier())
        net.add(parallel.Sharded(layer, comm))
    options = {"learning_rate": 0.01}
    trainer = gluon.Trainer(net.collect_params(), "adam", options, kvstore="dist_sync")
    data = [(nd.array(vectors(w)), nd.array(y)) for w, y in own(comm, batches)]
    return train(net, trainer, data, batch)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--batch", type=int, default=32, help="samples of all ranks in one step")
    options = parser.parse_args()
    comm = mx.dist.world()
    mx.random.seed(1)
    batches = [samples(options.batch, seed) for seed in range(options.steps)]
    for way in (tensor_parallel, pipelined, sharded_table, sharded_parameters):
        loss = way(comm, batches, options.batch)
        if comm.rank == 0:
            print(f"{way.__name__}: loss {loss:.3f}", flush=True)


if __name__ == "__main__":
    main()
