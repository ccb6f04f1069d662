"""Training on several ranks equals training in one process on all data."""

import numpy as np

import plait as mx
from plait import autograd, gluon, nd
from plait.gluon import nn

BATCH, STEPS = 24, 6


def lenet():
    mx.random.seed(3)
    net = nn.HybridSequential(prefix="lenet_")
    with net.name_scope():
        net.add(
            nn.Conv2D(6, 5, activation="relu"),
            nn.MaxPool2D(2, 2),
            nn.Conv2D(8, 3, activation="relu"),
            nn.MaxPool2D(2, 2),
            nn.Dense(32, activation="relu"),
            nn.Dense(10),
        )
    net.initialize(mx.init.Xavier())
    return net


def batches():
    rng = np.random.default_rng(5)
    for _ in range(STEPS):
        x = rng.standard_normal((BATCH, 1, 16, 16)).astype("float32")
        yield x, rng.integers(0, 10, BATCH).astype("float32")


def curve(net, trainer, rank, size, batch_size=BATCH, data=None):
    """Sum of the losses of this rank's samples, step by step."""
    loss_of = gluon.loss.SoftmaxCrossEntropyLoss()
    losses = []
    for x, y in batches() if data is None else data:
        x, y = nd.array(x[rank::size]), nd.array(y[rank::size])
        with autograd.record():
            loss = loss_of(net(x), y)
        loss.backward()
        trainer.step(batch_size)
        losses.append(float(loss.sum().asscalar()))
    return losses


def alone(optimizer="sgd", hybrid=True, **options):
    """Curve and parameters of one process with the whole batches."""
    net = lenet()
    if hybrid:
        net.hybridize()
    trainer = gluon.Trainer(net.collect_params(), optimizer, options, kvstore=None)
    losses = curve(net, trainer, 0, 1)
    return losses, [p.data().asnumpy() for p in net.collect_params().values()]


def together(comm, store=None, optimizer="sgd", hybrid=True, options=None, **extra):
    """The same on all ranks: sums of losses, parameters, and the trainer."""
    net = lenet()
    if comm.rank:  # other values, which the trainer replaces by those of rank 0
        net.initialize(mx.init.One(), force_reinit=True)
    if hybrid:
        net.hybridize()
    trainer = gluon.Trainer(
        net.collect_params(), optimizer, options, kvstore=store or kvstore(comm), **extra
    )
    losses = nd.array(curve(net, trainer, comm.rank, comm.size), dtype="float64")
    comm.allreduce(losses)
    return losses.asnumpy(), [p.data().asnumpy() for p in net.collect_params().values()], trainer


def kvstore(comm, name="dist_sync"):
    return mx.kvstore.DistKVStore(name, comm)


def close(got, wanted, rtol=1e-5):
    np.testing.assert_allclose(got, wanted, rtol=rtol, atol=rtol / 10)


def check_lenet_curve_is_that_of_one_process(comm):
    options = {"learning_rate": 0.05, "momentum": 0.9}
    losses, params = alone(**options)
    for hybrid in (True, False):
        got, values, _ = together(comm, hybrid=hybrid, options=options)
        close(got, losses)
        for a, b in zip(values, params, strict=True):
            close(a, b, 1e-4)


def check_adam(comm):
    losses, _ = alone("adam", learning_rate=0.01)
    close(together(comm, optimizer="adam", options={"learning_rate": 0.01})[0], losses, 1e-4)


def check_update_in_the_store(comm):
    options = {"learning_rate": 0.05, "momentum": 0.9}
    losses, _ = alone(**options)
    got, _, _ = together(comm, options=options, update_on_kvstore=True)
    close(got, losses)


def module_after(store, x, y, batch_size):
    """Parameters of a Module after one pass."""
    mx.random.seed(4)
    net = mx.sym.FullyConnected(mx.sym.Variable("data"), num_hidden=3, name="fc")
    module = mx.mod.Module(mx.sym.SoftmaxOutput(net, name="softmax"))
    module.fit(mx.io.NDArrayIter(x, y, batch_size), kvstore=store, num_epoch=2,
               initializer=mx.init.Normal(0.1),
               optimizer_params={"learning_rate": 0.2, "momentum": 0.9})  # fmt: skip
    return [a.asnumpy() for a in module.get_params()[0].values()]


def check_module_is_that_of_one_process(comm):
    rng = np.random.default_rng(1)
    x = rng.standard_normal((48, 5)).astype("float32")
    y = rng.integers(0, 3, 48).astype("float32")
    mine = module_after(kvstore(comm), x[comm.rank :: comm.size], y[comm.rank :: comm.size],
                        BATCH // comm.size)  # fmt: skip
    for a, b in zip(mine, module_after(None, x, y, BATCH), strict=True):
        close(a, b, 1e-4)


def check_two_runs_give_the_same_bits(comm):
    runs = [together(comm, options={"learning_rate": 0.1})[1] for _ in range(2)]
    for a, b in zip(*runs, strict=True):
        np.testing.assert_array_equal(a, b)
    theirs = comm.broadcast_object(runs[0])
    for a, b in zip(runs[0], theirs, strict=True):
        np.testing.assert_array_equal(a, b)


def check_buckets_of_any_size(comm):
    options = {"learning_rate": 0.05}
    losses, _ = alone(**options)
    for size in (1, 4000, 1 << 20):
        net = lenet()
        trainer = gluon.Trainer(net.collect_params(), "sgd", options, kvstore=kvstore(comm))
        trainer._exchange = gluon.gradient_exchange.GradientExchange(comm, size)
        got = nd.array(curve(net, trainer, comm.rank, comm.size), dtype="float64")
        comm.allreduce(got)
        close(got.asnumpy(), losses)


def check_ranks_with_fewer_batches_join(comm):
    net = lenet()
    trainer = gluon.Trainer(net.collect_params(), "sgd", None, kvstore=kvstore(comm))
    data = list(batches())[: 2 + comm.rank]
    curve(net, trainer, comm.rank, comm.size, data=data)
    trainer.join()
    mine = [p.data().asnumpy() for p in net.collect_params().values()]
    for a, b in zip(mine, comm.broadcast_object(mine), strict=True):
        np.testing.assert_array_equal(a, b)


def check_unequal_batch_sizes_keep_ranks_equal(comm):
    net = lenet()
    trainer = gluon.Trainer(net.collect_params(), "sgd", None, kvstore=kvstore(comm))
    curve(net, trainer, comm.rank, comm.size, batch_size=8 + comm.rank)
    mine = [p.data().asnumpy() for p in net.collect_params().values()]
    for a, b in zip(mine, comm.broadcast_object(mine), strict=True):
        np.testing.assert_array_equal(a, b)


def check_compressed_gradients_train(comm):
    for params in (
        {"type": "2bit", "threshold": 0.01},
        {"type": "1bit"},
        {"type": "fp16"},
        {"type": "topk", "ratio": 0.1},
    ):
        net = lenet()
        options = {"learning_rate": 0.1}
        trainer = gluon.Trainer(
            net.collect_params(), "sgd", options, kvstore=kvstore(comm), compression_params=params
        )
        data = [next(iter(batches()))] * 12
        losses = curve(net, trainer, comm.rank, comm.size, data=data)
        assert losses[-1] < losses[0], (params, losses)
        mine = [p.data().asnumpy() for p in net.collect_params().values()]
        for a, b in zip(mine, comm.broadcast_object(mine), strict=True):
            np.testing.assert_array_equal(a, b)


def check_states_are_saved_once_and_read_by_all(comm):
    import os
    import tempfile

    folder = comm.broadcast_object(tempfile.mkdtemp() if comm.rank == 0 else None)
    path = os.path.join(folder, "states")
    options = {"learning_rate": 0.05, "momentum": 0.9}
    _, _, trainer = together(comm, options=options)
    trainer.save_states(path)
    trainer.load_states(path)
    try:
        trainer.save_states(os.path.join(folder, "missing", "states"))
    except OSError:
        pass
    else:
        raise AssertionError("no OSError")


def check_batch_norm_of_all_ranks(comm):
    rng = np.random.default_rng(1)
    x = 5 + rng.standard_normal((12, 3, 4, 4)).astype("float32")
    dy = rng.standard_normal(x.shape).astype("float32")

    def run(layer, rank, size):
        layer.initialize()
        data = nd.array(x[rank::size])
        data.attach_grad()
        with autograd.record():
            out = layer(data)
        out.backward(nd.array(dy[rank::size]))
        sums = [layer.gamma.grad(), layer.beta.grad()]
        running = [layer.running_mean.data(), layer.running_var.data()]
        return [out, data.grad], sums, running

    lines, sums, running = run(nn.BatchNorm(in_channels=3), 0, 1)
    mine, parts, same = run(nn.SyncBatchNorm(in_channels=3), comm.rank, comm.size)
    for a, b in zip(mine, lines, strict=True):
        close(a.asnumpy(), b.asnumpy()[comm.rank :: comm.size], 2e-4)
    for a, b in zip(same, running, strict=True):
        close(a.asnumpy(), b.asnumpy())
    for a, b in zip(parts, sums, strict=True):
        comm.allreduce(a)
        close(a.asnumpy(), b.asnumpy(), 1e-4)


def check_states_spread_over_ranks(comm):
    for optimizer, options in (
        ("sgd", {"learning_rate": 0.05, "momentum": 0.9}),
        ("adam", {"learning_rate": 0.01}),
    ):
        losses, params = alone(optimizer, **options)
        for zero in (1, 2):
            got, values, trainer = together(comm, optimizer=optimizer, options=options, zero=zero)
            close(got, losses, 1e-4)
            for a, b in zip(values, params, strict=True):
                close(a, b, 1e-3)
            size = sum(v.size for v in params)
            for state in trainer._shards().updater.states.values():
                for array in state if isinstance(state, tuple) else [state]:
                    assert array.size == -(-size // comm.size)


def check_spread_states_are_restored(comm):
    options = {"learning_rate": 0.01}
    data = list(batches())
    runs = []
    for cut in (False, True):
        net = lenet()
        trainer = gluon.Trainer(net.collect_params(), "adam", options, kvstore(comm), zero=2)
        curve(net, trainer, comm.rank, comm.size, data=data[:3])
        if cut:
            states = trainer.get_states()
            trainer = gluon.Trainer(net.collect_params(), "adam", options, kvstore(comm), zero=1)
            trainer.set_states(states)
        runs.append(curve(net, trainer, comm.rank, comm.size, data=data[3:]))
    close(runs[0], runs[1])


def check_states_cannot_be_spread(comm):
    net = lenet()
    for optimizer, options, text in (
        ("lamb", {"zero": 1}, "needs whole parameters"),
        ("sgd", {"zero": 3}, "zero is 3"),
        ("sgd", {"zero": 1, "update_on_kvstore": True}, "zero is 1"),
    ):
        trainer = None
        try:
            trainer = gluon.Trainer(net.collect_params(), optimizer, None, kvstore(comm), **options)
            curve(net, trainer, comm.rank, comm.size, data=list(batches())[:1])
        except ValueError as error:
            assert text in str(error), error
        else:
            raise AssertionError(text)


def check_store_sums_over_ranks(comm):
    kv = kvstore(comm)
    assert (kv.type, kv.rank, kv.num_workers) == ("dist_sync", comm.rank, comm.size)
    kv.init([3, "w"], [nd.full((2, 3), comm.rank + 7), nd.ones((4,))])
    out = nd.zeros((2, 3))
    kv.pull(3, out=out)
    assert (out.asnumpy() == 7).all()
    mine = [nd.full((2, 3), comm.rank), nd.full((2, 3), 1)]
    kv.push(3, mine)
    kv.pull(3, out=out)
    total = sum(range(comm.size)) + comm.size
    assert (out.asnumpy() == total).all()
    assert (mine[0].asnumpy() == comm.rank).all()
    both = nd.full((5,), comm.rank + 1)
    kv.pushpull("new", both)
    assert (both.asnumpy() == comm.size * (comm.size + 1) / 2).all()
    kv.broadcast("w", nd.full((4,), comm.rank + 2), value := nd.zeros((4,)))
    assert (value.asnumpy() == 2).all()
    kv.barrier()


def check_store_with_optimizer(comm):
    kv = kvstore(comm)
    kv.init("w", nd.ones((3,)))
    kv.set_optimizer(mx.optimizer.SGD(learning_rate=0.5, rescale_grad=1 / comm.size))
    kv.push("w", nd.ones((3,)))
    kv.pull("w", out := nd.zeros((3,)))
    close(out.asnumpy(), 0.5)


def check_two_bit_values(comm):
    kv = kvstore(comm)
    kv.set_gradient_compression({"type": "2bit", "threshold": 0.5})
    kv.init(0, nd.zeros((7,)))
    gradient = nd.array([0.6, -0.7, 0.3, 0.0, 0.5, -0.5, -0.2])
    sent = [[0.5, -0.5, 0, 0, 0.5, -0.5, 0], [0.5, -0.5, 0.5, 0, 0.5, -0.5, 0]]
    for values in sent:  # the second time with what was left out
        kv.push(0, gradient)
        kv.pull(0, out := nd.zeros((7,)))
        close(out.asnumpy(), comm.size * np.array(values))


def check_bad_compression(comm):
    kv = kvstore(comm)
    for params, text in (
        ({"type": "3bit"}, "type is '3bit'"),
        ({"type": "2bit", "threshold": 0}, "threshold is 0.0"),
        ({"type": "topk", "ratio": 2}, "ratio is 2.0"),
        ({"type": "1bit", "ratio": 2}, "does not take all of ['ratio']"),
    ):
        try:
            kv.set_gradient_compression(params)
        except ValueError as error:
            assert text in str(error), error
        else:
            raise AssertionError(text)


def check_async_store(comm):
    kv = mx.kvstore.AsyncKVStore("dist_async", comm)
    keys = ["a", "b", "c", 4]
    kv.init(keys, [nd.zeros((3,)) for _ in keys])
    kv.set_optimizer(mx.optimizer.SGD(learning_rate=1.0, rescale_grad=-1.0))
    for key in keys:
        for _ in range(3):
            kv.push(key, nd.ones((3,)))
    outs = [nd.zeros((3,)) for _ in keys]
    kv.pull(keys, outs)
    for out in outs:  # at least what this rank has pushed
        assert 3 <= out.asnumpy()[0] <= 3 * comm.size
    comm.barrier()
    kv.barrier()
    kv.close()
    for key in keys:
        if kv._owner(key) == comm.rank:
            assert (kv._values[key].asnumpy() == 3 * comm.size).all()


def check_async_training(comm):
    store = mx.kvstore.AsyncKVStore("dist_async", comm)
    net = lenet()
    net(nd.zeros((1, 1, 16, 16)))
    trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0.005}, kvstore=store)
    data = [
        next(iter(batches()))
    ] * 30  # the gradients of others come late, so the start goes uphill
    losses = curve(net, trainer, comm.rank, comm.size, data=data)
    store.close()
    assert losses[-1] < losses[0], losses
