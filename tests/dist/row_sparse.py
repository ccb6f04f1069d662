"""Row-sparse gradients and values over ranks: of what is stored only rows are sent."""

import numpy as np
from training import close, kvstore

import plait as mx
from plait import autograd, gluon, nd
from plait.gluon import nn


class Words(gluon.HybridBlock):
    """The mean of embedded words, with a row-sparse gradient of the table."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        with self.name_scope():
            self.table = nn.Embedding(50, 6, sparse_grad=True)
            self.out = nn.Dense(3, in_units=6)

    def hybrid_forward(self, F, words):
        return self.out(self.table(words).mean(axis=1))


def after_words(store, rank, size, **options):
    """Parameters after some steps over words that each rank has other ones of."""
    mx.random.seed(6)
    net = Words(prefix="words_")
    net.initialize(mx.init.Xavier())
    trainer = gluon.Trainer(net.collect_params(), kvstore=store, **options)
    rng = np.random.default_rng(2)
    for _ in range(4):
        words, labels = rng.integers(0, 50, (12, 4)), nd.array(rng.integers(0, 3, 12))
        with autograd.record():
            loss = gluon.loss.SoftmaxCrossEntropyLoss()(
                net(nd.array(words[rank::size])), labels[rank::size]
            )
        loss.backward()
        trainer.step(12)
    assert net.table.weight.grad().stype == "row_sparse"
    return [p.data().asnumpy() for p in net.collect_params().values()]


def check_row_sparse_gradients(comm):
    for rule in (
        {"optimizer": "sgd", "optimizer_params": {"learning_rate": 0.5, "momentum": 0.9}},
        {"optimizer": "adam", "optimizer_params": {"learning_rate": 0.05}},
    ):
        wanted = after_words(None, 0, 1, **rule)
        for more in ({}, {"update_on_kvstore": True}):
            got = after_words(kvstore(comm), comm.rank, comm.size, **rule, **more)
            for a, b in zip(got, wanted, strict=True):
                close(a, b, 1e-4)


def check_row_sparse_values_in_stores(comm):
    def pushed(rank):
        rows = np.full((2, 2), rank + 1.0, "float32")
        return nd.sparse.row_sparse_array((rows, [rank, 7]), shape=(8, 2))

    total = sum(pushed(r).asnumpy() for r in range(comm.size))
    start = nd.ones((8, 2)).tostype("row_sparse")
    for store in (kvstore(comm), mx.kvstore.AsyncKVStore("dist_async", comm)):
        store.init(["a", "b"], [start, start])
        store.set_optimizer(mx.optimizer.SGD(learning_rate=1.0, rescale_grad=-1.0))
        for key in ("a", "b"):
            store.push(key, pushed(comm.rank))
        nd.waitall()
        for key in ("a", "b"):
            out = nd.sparse.zeros("row_sparse", (8, 2))
            store.row_sparse_pull(key, out=out, row_ids=nd.array([7, comm.rank, 7]))
            assert out.indices.asnumpy().tolist() == [comm.rank, 7]
        comm.barrier()
        store.barrier()
        for key in ("a", "b"):
            store.pull(key, whole := nd.zeros((8, 2)))
            if store.type == "dist_sync":
                close(whole.asnumpy(), 1 + total)
            else:  # at least what this rank has pushed
                assert (whole.asnumpy() >= 1 + pushed(comm.rank).asnumpy()).all()
        if store.type == "dist_async":
            store.close()
            for key in ("a", "b"):
                if store._owner(key) == comm.rank:
                    close(store._values[key].asnumpy(), 1 + total)


def check_row_sparse_gradients_cannot_be_spread(comm):
    try:
        after_words(kvstore(comm), comm.rank, comm.size, optimizer="sgd", zero=1)
    except ValueError as error:
        assert "zero is 1 with the row-sparse gradient of words_" in str(error), error
    else:
        raise AssertionError("row-sparse gradients were spread")
